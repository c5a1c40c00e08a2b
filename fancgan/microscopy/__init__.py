"""Microscope files: what stands in them, and what leaves this program as a picture.

In: files of microscopes on disk (`formats` knows them). Out: grey levels, nanometres per pixel,
where the info bar begins; and image files that say what they show, above all that they are
synthetic.
"""
