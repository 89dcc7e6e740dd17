"""Groups of exceptions that hold each other many times: 160,000 by way of counting, and 400 that are different."""


def fail():
    deep = ValueError("leaf")
    for level in range(3):
        deep = ExceptionGroup("level %d" % level, [deep] * 20)
    wide = [ExceptionGroup("wide %d" % at, [KeyError(at, one) for one in range(20)]) for at in range(18)]
    try:
        {}["price"]
    except KeyError as cause:
        raise ExceptionGroup("all", [deep, deep, *wide]) from cause


fail()
