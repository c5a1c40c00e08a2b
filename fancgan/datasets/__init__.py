"""Annotated data sets on disk: read, checked, fetched, and made.

In: folders of images and masks, or a plan for synthetic ones. Out: fields of view with labels,
findings in plain words, and folders or archives of labelled synthetic pairs.
"""
