"""Many micrographs, by several processes. In: files and settings. Out: the files of each, and a
record that says it is done, so that the same command goes on after a kill.
"""
