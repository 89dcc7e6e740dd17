"""Reducers that answer for one type, fail, return nothing, or contain what they reduce: T91 to T96, T98.

The program has a class for each case; its reducers, written in Python, run for the dump that it makes of itself.
"""
import collections

import heapsake
from running import Programs

PROGRAM = """
import heapsake

class Holder:
    def __init__(self):
        self.members = []

def ring(kind):
    '''An object three times in a structure that leads back to its beginning.'''
    holder, thing = Holder(), kind()
    thing.holder, thing.value = holder, ["known"]
    holder.members += [thing, {"again": thing}, (thing,)]
    holder.me = holder
    return holder

class Ordinary: pass
class Reduced: pass
class Fails: pass
class Nothing: pass
class Itself: pass
class Frozen: pass
class TheObject: pass
class Five: pass
class FiveMapping: pass
class Harmful: pass

@heapsake.reducer(Reduced)
def reduce_reduced(view):
    return heapsake.Reduction(state={"reduced": True})

@heapsake.reducer(Fails)
def reduce_fails(view):
    raise LookupError("no such thing")

@heapsake.reducer(Nothing)
def reduce_nothing(view):
    pass

@heapsake.reducer(Itself)
def reduce_itself(view):
    return heapsake.Reduction(state={"me": view}, edges={"self": view})

@heapsake.reducer(Frozen)
def reduce_frozen(view):
    return heapsake.Reduction(callable="builtins.tuple", args=([view, 1],))

@heapsake.reducer(TheObject)
def reduce_the_object(view):
    return view

@heapsake.reducer(Five)
def reduce_five(view):
    return heapsake.Reduction(callable="collections.deque", args=([0], 9), state={"note": "state"}, list_items=[1, view["value"]],
                              dict_items=[("key", view["value"])])

@heapsake.reducer(FiveMapping)
def reduce_five_mapping(view):
    return heapsake.Reduction(callable="builtins.dict", args=(), state={"note": "state"}, dict_items=[("key", view["value"]), (view["value"], 2)])

@heapsake.reducer(Harmful)
def reduce_harmful(view):
    return heapsake.Reduction(callable="os.system", args=("touch harmed",), state={"note": "state"}, list_items=[1], dict_items=[(2, 3)])

kinds = [Ordinary, Reduced, Fails, Nothing, Itself, Frozen, TheObject, Five, FiveMapping, Harmful]
rings = {kind.__name__: ring(kind) for kind in kinds}
heapsake.dump("with.heapsake", redact="none")
heapsake.dump("without.heapsake", redact="none", reducers=False)
"""


class Reducers(Programs):
    @classmethod
    def setUpClass(cls):
        maker = cls("setUp")
        maker.setUp()
        cls.addClassCleanup(maker.doCleanups)
        maker.program(PROGRAM)
        cls.made, cls.folder_of_dumps = heapsake.load(maker.path("with.heapsake")), maker
        cls.plain = heapsake.load(maker.path("without.heapsake"))
        assert not cls.made.faults and not cls.plain.faults, (cls.made.faults, cls.plain.faults)

    def ring(self, name, dump=None):
        """The holder, and its object at its three places."""
        rings = {key.value: value for key, value in (dump or self.made).modules["__main__"]["rings"].items}
        holder = rings[name]
        members = list(holder["members"].items)
        return holder, [members[0], members[1].items[0][1], members[2].items[0]]

    def whole(self, name):
        """One object at all three places, its edges and the way back as they were."""
        holder, places = self.ring(name)
        self.assertEqual(places, [places[0]] * 3)
        self.assertEqual(places[0].type_name, "__main__." + name)
        self.assertEqual((places[0]["holder"], holder["me"], places[0]["value"].items[0].value), (holder, holder, "known"))
        made = holder.rebuild()
        self.assertIs(made.members[0], made.members[1]["again"])
        self.assertIs(made.members[0], made.members[2][0])
        self.assertIs(made.me, made)
        return places[0], made.members[0]

    def failed(self, name, reason):
        view, made = self.whole(name)
        self.assertRegex(view.reducer_failure, reason)
        self.assertIsNone(view.reduction)
        self.assertTrue(any(name.lower() in note.lower().replace("_", "") for note in self.made.notes), self.made.notes)
        self.assertIs(made.holder, self.ring(name)[0].rebuild())
        self.assertEqual((type(made).__qualname__, made.value), (name, ["known"]))

    def test_t91_other_types_are_as_without_a_reducer(self):
        def shown(dump):
            view = self.ring("Ordinary", dump)[1][0]
            return [(kind, name, target.address, target.type_name) for kind, name, target in view.edges], view.address, view.reduction, view.surrogate

        self.assertEqual(shown(self.made), shown(self.plain))
        self.whole("Ordinary")
        self.assertEqual(self.ring("Reduced")[1][0].reduction.state, {"reduced": True})
        self.assertIsNone(self.ring("Reduced", self.plain)[1][0].reduction)

    def test_t92_a_failure_costs_one_object(self):
        self.failed("Fails", r"__main__\.reduce_fails: LookupError: no such thing")

    def test_t93_nothing_is_a_failure(self):
        self.failed("Nothing", r"__main__\.reduce_nothing: returned None")
        self.assertIsNotNone(self.ring("Nothing")[0].rebuild().members[0])

    def test_t94_a_reduction_that_contains_its_object(self):
        view, made = self.whole("Itself")
        self.assertEqual((view["me"], view["self"], view.reduction.edges), (view, view, {"self": view}))
        self.assertIs(made.me, made)
        self.assertIs(getattr(made, "self"), made)

    def test_t95_an_immutable_one_that_contains_itself(self):
        view, made = self.whole("Frozen")
        self.assertEqual((view.reduction.callable, view.reduction.args), ("builtins.tuple", ([view, 1],)))
        self.assertIsInstance(made, tuple)
        self.assertEqual((len(made), made[1]), (2, 1))
        inner = made[0]
        self.assertTrue(inner is made or "surrogate" in repr(inner), repr(inner))

    def test_t96_the_very_object_is_a_failure(self):
        self.failed("TheObject", r"__main__\.reduce_the_object: returned a View")

    def test_t98_five_parts(self):
        view, made = self.whole("Five")
        value = view["value"]
        reduction = view.reduction
        self.assertEqual((reduction.callable, reduction.args, reduction.state, reduction.list_items, reduction.dict_items),
                         ("collections.deque", ([0], 9), {"note": "state"}, [1, value], [("key", value)]))
        self.assertIsInstance(made, collections.deque)
        self.assertEqual((list(made), made.maxlen), ([0, 1, ["known"]], 9))
        self.assertIs(made[2], value.rebuild())
        view, made = self.whole("FiveMapping")
        self.assertEqual(view.reduction.dict_items, [("key", view["value"]), (view["value"], 2)])
        self.assertIsInstance(made, dict)
        self.assertIs(made["key"], view["value"].rebuild())
        # what is not on the list of harmless callables is shown and never called
        view, made = self.whole("Harmful")
        self.assertEqual((view.reduction.callable, view.reduction.args, view.reduction.list_items, view.reduction.dict_items),
                         ("os.system", ("touch harmed",), [1], [(2, 3)]))
        self.assertEqual((type(made).__qualname__, made.note), ("Harmful", "state"))
        self.assertNotIn("harmed", __import__("os").listdir(self.folder_of_dumps.folder))
