"""The one exception that a user is meant to read."""


class UserError(Exception):
    """A fault in the user's input, in one sentence: what is wrong, where, and what to do.

    Scripts print it and exit with code 2; the app shows it as a toast. Anything else that is
    raised is a defect of the program.
    """
