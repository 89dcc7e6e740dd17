import { symlinkSync } from "node:fs";
import * as path from "node:path";
import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import { URI } from "vscode-uri";

import { type World } from "./double";
import { folder, program, world as fresh } from "./stage";
import { find, findOrTell } from "../src/program";
import { run } from "../src/run";

let world: World;
beforeEach(() => {
  world = fresh();
});

function selected(python: string): { activate(): Promise<unknown> } {
  const environments = {
    getActiveEnvironmentPath: () => ({ path: python }),
    resolveEnvironment: async (environment: { path: string }) => ({ executable: { uri: URI.file(environment.path) } }),
  };
  return { activate: async () => ({ environments }) };
}

test("the setting comes first", async () => {
  const command = program(folder(), "anything", "");
  process.env["PATH"] = path.dirname(program(folder(), "heapsake", ""));
  world.settings["heapsake.path"] = command;
  assert.deepEqual(await find(), { command, args: [], by: "setting" });
});

test("a setting that is wrong is told, whatever PATH has", async () => {
  process.env["PATH"] = path.dirname(program(folder(), "heapsake", ""));
  for (const wrong of ["/nowhere/heapsake", folder(), "heapsake", "bin/heapsake"]) {
    world.settings["heapsake.path"] = wrong;
    await assert.rejects(find(), (problem: Error) => problem.message.includes(wrong) && problem.message.includes("heapsake.path"));
  }
});

test("PATH is searched in order; what is relative or no program is passed over", async () => {
  const [here, first, second] = [folder(), folder(), folder()];
  program(here, "heapsake", "");
  symlinkSync(folder(), path.join(first, "heapsake"));
  const command = program(second, "heapsake", "");
  process.env["PATH"] = [path.relative(process.cwd(), here), "", ".", first, second].join(path.delimiter);
  assert.deepEqual(await find(), { command, args: [], by: "PATH" });
});

test("the selected interpreter's own program, then its module", async () => {
  const environment = path.join(folder(), "bin");
  const python = program(environment, "python", '[ "$*" = "-I -m heapsake --version" ] && [ "$PWD" = "$(dirname "$0")" ]');
  world.extensions.set("ms-python.python", selected(python));
  assert.deepEqual(await find(), { command: python, args: ["-I", "-m", "heapsake"], by: "interpreter" });
  const command = program(environment, "heapsake", "");
  assert.deepEqual(await find(), { command, args: [], by: "interpreter" });
});

test("an interpreter of an untrusted workspace is not even asked for", async () => {
  const python = program(folder(), "python", "");
  let asked = false;
  world.extensions.set("ms-python.python", { activate: () => ((asked = true), selected(python).activate()) });
  world.trusted = false;
  await assert.rejects(find(), /not trusted/);
  assert.equal(asked, false);
});

test("what is not found is said, with what helps", async () => {
  world.answers.push("Open Settings");
  assert.equal(await findOrTell(), undefined);
  await new Promise(setImmediate);
  assert.deepEqual(world.executed, [["workbench.action.openSettings", "heapsake.path"]]);
  assert.match(world.messages[0]!.text, /not on PATH.*pip install heapsake/);

  world.answers.push("Install in Terminal");
  world.extensions.set("ms-python.python", selected(program(folder(), "python", "exit 1")));
  assert.equal(await findOrTell(), undefined);
  await new Promise(setImmediate);
  assert.match(world.messages[1]!.text, /the selected interpreter .*python does not have it/);
  assert.deepEqual(world.terminals[0]!.sent, ["pip install heapsake"], "it is typed, and not sent off");
});

test("a Python extension that fails is as good as none", async () => {
  world.extensions.set("ms-python.python", { activate: () => Promise.reject(new Error("no")) });
  await assert.rejects(find(), /no Python interpreter is selected/);
});

test("a run ends in time, keeps a bounded output, and can be called off", async () => {
  const at = folder();
  const found = (script: string) => ({ command: program(at, "heapsake", script), args: [], by: "PATH" }) as const;
  assert.deepEqual(await run(found("echo $1; echo bad >&2; exit 3"), ["; id"]), { status: 3, output: "; id\n", errors: "bad\n", cut: false });
  const long = await run(found("head -c 5000000 /dev/zero"), []);
  assert.equal(long.output.length, 4 * 1024 * 1024);
  assert.equal(long.cut, true);
  await assert.rejects(run(found("exec sleep 60"), [], { seconds: 0.2 }), /not ended after 0.2 seconds/);
  const ending = new AbortController();
  const running = run(found("exec sleep 60"), [], { signal: ending.signal });
  ending.abort();
  await assert.rejects(running, { name: "AbortError" });
  await assert.rejects(run({ command: path.join(at, "none"), args: [], by: "PATH" }, []), /ENOENT/);
});
