"""Training: crops in, losses, one step after the other, checkpoints out.

In: annotated fields, a model and settings. Out: a run, a folder that holds weights, curves and
sample sheets, and from which the same command goes on. Read loop.py first, then step.py, terms.py.
"""
