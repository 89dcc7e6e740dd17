"""The oracle of expressions: live objects, what this interpreter's own `eval` says of expressions over them, then a wait to be
dumped. The same expressions are then asked of the dump."""
import array
import ast
import collections
import dataclasses
import enum
import itertools
import json
import random
import sys
import types
import typing
import weakref

none, true, false, zero, one, seven, neg = None, True, False, 0, 1, 7, -7
big, low = 2 ** 70 + 3, -(2 ** 65)
half, small, minus_zero, vast, inf, nan = 2.5, -0.125, -0.0, 1e300, float("inf"), float("nan")
comp = 3 + 4j
empty, abc, wide, lone = "", "abc", "\xe9\U0001d11e z", "a\ud800b"
bempty, bab, barr = b"", b"ab\xff", bytearray(b"xy\x00")
lempty, nums, mixed = [], [3, 1, 2], [1, "a", None, 2.5, (1, 2)]
tempty, pair = (), (1, "a")
dempty, table, numbered = {}, {"a": 1, "b": [1, 2], 3: "c", (1, 2): None, None: 0, 2.5: "x", b"k": 9}, {n: n * n for n in range(300)}
named = {"key%d" % n: n for n in range(500)}
sempty, primes, frozen = set(), {2, 3, 5, 7}, frozenset({3, 4})
rempty, steps, down = range(0), range(2, 11, 3), range(10, 0, -3)
cut = slice(1, 5, 2)
ordered = collections.OrderedDict([("z", 1), ("a", 2)])
defaults = collections.defaultdict(list, a=[1])
queue, bounded = collections.deque([1, 2, 3]), collections.deque([4, 5], maxlen=2)
proxy = types.MappingProxyType({"p": 1})
numbers = array.array("i", [5, 6, 7])
ring = [1]
ring.append(ring)
knot = {}
knot["self"] = knot
cafe = "Stra\xdfe \u0130stanbul \u1f88 \u03a3\u03a3 \ufb01n \u01c4"
lines = "one\ntwo\r\nthree\x0bfour\u2028five"
matrix = [[1, 2, 3], [4, 5, 6]]
words = ["pear", "Apple", "fig", "apple"]


class Plain:
    """Nothing of its own."""
    kind = "plain"

    def __init__(self, price, name):
        self.price, self.name = price, name

    def total(self):
        return self.price * 2

    @property
    def dear(self):
        return self.price > 10

    @staticmethod
    def fixed():
        return 1

    @classmethod
    def made(cls):
        return cls(1, "m")


class Slotted:
    __slots__ = ("left", "right", "unset")

    def __init__(self):
        self.left, self.right = 1, [2]


class Sub(Plain):
    pass


class Text(str):
    pass


class Number(int):
    pass


class Pile(list):
    pass


class Own(list):
    def __len__(self):
        return 77

    def __getitem__(self, at):
        return "item"

    def __eq__(self, other):
        return True

    def __contains__(self, item):
        return True

    def __iter__(self):
        return iter("own")


class Answers:
    def __getattr__(self, name):
        return name

    def __bool__(self):
        return False

    def __repr__(self):
        return "answers"

    def __call__(self):
        return 1

    def __add__(self, other):
        return 1


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Record:
    name: str
    amount: int = 3
    hidden: int = dataclasses.field(default=4, repr=False, compare=False)


orders = [Plain(n, "order %d" % n) for n in range(20)]
plain, sub, slotted = orders[3], Sub(30, "sub"), Slotted()
weakly = weakref.proxy(plain)
bound, partly, optional = plain.total, {"a": [1], "b": 2}, typing.Optional[int]
union = int | str if sys.version_info >= (3, 10) else (int, str)
covered = types.MappingProxyType(ordered)
text, number, pile, own, answers = Text("text"), Number(12), Pile([1, 2]), Own([1, 2, 3]), Answers()
pile.note, work, held = "n", lambda value: value, KeyError(5)
held.note = 7
red, level, point, record, same_record = Colour.RED, Level.HIGH, Point(1, [2]), Record("r"), Record("r")
mistake, key_error, several = ValueError("wrong", 3), KeyError("k"), OSError(2, "no such")
bare = Exception()


class Failure(Exception):
    """Nothing of its own."""


class Stated(Failure):
    def __init__(self, code, reason):
        super().__init__()
        self.code, self.reason = code, reason


def caught(call, *arguments):
    try:
        return call(*arguments)
    except Exception as problem:
        return problem


failures = {
    "none": Failure(), "one": Failure("a"), "text": Failure("it's \u20ac \x1b"), "several": Failure("a", 1, None),
    "list": Failure(["a"]), "nested": Failure(ValueError("inner")), "stated": Stated(7, "why"), "key": KeyError("k"), "no key": KeyError(),
    "keys": KeyError("k", "l"), "looked up": caught({}.__getitem__, ("a", 1)), "index": caught([].__getitem__, 3),
    "divided": caught(divmod, 1, 0), "attribute": caught(getattr, 1, "price"), "parsed": caught(int, "x"),
    "stop": StopIteration(5), "exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "assertion": AssertionError("no"),
    "system": OSError(2, "no such"), "file": FileNotFoundError(2, "no such", "a'b"),
    "files": OSError(18, "linked", "a", None, "b"),
    "one of system": OSError("alone"), "three of system": OSError("a", "b", "c"), "opened": caught(open, "/nowhere/at all"),
    "imported": caught(__import__, "no_such_module"), "import": ImportError("a", name="n"),
    "path": ImportError(name="n", path="p"), "syntax": SyntaxError("bad"),
}
if sys.version_info >= (3, 11):
    failures["group"] = ExceptionGroup("two", [ValueError(1), KeyError(2)])  # noqa: F821
    failures["group of one"] = BaseExceptionGroup("one", [KeyboardInterrupt()])  # noqa: F821

PAIRED = """none true zero one seven neg big low half small minus_zero vast inf nan comp empty abc wide bempty bab barr lempty nums
mixed tempty pair dempty table sempty primes frozen rempty steps cut text number""".split()
OPERATORS = "+ - * / // % ** << >> & | ^ == != < <= > >= in is and or".split() + ["not in"]
UNARY = ["-%s", "+%s", "~%s", "not %s", "abs(%s)", "len(%s)", "bool(%s)", "str(%s)", "repr(%s)", "int(%s)", "float(%s)", "list(%s)",
         "tuple(%s)", "sorted(%s)", "sum(%s)", "max(%s)", "min(%s)", "any(%s)", "all(%s)", "round(%s)", "hex(%s)", "bytes(%s)",
         "ascii(%s)", "type(%s)", "isinstance(%s, int)", "callable(%s)", "list(reversed(%s))", "list(enumerate(%s))", "%s[0]",
         "%s[-1]", "%s[1:]", "%s[::-1]", "%s[::2]", "%s[5]", "%s['a']", "dict(%s)", "f'{%s}'", "f'{%s!r:>12}'", "'%%s' %% (%s,)",
         "format(%s, '>10')", "format(%s, 'd')", "format(%s, '.2f')", "format(%s, 'x')", "[*%s]", "{**%s}", "(lambda: 0) and %s",
         "%s.real", "%s.count(1)", "%s.index(1)", "%s.copy()", "round(%s, 1)", "divmod(%s, 3)", "pow(%s, 2)", "ord(%s)", "chr(%s)",
         "bin(%s)", "oct(%s)", "complex(%s)", "frozenset(%s)", "set(%s)", "range(%s)", "%s()", "getattr(%s, 'real', 0)",
         "hasattr(%s, 'append')", "type(%s).__name__", "%s.nothing", "next(iter(%s))", "%s * 2", "2 * %s", "%s + %s"]
OF_FAILURES = ["bool(%s)", "not %s", "1 if %s else 2", "str(%s)", "repr(%s)", "f'{%s}'", "f'{%s!r}'", "f'{%s!s:>40}'",
               "'%%s' %% %s", "'%%r' %% %s", "'{}'.format(%s)", "str([%s])", "%s.args", "len(%s)", "isinstance(%s, LookupError)", "%s + ''"]
TOO_MUCH = {"**", "<<", "*"}


def parts(line):
    """The elements of a tuple, each an expression of its own."""
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError:
        return [line]
    if not isinstance(tree, ast.Tuple) or any(isinstance(one, ast.Starred) for one in tree.elts) or line.startswith("("):
        return [line]
    return [ast.get_source_segment(line, one) for one in tree.elts] or [line]


def expressions(path):
    with open(path, encoding="utf-8") as listed:
        for line in listed:
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            since = 8
            if line.startswith("3.") and "| " in line:
                version, line = line.split("| ", 1)
                since = int(version[2:])
            if sys.version_info[1] >= since:
                yield from parts(line)
    for form in UNARY:
        for name in PAIRED:
            if "lambda" not in form and not ("range" in form and name in ("vast", "true")):
                yield form.replace("%s", name).replace("%%", "%")
    for form, name in itertools.product(OF_FAILURES, failures):
        yield form % ('failures["%s"]' % name)
    seed = random.randrange(2 ** 32)
    sys.stderr.write("the seed of random arithmetic is %d\n" % seed)
    chance = random.Random(seed)
    for _ in range(4000):
        yield arithmetic(chance)
    for (left, right), operator in itertools.product(itertools.product(PAIRED, PAIRED), OPERATORS):
        huge = {"big", "low"} & {right} or (operator == "*" and {"big", "low"} & {left})
        if operator in TOO_MUCH and huge:
            continue
        yield "%s %s %s" % (left, operator, right)


def arithmetic(chance, depth=0):
    """A random expression of numbers of any size."""
    if depth > 4 or chance.random() < 0.2:
        return chance.choice([
            str(chance.randrange(10)), str(chance.randrange(-2 ** 70, 2 ** 70)), str(chance.randrange(-2 ** 33, 2 ** 33)),
            repr(chance.uniform(-100, 100)), "True", "big", "low", "half", "number", str(2 ** chance.randrange(130)),
        ])
    left = arithmetic(chance, depth + 1)
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(["-(%s)", "~(%s)", "abs(%s)", "int(%s)", "round(%s)", "float(%s)", "bool(%s)"]) % left
    if kind < 0.2:
        return "((%s) %s %d)" % (left, chance.choice(["<<", ">>", "**"]), chance.randrange(6))
    operator = chance.choice("+ - * / // % & | ^ + - * // % < == <=".split())
    return "((%s) %s (%s))" % (left, operator, arithmetic(chance, depth + 1))


def answer(expression):
    """The expression to ask, which has one answer in any order of a set, and the answer."""
    import warnings
    warnings.simplefilter("ignore")
    try:
        value = eval(expression, dict(globals()))
    except Exception as problem:
        return expression, {"exception": type(problem).__name__}
    if type(value) in (set, frozenset):
        expression = "[type(%s), sorted(%s, key=repr)]" % (expression, expression)
        value = eval(expression, dict(globals()))
    return expression, {"repr": repr(value)}


def wait():
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="ascii") as answers_file:
        for asked in expressions(sys.argv[1]):
            answers_file.write(json.dumps(answer(asked)) + "\n")
    wait()
