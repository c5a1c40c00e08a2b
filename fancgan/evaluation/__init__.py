"""How good a bundle is, in figures that carry their n and their interval.

In: a bundle and annotated fields. Out: how well it segments, how far its images are from real
ones, and whether its cycle closes, each beside floors and baselines.
"""
