"""From a network's maps of a picture to its particles, each with a confidence.

In: the maps of the particle network at any size, what was learned to judge them by. Out: label
images, how far each particle and the picture can be trusted, the typical diameter.
"""
