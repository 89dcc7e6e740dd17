# A class in Python that is called like a type of C, as rebuilding makes them, was read as the type's struct.
def graph_called_like_a_type_of_c():
    def called(module, name, base=object, **more):
        return type(name, (base,), dict(more, __module__=module))

    names = [("functools", "_lru_cache_wrapper"), ("_queue", "SimpleQueue"), ("_hashlib", "HASHXOF"), ("_csv", "writer")]
    n = [called(module, name) for module, name in names]
    n.append(called("_sre", "SRE_Scanner", __slots__=("pattern", "other")))
    n.append(called("_thread", "_localdummy", list))
    n.append(called("_thread", "RLock", int))
    n.extend(making.instance(each, [5] if issubclass(each, list) else 5) for each in n[:])
    for each in n[7:11] + n[12:]:
        making.attributes(each, [("left", n), ("right", each)], 0, True)
    n[11].other = n
    n.append(making.functools.lru_cache()(abs))
    return n


GRAPHS.append(graph_called_like_a_type_of_c())
