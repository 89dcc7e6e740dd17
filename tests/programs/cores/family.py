"""A process with children and a grandchild, and a shell; all wait for the end of one pipe, which the parent holds."""
import os
import subprocess
import sys

ROLE = sys.argv[1] if len(sys.argv) > 1 else "parent"


def started(role):
    child = subprocess.Popen([sys.executable, "-I", os.path.abspath(__file__), role], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    return child


def main():
    held = []
    if ROLE == "parent":
        held = [started("child %d" % number) for number in range(2)]
        held.append(subprocess.Popen(["sh", "-c", "read line; exit 0"], stdin=subprocess.PIPE))
    elif ROLE == "child 0":
        held = [started("grandchild")]
    os.write(1, b"ready\n")
    os.read(0, 1)
    for child in held:
        child.stdin.close()
        child.wait()


main()
