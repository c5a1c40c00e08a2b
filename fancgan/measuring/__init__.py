"""From micrographs to measured particles, and to the files that people take away.

In: a micrograph and a pipeline. Out: properties of each particle, size distributions with their
intervals, corrections by hand, and tables, labels, pictures and a report of all that.
"""
