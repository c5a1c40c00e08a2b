"""What the painter learns from: one part of a micrograph painted in the look of another part.

In: pictures with label images. Out: arrays for one training step, its losses, the library of looks.
"""
