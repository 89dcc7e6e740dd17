"""The command line on a live process that holds the records: python outside.py HEAPSAKE COUNT PATH

Reports the cost of dumping it from outside, and of showing the stack of the dump.
"""
import json
import os
import subprocess
import sys


def run(command):
    """Standard output of a command, and its CPU seconds and peak memory in bytes."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        out = process.stdout.read()
        _, result, use = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(result) if hasattr(os, "waitstatus_to_exitcode") else result
    if process.returncode:
        sys.exit("%s ended with %s" % (command, process.returncode))
    return out, use.ru_utime + use.ru_stime, use.ru_maxrss * 1024


def resident(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def main():
    heapsake, count, path = sys.argv[1:4]
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records.py")
    with subprocess.Popen([sys.executable, program, count], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        held.stdout.readline()
        size = resident(held.pid)
        told, cpu, peak = run([heapsake, "dump", str(held.pid), "-o", path, "--json"])
        held.stdin.close()
    told = json.loads(told)
    _, stack_cpu, stack_peak = run([heapsake, "stack", path])
    print(json.dumps({"cpu": cpu, "peak": peak, "resident": size, "pause": told["pause"], "objects": told["objects"],
                      "bytes": told["file_bytes"], "copied": told["copied_bytes"],
                      "stack_cpu": stack_cpu, "stack_peak": stack_peak}))


if __name__ == "__main__":
    main()
