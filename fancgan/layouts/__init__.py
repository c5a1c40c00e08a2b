"""Particle layouts by physics: where particles lie, how large they are and how they overlap.

In: number, size, shape and arrangement. Out: label images, and the statistics of real masks to
which such layouts are fitted.
"""
