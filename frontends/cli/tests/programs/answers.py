"""What an interpreter's own `eval` says of expressions, for the oracles of arrays and tables."""
import json


def answer(expression, names, plain):
    """The value of an expression, as ``plain`` has it, or the class of the exception."""
    try:
        value = plain(eval(expression, dict(names)))
    except Exception as problem:
        return {"exception": type(problem).__name__}
    return {"repr": repr(value)}


def write(path, expressions, names, plain):
    """A line for each expression: what was asked, and the answer."""
    with open(path, "w", encoding="ascii") as file:
        for asked in expressions:
            file.write(json.dumps([asked, answer(asked, names, plain)]) + "\n")
