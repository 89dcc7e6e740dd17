"""The editors' files, each read by what will read it: Neovim and Emacs themselves, readers of TOML and JSON for the others.

HEAPSAKE_TEST_COMMAND is the command; nvim lies beside this interpreter, emacs on PATH. `cargo xtask editors` provides them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema

HOME = Path(__file__).resolve().parents[1]
GOLDEN = HOME.parents[1] / "tests/golden/3.11.heapsake"
LAUNCH = {"request": "launch", "dump": "/app.heapsake"}


def run(command, **variables):
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Neovim(unittest.TestCase):
    """The real editor, with a double of nvim-dap, which is in no registry."""

    def check(self, heapsake, dump, expected):
        nvim = Path(sys.executable).with_name("nvim")
        script = str(HOME / "tests/neovim.lua")
        variables = {"HEAPSAKE": heapsake, "DUMP": str(dump), "EXPECTED": expected, "LUA": str(HOME / "neovim/heapsake.lua")}
        shown = run([str(nvim), "--headless", "--clean", "-l", script], **variables)
        self.assertTrue(shown.strip().endswith("ok"), shown)

    def test_a_dump_is_shown_and_debugged(self):
        self.check(os.environ["HEAPSAKE_TEST_COMMAND"], GOLDEN, "Being handled: ValueError")

    def test_text_of_a_dump_commands_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            heapsake = Path(folder, "heapsake")
            heapsake.write_text("#!/bin/sh\necho hostile\necho ' vim: set tabstop=13 :'\n")
            heapsake.chmod(0o755)
            dump = Path(folder, "it $(id) %.heapsake")
            dump.touch()
            self.check(str(heapsake), dump, "hostile")


class Emacs(unittest.TestCase):
    def setUp(self):
        self.emacs = shutil.which("emacs")
        if self.emacs is None:
            if os.environ.get("CI"):
                self.fail("continuous integration needs emacs")
            self.skipTest("emacs is not here")

    def test_it_compiles_without_a_warning_and_does_what_it_says(self):
        with tempfile.TemporaryDirectory() as folder:
            source = shutil.copy(HOME / "emacs/heapsake.el", folder)
            batch = [self.emacs, "-Q", "--batch", "-L", folder]
            run([*batch, "--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", source])
            variables = {"HEAPSAKE": os.environ["HEAPSAKE_TEST_COMMAND"], "DUMP": str(GOLDEN), "EXPECTED": "ValueError"}
            tests = str(HOME / "tests/emacs.el")
            shown = run([*batch, "-l", "ert", "-l", tests, "-f", "ert-run-tests-batch-and-exit"], **variables)
            self.assertIn("4 results as expected", shown)


class Helix(unittest.TestCase):
    def test_it_is_toml_of_the_shape_that_helix_documents(self):
        [language] = tomllib.loads((HOME / "helix/languages.toml").read_text())["language"]
        self.assertEqual((language["name"], sorted(language)), ("python", ["debugger", "name"]))
        debugger = language["debugger"]
        self.assertEqual([debugger["transport"], debugger["command"], *debugger["args"]], ["stdio", "heapsake", "dap"])
        [template] = debugger["templates"]
        self.assertEqual(template["completion"], [{"name": "dump", "completion": "filename"}])
        filled = {name: value.replace("{0}", "/app.heapsake") for name, value in template["args"].items()}
        self.assertEqual({"request": template["request"], **filled}, LAUNCH)


class Zed(unittest.TestCase):
    """What lies beside the extension's code, which `cargo test` checks."""

    def test_the_schema_takes_dumps_and_nothing_else(self):
        extension = tomllib.loads((HOME / "zed/extension.toml").read_text())
        self.assertEqual(list(extension["debug_adapters"]), ["heapsake"])
        schema = json.loads((HOME / "zed" / extension["debug_adapters"]["heapsake"]["schema_path"]).read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        [scenario] = json.loads((HOME / "zed/debug.json").read_text())
        self.assertEqual(scenario["adapter"], "heapsake")
        for right in scenario, LAUNCH:
            jsonschema.validate(right, schema)
        for wrong in {}, {"request": "launch"}, {**LAUNCH, "dump": ""}, {**LAUNCH, "dump": 7}, {**LAUNCH, "request": "core"}:
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, schema)

    def test_its_versions_are_one(self):
        extension = tomllib.loads((HOME / "zed/extension.toml").read_text())
        package = tomllib.loads((HOME / "zed/Cargo.toml").read_text())["package"]
        self.assertEqual(extension["version"], package["version"])


if __name__ == "__main__":
    unittest.main()
