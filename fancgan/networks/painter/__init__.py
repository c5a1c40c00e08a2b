"""Paints particles of any kind in the look of any micrograph.

In: a mask, a style (the look of a reference, measured and encoded) and noise. Out: a micrograph.
A draft is drawn from the measured look in closed form; a Style U-Net corrects it.
"""
