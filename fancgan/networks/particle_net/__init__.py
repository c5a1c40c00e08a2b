"""The network for particles of any kind: bright or dark, a few pixels or the whole frame.

In: grey levels. Out: maps of where particles are, where they end, how large each one is and where
its middle lies; `fancgan.particles` turns them into labels.
"""
