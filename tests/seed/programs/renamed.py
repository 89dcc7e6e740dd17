"""A module that calls itself otherwise."""
MARK = ["renamed"]
__name__ = "another.name"
