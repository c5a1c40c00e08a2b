"""From the weights of a run to a bundle, its model card, the Hub and a Space.

In: runs, or a bundle. Out: a sealed bundle folder, and commits on the Hugging Face Hub.
"""
