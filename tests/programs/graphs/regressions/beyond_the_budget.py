# Partials and functions that hold one another, reached when everything else was rebuilt: their arguments and defaults were
# looked up one inside the other, which was too deep.
def graph_beyond_the_budget():
    n = [[[[i]] for i in range(990)] for _ in range(4)]

    def f(x=1):
        pass

    for _ in range(2000):

        def f(x=f):
            pass

    n.append(f)
    return n


def graph_at_its_end():
    return [making.chain("partial", 800, 5) for _ in range(20)]


GRAPHS.append(graph_beyond_the_budget())
GRAPHS.append(graph_at_its_end())
