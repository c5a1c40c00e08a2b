"""Bundles: trained networks as files, found by name, in a folder or on the Hugging Face Hub.

In: a name, a folder or a repository at a commit. Out: a `Bundle` whose configuration is checked
and whose files are those that were exported.
"""
