# Elements of sets that are not described, such as modules, ended the comparison of a set.
def graph_module_in_a_set():
    return [frozenset([making.sys, making.Meta]), {making.sys, 5}]


GRAPHS.append(graph_module_in_a_set())
