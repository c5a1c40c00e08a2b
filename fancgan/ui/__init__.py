"""The web page: header, three tabs, and the same functions for other programs.

In: a pipeline. Out: a gradio application; each tab has its Python, JavaScript and HTML together.
"""
