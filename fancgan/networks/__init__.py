"""The networks, and the modules that leave the house with them.

In: tensors. Out: a synthetic image of a mask in a style (generator), a mask of an image
(segmenter), the style of an image; as TorchScript modules that take and give grey levels.
"""
