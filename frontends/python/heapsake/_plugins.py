"""What native plugins need of this Python: a command that runs the process they live in, and where packages are installed."""
import os
import sys

# The extension is loaded by its file, so that neither the environment nor the working directory has a say.
_WORKER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_heapsake", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(module.main(["heapsake", "__plugin-worker"]))
"""


def _python():
    """A Python to run: that of this process, unless it is embedded in another program."""
    version = "python%d.%d" % sys.version_info[:2]
    candidates = [sys.executable] if os.path.basename(sys.executable or "").lower().startswith("python") else []
    candidates += [os.path.join(prefix, "bin", version) for prefix in (sys.exec_prefix, sys.base_exec_prefix)]
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def _packages():
    """The folders of ``sys.path`` into which packages are installed; never the working directory or a project's own."""
    prefixes = [os.path.realpath(prefix) + os.sep for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
    user = getattr(sys.modules.get("site"), "USER_SITE", None)
    found = []
    for path in sys.path:
        if not isinstance(path, str) or not os.path.isabs(path) or path in found:
            continue
        installed = os.path.basename(path) in ("site-packages", "dist-packages")
        if path == user or (installed and os.path.realpath(path).startswith(tuple(prefixes))):
            found.append(path)
    return found


def surroundings(extension):
    """The command of a worker, empty where there is no Python to run; and the folders of packages."""
    python = _python()
    worker = [python, "-I", "-S", "-c", _WORKER, extension] if python else []
    return worker, _packages()
