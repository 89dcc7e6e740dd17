"""A dump in a Jupyter kernel, as a notebook asks it: ``kernel.py FILE``."""
import os
import sys
import tempfile

from jupyter_client.manager import start_new_kernel

PATIENCE = int(os.environ.get("HEAPSAKE_TEST_PATIENCE", "120"))


class Notebook:
    def __init__(self):
        self.manager, self.client = start_new_kernel(startup_timeout=PATIENCE, kernel_name="python3")

    def cell(self, code, *typed):
        """The outputs of a cell by kind; what it asks for is typed."""
        found, typed = {"stream": "", "html": "", "text": "", "error": ""}, list(typed)

        def output(message):
            content, kind = message["content"], message["msg_type"]
            found["stream"] += content.get("text", "") if kind == "stream" else ""
            if kind in ("execute_result", "display_data"):
                found["html"] += content["data"].get("text/html", "")
                found["text"] += content["data"].get("text/plain", "")
            found["error"] += content.get("evalue", "") if kind == "error" else ""

        self.client.execute_interactive(code, timeout=PATIENCE, output_hook=output, allow_stdin=True,
                                        stdin_hook=lambda message: self.client.input(typed.pop(0) if typed else "q"))
        return found

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def check(path):
    notebook = Notebook()
    try:
        assert not notebook.cell("%load_ext heapsake")["error"]
        found = notebook.cell("%%heapsake %s" % path)
        for text in ("ValueError", "<h4>Threads</h4>", "worker-1", "<h4>Tasks</h4>", "handle()", "prices = {&#x27;apple&#x27;: 3"):
            assert text in found["html"], (text, found)
        assert "\x1b" not in found["html"] and "\x07" not in found["html"] and "<script" not in found["html"]
        assert notebook.cell("dump.threads[0].frames[-1].function")["text"] == "'handle'"
        found = notebook.cell("%debug", "p order.price + 1", "threads worker", "q")
        assert "6" in found["stream"] and "worker-1" in found["stream"], found
        assert "nothing" in notebook.cell("%heapsake /nothing/there")["stream"] + notebook.cell("%heapsake /nothing/there")["error"]
    finally:
        notebook.end()


def main():
    path = sys.argv[1]
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, IPYTHONDIR=os.path.join(home, "ipython"), JUPYTER_PLATFORM_DIRS="1")
        try:
            check(path)
        except AssertionError as problem:
            print("PROBLEM a notebook on %s: %s" % (path, str(problem)[:3000].replace("\n", "\n    ")))
    print("checked 1")


if __name__ == "__main__":
    main()
