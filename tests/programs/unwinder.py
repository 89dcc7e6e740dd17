"""Compares a dump with what CPython's own `_remote_debugging` reads out of the same process, which stands still.

Arguments: the process and its dump.  Prints a line for each problem, and at the end how much was compared.
"""
import sys

import _remote_debugging
import heapsake


def frame(info):
    location = getattr(info, "location", None)
    return info.filename, location.lineno if location else info.lineno, info.funcname


def place(found):
    return found.filename, found.lineno, found.qualified_name


def plain(frames):
    """Without the marks that it puts where C code or the collector runs."""
    return [each for each in frames if not each[0].startswith("<") and not each[0] == "~"]


def threads(unwinder):
    for one in unwinder.get_stack_trace():
        yield from getattr(one, "threads", [one])


def main(pid, path):
    unwinder = _remote_debugging.RemoteUnwinder(pid, all_threads=True)
    dump = heapsake.load(path)
    problems, compared = [], 0
    known = {thread.native_id: thread for thread in dump.threads}
    for info in threads(unwinder):
        thread = known.pop(info.thread_id, None)
        if thread is None:
            problems.append("the thread %d is not in the dump" % info.thread_id)
            continue
        ours = [place(each) for each in reversed(thread.frames)]
        theirs = plain(map(frame, info.frame_info))
        # 3.14's leaves out callers that C code called.
        left = [each for each in ours if each in theirs]
        compared += len(theirs)
        if left != theirs or ours[:1] != theirs[:1] or (sys.version_info >= (3, 15) and ours != theirs):
            problems.append("thread %s: %r, not %r" % (thread.name, ours, theirs))
    problems += ["the thread %s is in the dump alone" % thread.name for thread in known.values()]
    tasks = {task.view.address: task for task in dump.tasks if task.state in ("pending", "ready", "running")}
    listed = set()
    for group in unwinder.get_all_awaited_by():
        for info in group.awaited_by:
            task = tasks.get(info.task_id)
            if task is None:
                problems.append("the task %s is not in the dump" % info.task_name)
                continue
            listed.add(info.task_id)
            ours = [place(each) for each in reversed(task.frames)]
            theirs = [frame(each) for stack in info.coroutine_stack for each in stack.call_stack]
            waiters = sorted(each.view.address for each in task.awaited_by)
            compared += 1 + len(theirs)
            if (task.name, ours) != (info.task_name, theirs):
                problems.append("task %s: %s %r, not %r" % (info.task_name, task.name, ours, theirs))
            if waiters != sorted({each.task_name for each in info.awaited_by}):
                problems.append("task %s is awaited by %r, not %r" % (info.task_name, waiters, info.awaited_by))
    problems += ["the task %s is in the dump alone" % tasks[address].name for address in tasks if address not in listed]
    for problem in problems:
        print("PROBLEM", problem)
    print("compared", compared)


main(int(sys.argv[1]), sys.argv[2])
