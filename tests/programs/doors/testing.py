"""A suite of tests that fail in each way, under real pytest: alone, with workers, and with tests that hang."""
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import driven

SECTION = re.compile(r"-+ heapsake dump -+")
SUMMARY = re.compile(r"=+ (\d+) dumps? in .* =+")


def without_ours(text):
    """The output without what the door adds; and what that lists: node ids and commands."""
    kept, listed, lines = [], [], iter(text.splitlines())
    for line in lines:
        if SECTION.fullmatch(line):
            next(lines)
        elif SUMMARY.fullmatch(line):
            for line in lines:
                if line.startswith(("===", "---")):
                    kept.append(line)
                    break
                listed.append(line)
        else:
            kept.append(line)
    return "\n".join(kept), listed


def pytest(run, *arguments, suite="suite", **more):
    """Runs a suite; sees its status, its output and what junit's report holds."""
    place = os.path.join(run.home, suite)
    shutil.copytree(os.path.join(driven.HERE, suite), place)
    junit = os.path.join(run.home, "junit.xml")
    door = ["--heapsake=" + run.folder, "--heapsake-at-most=40"] if run.with_door else []
    kept = run.see
    seen = {}
    run.see = lambda what, text: seen.__setitem__(what, text)
    try:
        run.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--junitxml", junit, *door, *arguments, suite, **more)
    finally:
        run.see = kept
    seen["output"], listed = without_ours(seen["output"])
    run.facts = {"listed": {}, "properties": {}, "more": []}
    for at, line in enumerate(listed):
        if at and line.startswith("    heapsake debug "):
            run.facts["listed"][listed[at - 1]] = line.split("heapsake debug ")[1].strip("'")
        elif not line.startswith("    ") and not (listed[at + 1:] and listed[at + 1].startswith("    ")):
            run.facts["more"].append(line)
    cases = []
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        name = "%s.%s" % (case.get("classname"), case.get("name"))
        for found in case.iter("property"):
            if found.get("name") == "heapsake":
                run.facts["properties"][name] = found.get("value")
        cases.append("%s %s" % (name, sorted(one.tag for one in case if one.tag != "properties")))
    run.see("status", seen["status"])
    return seen, cases


def alone(run):
    seen, cases = pytest(run, "--continue-on-collection-errors")
    run.see("output", seen["output"])
    run.see("stderr", seen["stderr"])
    run.see("junit", "\n".join(cases))
    run.see("options", "\n".join(options(run)) if run.with_door else "")


#: arguments, settings in the ini file, the folder from the root that has dumps then, a line of the output
OPTIONS = (
    (["--heapsake", "options"], "", "heapsake-dumps", "    heapsake debug heapsake-dumps/options-test_one.py-test_one.heapsake"),
    (["--heapsake=here/there", "options"], "heapsake = elsewhere", "here/there", "1 dump in here/there"),
    (["options"], "heapsake = of ini", "of ini", "    heapsake debug 'of ini/options-test_one.py-test_one.heapsake'"),
    (["options"], "heapsake = dumps\naddopts = --heapsake", "dumps", "1 dump in dumps"),
    (["options"], "", None, "1 failed"),
    (["-o", "heapsake_at_most=x", "--heapsake", "options"], "", None, "heapsake: no dumps of failing tests: heapsake_at_most = x is no number above 0"),
    (["--heapsake=pytest.ini/below", "options"], "", None, "heapsake: no dumps of failing tests: "),
    (["--heapsake", "--timeout", "100", "options"], "", "heapsake-dumps", "timer stopped with 0 dumps"),
    (["--heapsake", "options", "--broken"], "", None, "no dump of options/test_one.py::test_one: ZeroDivisionError: "),
    (["--heapsake", "options", "--heapsake-timeout=100", "--faulty", "test"], "", "heapsake-dumps", "INTERNALERROR> OverflowError: of another plugin"),
    (["--heapsake", "options", "--faulty", "collection"], "", "heapsake-dumps", "INTERNALERROR> OverflowError: of another plugin"),
    (["--heapsake", "options", "--heapsake-at-most", "x"], "", None, "error: argument --heapsake-at-most: wants a number from 1 on, not 'x'"),
    (["--heapsake", "options", "-p", "no:terminal"], "", "heapsake-dumps", ""),
    (["-W", "error", "--heapsake", "options"], "", "heapsake-dumps", "1 dump in heapsake-dumps"),
)


def options(run):
    """Every way to switch the door on: what is wrong about it."""
    bad = []
    for number, (arguments, settings, folder, line) in enumerate(OPTIONS):
        root = os.path.join(run.home, "options%d" % number)
        shutil.copytree(os.path.join(driven.HERE, "options"), os.path.join(root, "options"))
        with open(os.path.join(root, "pytest.ini"), "w") as file:
            file.write("[pytest]\n%s\n" % settings)
        done = subprocess.run([sys.executable, "-m", "pytest", "--own", "-p", "no:cacheprovider"] + arguments, cwd=root, env=run.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=driven.PATIENCE)
        dumps = [os.path.relpath(place, root) for place, _, names in os.walk(root) if any(name.endswith(".heapsake") for name in names)]
        status = 4 if line.startswith("error: ") else 3 if line.startswith("INTERNALERROR> ") else 1
        is_ours = "heapsake/doors/" in done.stdout or "PluggyTeardownRaisedWarning" in done.stdout
        if done.returncode != status or dumps != [folder] * (folder is not None) or line not in done.stdout or is_ours:
            bad.append("%s with %r: status %d, dumps in %s\n%s" % (arguments, settings, done.returncode, dumps, done.stdout))
    return bad


def workers(run):
    """Two workers and one that dies: which runs what is another each time, so outcomes are what is the same.

    Of two tests with one fixture that fails either worker may have one: then there are two dumps, so one is left out.
    """
    seen, cases = pytest(run, "--continue-on-collection-errors", "-n", "2", "--deselect", "suite/test_till.py::test_till_again", SHOP_CRASH="1")
    outcomes = [re.sub(r"gw\d", "gw", line) for line in seen["output"].splitlines() if re.match(r"(FAILED|ERROR|PASSED|SKIPPED|XFAIL|XPASS) ", line)]
    run.see("outcomes", "\n".join(sorted(outcomes)))
    run.see("counts", seen["output"].splitlines()[-1])
    run.see("junit", "\n".join(sorted(cases)))
    run.facts["crash"] = re.findall(r"worker '(gw\d)' crashed while", seen["output"])


def hanging(run):
    """Tests that take too long, and one that pytest-timeout ends together with its worker."""
    door = ["--heapsake-timeout", "1"] if run.with_door else []
    seen, cases = pytest(run, "-n", "1", "--timeout", "100", "--timeout-method", "thread", *door, suite="hanging", SHOP_STUCK="1")
    outcomes = [re.sub(r"gw\d", "gw", line) for line in seen["output"].splitlines() if re.match(r"(FAILED|ERROR|PASSED|SKIPPED) ", line)]
    run.see("outcomes", "\n".join(sorted(outcomes)))
    run.see("junit", "\n".join(sorted(cases)))


DOORS = {
    "pytest": ("pytest", alone),
    "pytest-xdist": (("pytest", "pytest-xdist"), workers),
    "pytest-timeout": (("pytest", "pytest-xdist", "pytest-timeout"), hanging),
}
