"""Dumps the records with one tool, where the program fails: python capture.py TOOL COUNT PATH"""
import os
import sys

import measuring
import records
import tools


def main():
    name, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    tool = tools.TOOLS[name]
    __import__(tool.package)

    def caught(exception):
        _, cost = measuring.measured(lambda: tool.dump(path, exception))
        # A tool that works in the program's own thread stops it for as long as it works.
        cost["pause"] = tool.pause(path) if hasattr(tool, "pause") else cost["wall"]
        measuring.report({**cost, "bytes": os.path.getsize(path)})
        os._exit(0)

    records.crash(count, caught)


if __name__ == "__main__":
    main()
