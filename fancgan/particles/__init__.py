"""Particles as label images: int32 [H, W], 0 = background, 1..n.

In: masks, or the probability maps of cores. Out: labels in which touching particles are parted,
what a network learns of them, their outlines, and which of two label images are the same.
"""
