# Functions that share a tuple of defaults, reached when everything else was rebuilt, had one each.
def graph_shared_defaults():
    n = [[[[i]] for i in range(990)] for _ in range(4)]
    n.extend(making.function([None, None], [], [], 0) for _ in range(3))
    return n


GRAPHS.append(graph_shared_defaults())
