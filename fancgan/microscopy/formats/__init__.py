"""File formats: one reader a file, each giving the samples of a page and what the file tells.

In: a path and a page. Out: `Stored`: samples the right way up, pages, pixel size or the doubt
about it, the info bar's row.
"""
