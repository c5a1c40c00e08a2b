"""What a run leaves on disk: checkpoints, weights, curves, sample sheets.

In: states, figures and pictures of a training. Out: a folder from which it goes on.
"""
