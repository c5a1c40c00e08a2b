"""Losses: pure functions of tensors, named and unweighted.

In: painted and real images in [-1, 1], masks in {0, 1}, logits and scores. Out: one number each;
what they weigh is said in config.py alone.
"""
