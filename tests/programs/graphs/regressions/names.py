# A function lost the attributes that are called like special ones; a class was called by the end of its qualified name.
def graph_names():
    class C:
        pass

    C.__qualname__ = "C.. <b>"
    n = [C, making.instance(C, []), making.function([None, None], [], [], 0)]
    making.function_attributes(n[2], [("__f__", n[1]), ("__isabstractmethod__", True)])
    return n


GRAPHS.append(graph_names())
