"""What pdb and IPython's debugger answer to what people type, on dumps of other versions: ``scripted.py DEBUGGER FILE...``."""
import re
import subprocess
import sys

PROMPT = {"pdb": "(Pdb) ", "ipdb": "ipdb> "}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: what is typed, and what the answer must have: texts, or patterns
SCRIPT = [
    ("where", ["main", "handle(order, prices, suspended, tasks=tasks)", "raise ValueError"]),
    ("args", ["order = <__main__.Order object at 0x", "prices = {'apple': 3, 'pear': 4}", "rest = ()"]),
    ("p order.price * 2, [order.price + each for each in range(2)]", ["(10, [5, 6])"]),
    ("p (lambda: prices['pear'])()", ["4"]),
    ("p text", [r"'\x1b[31mred\x1b]0;title\x07 \u202ename'"]),
    ("!print(text)", [r"red\x1b]0;title\x07 \u202ename"]),
    ("p shout", ["Shout object at 0x"]),
    ("p big", ["99, … 99,900 more]"]),
    ("pp order", ["lines={", "price=5"]),
    ("p huge", ["298,000 more"]),
    ("p order.total()", ["comes from a dump"]),
    ("p Order(1)", ["comes from a dump"]),
    ("whatis order.total", ["Method total"]),
    ("whatis Order", ["Class __main__.Order"]),
    ("source Order", ["class Order:", "return self.price * factor"]),
    ("source order.total", ["def total(self, factor=2):"]),
    ("longlist", ["def handle(order", "raise ValueError"]),
    ("list 1, 3", ["The program whose dumps"]),
    ("display order.price", ["display order.price: 5"]),
    ("retval", ["Not yet returned!"]),
    ("exceptions", ["0 AttributeError(", "> ", "1 ValueError('cannot handle', 5)"]),
    ("exceptions 0", ["handle", "order.nothing"]),
    ("exceptions 1", ["raise ValueError"]),
    ("refs order", ["root thread:MainThread", "of <frame at 0x"]),
    ("p len(_refs) > 0", ["True"]),
    ('path order.lines["first"]', ["a root leads to it", "['first'] = list"]),
    ("up", ["main", "handle(order, prices"]),
    ("p failed", ["Task"]),
    ("thread suspended", ["numbers", "yield number"]),
    ("p inner", ["['of numbers', 5]"]),
    ("up", ["delegating", "yield from numbers(5)"]),
    ("p outer", ["'of delegating'"]),
    ("threads", ["MainThread", "worker-1", "--- tasks ---", "pending task", "finished task", "--- suspended without a task ---", "delegating"]),
    ("threads worker", ["worker-1"]),
    ("thread worker-1", ["wait"]),
    ("up 2", ["aside.py", "stop.wait()"]),
    ("p orders", ["['in the thread', 1, 2]"]),
    ("list", ["source differs here", "def worker(stop, waits):"]),
    ("list 1, 99", ["return orders"]),
    ("exceptions", ["This thread has no exception."]),
    ("thread nowhere", ["no thread nowhere: there are 1 MainThread"]),
    ("continue", ["a dump does not run; q leaves"]),
    ("thread MainThread", ["raise ValueError"]),
    ("!order.price = 6", []),
    ("p order.price", ["6"]),
]


def answers(debugger, path, lines):
    command = [sys.executable, "-I", "-m", "heapsake", "debug", "--with", debugger, "--", path]
    ended = subprocess.run(command, input="\n".join(lines) + "\nq\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=170)
    if ended.returncode:
        return None, ended.stderr
    out = COLOURS.sub("", ended.stdout)
    found = out.split(PROMPT[debugger])
    return (found[1:] if len(found) == len(lines) + 2 else None), out + ended.stderr


def tasks_of(said):
    """The numbers of a pending task and of the one that failed."""
    pending = re.search(r"(\d+) \S+ · 2 frames · pending task", said)
    failed = re.search(r"(\d+) \S+ · 0 frames · finished task · (ExceptionGroup|KeyError)", said)
    return pending and pending.group(1), failed and failed.group(1), failed and failed.group(2) == "ExceptionGroup"


def check(debugger, path):
    lines = [line for line, _ in SCRIPT]
    found, out = answers(debugger, path, lines)
    if found is None:
        yield "no answer to each of %d lines:\n    %s" % (len(lines), out[-2000:].replace("\n", "\n    "))
        return
    said = ""
    for (line, wanted), answer in zip(SCRIPT, found):
        said = answer if line == "threads" else said
        if "\x1b" in answer or "\x07" in answer:
            yield "%s: a terminal would act on %r" % (line, answer)
        for text in wanted:
            if text not in answer:
                yield "%s: no %r in\n    %s" % (line, text, answer[:1500].replace("\n", "\n    "))
    if "source differs here" in found[[each[0] for each in SCRIPT].index("list 1, 99")]:
        yield "that source differs is said twice"
    pending, failed, is_group = tasks_of(said)
    if pending is None or failed is None:
        yield "no tasks in\n    %s" % said.replace("\n", "\n    ")
        return
    lines = ["thread " + pending, "where", "p secret % 11", "up", "p label[:6]", "thread " + failed, "exceptions", "interact", "1 + 1", "exit()", "p 7"]
    found, out = answers(debugger, path, lines[:7])
    if found is None:
        yield "no answer to each line of tasks:\n    %s" % out[-2000:].replace("\n", "\n    ")
        return
    members = ["| KeyError('first member')", "| TypeError('second member')"] if is_group else ["KeyError('first member')"]
    wanted = [["leaf"], ["middle", "leaf"], ["0"], ["await leaf(number)"], ["'middle'"], ["failing"], members]
    for line, texts, answer in zip(lines, wanted, found):
        for text in texts:
            if text not in answer:
                yield "%s: no %r in\n    %s" % (line, text, answer[:1500].replace("\n", "\n    "))
    _, out = answers(debugger, path, lines[7:])
    if "interact start" not in out or "2\n" not in out or not re.search(r"7\n", out.rpartition("exit from pdb interact")[2]):
        yield "interact: %r" % out[-600:]


def main():
    debugger, paths = sys.argv[1], sys.argv[2:]
    for path in paths:
        for problem in check(debugger, path):
            print("PROBLEM %s on %s: %s" % (debugger, path, problem))
    print("checked %d" % (len(paths) * (len(SCRIPT) + 7)))


if __name__ == "__main__":
    main()
