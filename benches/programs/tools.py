"""The tools that are measured: how each dumps where the program failed, and opens its file to the stack with variables."""
import gc
import gzip
import importlib
import json
import pickle
import sys

LIMIT = 10 ** 9


def frames(exception):
    """The frames of an exception's traceback, outermost first."""
    found, entry = [], exception.__traceback__
    while entry is not None:
        found.append(entry.tb_frame)
        entry = entry.tb_next
    return found


def brief(value):
    """A variable as a stack shows it, at no cost."""
    return repr(value)[:200] if type(value) in (str, int, float) else "<%s>" % type(value).__name__


def is_whole(shown):
    return "orders" in shown["work"] and "doubled" in shown["middle"] and "reason" in shown["innermost"]


class Heapsake:
    """Forks, and reads its own memory in the child."""

    package = "heapsake"
    is_right = staticmethod(is_whole)

    def dump(self, path, exception):
        importlib.import_module("heapsake").dump(path, exception)

    def pause(self, path):
        return importlib.import_module("heapsake").load(path).header["pause"]

    def open(self, path):
        shown = {}
        thread = importlib.import_module("heapsake").load(path).threads[0]
        for frame in thread.frames:
            shown[frame.function] = {name: repr(view) for name, view in frame.locals.items()}
        return shown


class Coredumpy:
    """Walks by attribute access; depth and time unlimited here, so that it saves everything as the others do."""

    package = "coredumpy"
    is_right = staticmethod(is_whole)

    def dump(self, path, exception):
        coredumpy = importlib.import_module("coredumpy")
        coredumpy.config.dump_timeout = LIMIT
        coredumpy.dump(frames(exception)[-1], path=path, description=str(exception), depth=LIMIT)

    def open(self, path):
        core = importlib.import_module("coredumpy.coredumpy")
        frame, shown = core.load_data_from_path(path)["frame"], {}
        while frame is not None:
            shown[frame.f_code.co_name] = {name: brief(value) for name, value in frame.f_locals.items()}
            frame = frame.f_back
        return shown


class Pickler:
    """cloudpickle or dill: the variables of the frame that holds the records. Opening needs the program's modules."""

    is_right = staticmethod(is_whole)

    def __init__(self, package):
        self.package = package

    def dump(self, path, exception):
        module = importlib.import_module(self.package)
        held = {frame.f_code.co_name: dict(frame.f_locals) for frame in frames(exception) if frame.f_code.co_name != "crash"}
        with open(path, "wb") as file:
            module.dump(held, file, protocol=pickle.HIGHEST_PROTOCOL)

    def open(self, path):
        module = importlib.import_module(self.package)
        with open(path, "rb") as file:
            held = module.load(file)
        return {function: {name: brief(value) for name, value in variables.items()} for function, variables in held.items()}


class CollectorWalk:
    """What PyHeap's injected dumper does, less the ``str()`` of every object: all that the collector reaches, with its
    type, size and referents, and the text of strings. No stack."""

    package = "gc"

    def dump(self, path, exception):
        seen, found = set(), gc.get_objects()
        with gzip.open(path, "wt", compresslevel=1) as file:
            while found:
                one = found.pop()
                if id(one) in seen:
                    continue
                seen.add(id(one))
                referents = gc.get_referents(one)
                text = one if type(one) is str else None
                line = [id(one), type(one).__qualname__, sys.getsizeof(one), [id(other) for other in referents], text]
                file.write(json.dumps(line))
                file.write("\n")
                found.extend(referents)

    def open(self, path):
        with gzip.open(path, "rt") as file:
            return {"objects": {line[0]: line for line in map(json.loads, file)}}

    def is_right(self, shown):
        return len(shown["objects"]) > 1000


TOOLS = {
    "heapsake": Heapsake(),
    "cloudpickle": Pickler("cloudpickle"),
    "dill": Pickler("dill"),
    "gc walk": CollectorWalk(),
    "coredumpy": Coredumpy(),
}
