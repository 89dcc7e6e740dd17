"""A module that is taken out of ``sys.modules``."""
WORD = ["hidden"]


def word():
    return WORD
