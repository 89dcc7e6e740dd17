"""What a step costs this process and its children: CPU, time, memory. Linux alone."""
import gc
import json
import resource
import time


def status(key):
    """A size of this process in bytes, from /proc."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def cpu():
    """CPU seconds of this process and of its children that ended."""
    uses = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measured(action):
    """The result of ``action``, and its cost.

    ``extra`` is the most memory that was resident beyond what was before, of this process or, if that is more, of a child:
    a forked child starts with all pages of its parent, so what it has beyond those is its own.
    """
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts anew
    resident = status("VmRSS")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    used, started = cpu(), time.perf_counter()
    result = action()
    wall, used = time.perf_counter() - started, cpu() - used
    peak = status("VmHWM")
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if child > children:
        peak = max(peak, child * 1024)
    return result, {"cpu": used, "wall": wall, "resident": resident, "extra": max(peak - resident, 0)}


def report(record):
    print(json.dumps(record), flush=True)
