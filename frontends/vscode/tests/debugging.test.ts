import * as path from "node:path";
import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import type * as vscode from "vscode";
import { URI } from "vscode-uri";

import { type World, DebugAdapterExecutable, events } from "./double";
import { dump, folder, program, world as fresh } from "./stage";
import { Adapters, Configurations, Found, Sessions, configuration } from "../src/debugging";

let world: World;
beforeEach(() => {
  world = fresh();
  process.env["PATH"] = path.dirname(program(folder(), "heapsake", ""));
});

const at = (place: string): vscode.WorkspaceFolder => ({ uri: URI.file(place), name: "it", index: 0 });
const resolve = async (given: Record<string, unknown>, place?: string): Promise<vscode.DebugConfiguration | undefined> => {
  const all = new Configurations();
  const workspace = place === undefined ? undefined : at(place);
  const first = all.resolveDebugConfiguration(workspace, given as unknown as vscode.DebugConfiguration);
  return all.resolveDebugConfigurationWithSubstitutedVariables(workspace, first);
};

test("a dump is launched by these arguments and no others", () => {
  const made = configuration(URI.file("/srv/app.heapsake"));
  assert.deepEqual(made, { type: "heapsake", request: "launch", name: "app.heapsake", dump: "/srv/app.heapsake" });
});

test("the adapter is `heapsake dap`, without a shell, in a folder that holds nothing of the workspace", async () => {
  const place = folder();
  world.settings["heapsake.path"] = program(place, "mine", "");
  const session = { workspaceFolder: undefined } as vscode.DebugSession;
  const made = await new Adapters().createDebugAdapterDescriptor(session);
  assert.deepEqual(made, new DebugAdapterExecutable(path.join(place, "mine"), ["dap"], { cwd: place }));
  world.settings["heapsake.path"] = "/nowhere";
  await assert.rejects(new Adapters().createDebugAdapterDescriptor(session), /nowhere/);
});

test("a path is made whole: of the workspace's folder, of the home, of an address", async () => {
  const given = { type: "heapsake", request: "attach", name: "mine" };
  const whole = async (dump: string): Promise<unknown> => (await resolve({ ...given, dump }, "/my work"))?.["dump"];
  assert.equal(await whole("app.heapsake"), "/my work/app.heapsake");
  assert.equal(await whole("../app.heapsake"), "/app.heapsake");
  assert.equal(await whole("/srv/app.heapsake"), "/srv/app.heapsake");
  assert.equal(await whole("~/app.heapsake"), path.join(process.env["HOME"]!, "app.heapsake"));
  assert.equal(await whole("file:///srv/a%20b.heapsake"), "/srv/a b.heapsake");
  assert.deepEqual(await resolve({ ...given, dump: "/a.heapsake" }), { ...given, dump: "/a.heapsake" });
});

test("without a dump the user picks one; calling that off starts nothing", async () => {
  assert.equal(await resolve({}), undefined);
  assert.deepEqual(world.asked, ["open dialog"]);
  world.answers.push([URI.file("/srv/app.heapsake")]);
  const expected = { type: "heapsake", request: "launch", name: "Open a dump", dump: "/srv/app.heapsake" };
  assert.deepEqual(await resolve({}), expected);

  world.files = ["/srv/one.heapsake", "/srv/two.heapsake"];
  world.answers.push("two.heapsake");
  assert.equal((await resolve({ dump: "" }))?.["dump"], "/srv/two.heapsake");
  assert.equal(world.asked.at(-1), "pick of one.heapsake, two.heapsake, Another file…");
  world.answers.push("Another file…", [URI.file("/other.heapsake")]);
  assert.equal((await resolve({}))?.["dump"], "/other.heapsake");
});

test("what is no path, and a program that is not there, are said, and nothing starts", async () => {
  assert.equal(await resolve({ dump: 4242 }), undefined);
  assert.match(world.messages[0]!.text, /“dump” of the configuration/);
  process.env["PATH"] = "";
  assert.equal(await resolve({ dump: "/a.heapsake" }), undefined);
  assert.match(world.messages[1]!.text, /not on PATH/);
});

test("a file's name is never taken for a variable, which may run commands", async () => {
  const file = "/srv/${command:workbench.action.terminal.new}.heapsake";
  const made = configuration(URI.file(file));
  assert.doesNotMatch(JSON.stringify(made), /\$\{/);
  assert.equal((await resolve(made))?.["dump"], file);
});

test("dumps of the workspace are listed", async () => {
  world.files = ["/srv/one.heapsake"];
  assert.deepEqual(await new Found().provideDebugConfigurations(), [configuration(URI.file("/srv/one.heapsake"))]);
});

test("a dump is debugged once; asked again, its view is shown", async () => {
  const sessions = new Sessions();
  const file = URI.file(dump(folder()));
  await Promise.all([sessions.debug(file), sessions.debug(file)]);
  assert.deepEqual(world.debugged, [configuration(file)]);
  const session = { id: "1", type: "heapsake", configuration: configuration(file) } as unknown as vscode.DebugSession;
  events.started.fire(session);
  events.started.fire({ ...session, id: "2", type: "python", configuration: configuration(URI.file("/other")) });
  await sessions.debug(file);
  assert.deepEqual([world.debugged.length, world.executed], [1, [["workbench.view.debug"]]]);
  await sessions.debug(URI.file("/other"));
  events.ended.fire(session);
  await sessions.debug(file);
  assert.equal(world.debugged.length, 3);
  sessions.dispose();
  assert.deepEqual([events.started.listeners.size, events.ended.listeners.size], [0, 0]);
});

test("only files on a disk are debugged", async () => {
  await new Sessions().debug(URI.parse("git:/srv/app.heapsake"));
  assert.deepEqual(world.debugged, []);
  assert.match(world.messages[0]!.text, /on a disk/);
});
