"""The critics, and what they look at.

In: images with their masks. Out: scores, high for real ones.
"""
