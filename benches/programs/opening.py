"""Opens a dump with one tool, in a process of its own, to the stack with its variables: python opening.py TOOL PATH"""
import os
import sys

import measuring
import tools


def main():
    tool = tools.TOOLS[sys.argv[1]]
    __import__(tool.package)
    shown, cost = measuring.measured(lambda: tool.open(sys.argv[2]))
    if not tool.is_right(shown):
        sys.exit("%s shows no stack with the program's variables: %.300r" % (sys.argv[1], shown))
    measuring.report({**cost, "peak": measuring.status("VmHWM")})
    os._exit(0)


if __name__ == "__main__":
    main()
