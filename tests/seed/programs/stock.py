"""The second module."""
SIZE = 10


def count(number):
    return number + SIZE
