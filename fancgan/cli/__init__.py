"""The verbs of `python -m fancgan`, one module each.

A verb module offers HELP (one line), add_arguments(parser) and run(args). Heavy imports belong
inside run, so that --help answers at once.
"""
