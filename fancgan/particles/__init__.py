"""Particles as label images: int32 [H, W], 0 = background, 1..n.

In: masks, or the segmenter's probability maps. Out: labels in which touching particles are parted,
their cores and outlines, and which particles of two label images are the same.
"""
