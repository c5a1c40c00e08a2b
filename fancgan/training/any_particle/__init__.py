"""What the particle network learns from: crops of any picture at any scale in any look.

In: pictures with label images, a random generator. Out: arrays for one training step, and its loss.
"""
