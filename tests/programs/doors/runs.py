"""The shop run to its end by what is no web server: scripts, a worker of tasks, shells, notebooks, runners of tests."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import driven


def script(name):
    return lambda run: run.script(name)


def celery(run):
    """A worker, one task that fails, one that ends its process by a signal, one that succeeds."""
    log = open(os.path.join(run.home, "log"), "w+")
    environment = run.environment()
    worker = subprocess.Popen([sys.executable, "-m", "celery", "--quiet", "--app", "celery_shop", "worker", "--pool", "prefork", "--concurrency", "1",
                               "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"],
                              cwd=run.home, env=environment, stdout=log, stderr=log)
    try:
        asked = subprocess.run([sys.executable, os.path.join(driven.HERE, "celery_client.py")], env={**environment, "SHOP_DUMPS": ""},
                               stdout=subprocess.PIPE, timeout=driven.PATIENCE, universal_newlines=True)
        run.see("results", asked.stdout)
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            run.see("status", str(worker.wait(driven.PATIENCE)))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            run.see("status", "it does not end")
        log.close()
    with open(log.name) as file:
        run.see("stderr of processes", file.read())


def profile(run):
    """A folder of settings for IPython, with the door where there is to be one."""
    folder = os.path.join(run.home, "ipython")
    os.makedirs(os.path.join(folder, "profile_default"), exist_ok=True)
    for name in ("ipython_config.py", "ipython_kernel_config.py"):
        with open(os.path.join(folder, "profile_default", name), "w") as file:
            file.write("c = get_config()\nc.HistoryManager.enabled = False\n")
            if run.with_door:
                file.write("c.InteractiveShellApp.extensions = ['heapsake.doors.ipython']\n")
    more = {"IPYTHONDIR": folder, "JUPYTER_PLATFORM_DIRS": "1", "JUPYTER_DATA_DIR": os.path.join(run.home, "jupyter")}
    return dict(more, HEAPSAKE_DUMP=run.folder) if run.with_door else more


def ipython(run):
    with open(os.path.join(driven.HERE, "cells.ipy")) as file:
        cells = file.read()
    run.run(sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor", "--no-confirm-exit", stdin=cells,
            **profile(run))


def notebook(run):
    """The same cells as a notebook; gives its path."""
    sources = ["import shop\ncustomer = 'Grace'", "def order(who):\n    return shop.checkout(who)", "order(customer)", "print('afterwards')"]
    cells = [{"cell_type": "code", "id": "c%d" % at, "metadata": {}, "execution_count": None, "outputs": [], "source": source}
             for at, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = os.path.join(run.home, "shop.ipynb")
    with open(path, "w") as file:
        json.dump({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}, file)
    kernels = os.path.join(run.home, "jupyter", "kernels", "python3")
    os.makedirs(kernels, exist_ok=True)
    with open(os.path.join(kernels, "kernel.json"), "w") as file:
        json.dump({"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python", **kernel}, file)
    return path


def executed(run, path):
    """What the notebook holds afterwards: cells and outputs, without what the door says."""
    try:
        with open(path) as file:
            made = json.load(file)
    except FileNotFoundError:
        run.see("notebook", "none")
        return
    outputs = []
    for cell in made["cells"]:
        for output in cell.get("outputs", ()):
            text = "".join(output.get("text", ""))
            if output["output_type"] == "stream" and output["name"] == "stderr" and text.startswith("heapsake: "):
                continue
            outputs.append([cell.get("execution_count"), output["output_type"], output.get("ename"), text, output.get("traceback")])
    run.see("notebook", json.dumps(outputs, indent=1))


def interrupted_at_the_end(run):
    """Takes out what a kernel says now and then, with a door or without: who runs a notebook ends by asking for ``kernel_info``, and
    interrupts the kernel as soon as it has the answer.  The kernel may still be in the step that answered, and then tells of it."""
    run.seen = [(what, re.sub(r"(?m)^.*KeyboardInterrupt caught in kernel.*\n", "", text) if what == "stderr" else text) for what, text in run.seen]


def papermill(run):
    source = notebook(run)
    target = os.path.join(run.home, "done.ipynb")
    run.run(sys.executable, "-m", "papermill", "--no-progress-bar", "--log-level", "ERROR", source, target, **profile(run))
    interrupted_at_the_end(run)
    executed(run, target)


def nbconvert(run):
    source = notebook(run)
    run.run(sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors", "--log-level", "ERROR", "--output", "done.ipynb", source,
            **profile(run))
    interrupted_at_the_end(run)
    executed(run, os.path.join(run.home, "done.ipynb"))


def unittest(run):
    module = "heapsake.doors.unittest" if run.with_door else "unittest"
    shutil.copy(os.path.join(driven.HERE, "unittest_shop.py"), run.home)
    more = ["--heapsake=" + run.folder] if run.with_door else []
    done = run.run(sys.executable, "-m", module, *(more + ["unittest_shop"]))
    if run.with_door:
        what, text = run.seen[-1]
        head, found, tail = text.partition("heapsake: ")
        # the list comes last
        listed = tail.splitlines()
        run.facts = {"listed": [line.split(": heapsake debug ")[0].strip() for line in listed[1:]]}
        run.seen[-1] = what, head + found + listed[0] + "\n"
    return done


DOORS = {
    "flask": ("Flask", script("flask_shop.py")),
    "django": ("Django", script("django_shop.py")),
    "celery": (("celery", "billiard"), celery),
    "sentry": ("sentry-sdk", script("sentry_shop.py")),
    "ipython": ("ipython", ipython),
    "papermill": (("papermill", "ipykernel"), papermill),
    "nbconvert": (("nbconvert", "ipykernel"), nbconvert),
    "unittest": ("Python", unittest),
}
