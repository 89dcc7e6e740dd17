import { readFileSync } from "node:fs";
import * as path from "node:path";
import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import type * as vscode from "vscode";
import { URI } from "vscode-uri";

import { type World, TabInputCustom, events } from "./double";
import { HOME, context, dump, folder, program, world as fresh } from "./stage";
import { activate } from "../src/extension";

interface Manifest {
  activationEvents: string[];
  contributes: {
    commands: { command: string }[];
    customEditors: { viewType: string; selector: { filenamePattern: string }[]; priority: string }[];
    debuggers: { type: string; configurationAttributes: Record<string, { properties: Record<string, unknown> }> }[];
    menus: Record<string, { command: string }[]>;
    configuration: { properties: Record<string, { scope: string }> };
  };
}
const manifest = JSON.parse(readFileSync(path.join(HOME, "package.json"), "utf8")) as Manifest;

let world: World;
beforeEach(() => {
  world = fresh();
});

test("what the manifest promises is registered, and nothing else is", async () => {
  const given = context();
  await activate(given);
  const { commands, customEditors, debuggers } = manifest.contributes;
  assert.deepEqual([...world.commands.keys()].sort(), commands.map(({ command }) => command).sort());
  assert.deepEqual([...world.editors.keys()], customEditors.map(({ viewType }) => viewType));
  assert.deepEqual([...world.factories.keys()], debuggers.map(({ type }) => type));
  assert.deepEqual(world.configurations.map(({ type, trigger }) => [type, trigger]), [
    ["heapsake", 1],
    ["heapsake", 2],
  ]);
  assert.equal(world.links.length, 1);
  for (const { command } of Object.values(manifest.contributes.menus).flat()) {
    assert.ok(world.commands.has(command), command);
  }
  // Each of these is a way in, before anything else has activated the extension.
  for (const event of ["onDebugResolve:heapsake", "onDebugDynamicConfigurations:heapsake", "onUri"]) {
    assert.ok(manifest.activationEvents.includes(event), event);
  }
  given.subscriptions.forEach((one) => one.dispose());
  assert.deepEqual([world.commands.size, world.editors.size, world.factories.size], [0, 0, 0]);
  assert.deepEqual([events.started.listeners.size, events.ended.listeners.size, events.tabs.listeners.size], [0, 0, 0]);
});

test("the manifest: dumps open by default, arguments of both requests, a program that no workspace may name", () => {
  const [editor] = manifest.contributes.customEditors;
  assert.deepEqual([editor!.selector, editor!.priority], [[{ filenamePattern: "*.heapsake" }], "default"]);
  const attributes = manifest.contributes.debuggers[0]!.configurationAttributes;
  assert.deepEqual(Object.keys(attributes), ["launch", "attach"]);
  assert.deepEqual(Object.values(attributes).map(({ properties }) => Object.keys(properties)), [["dump"], ["dump"]]);
  assert.equal(manifest.contributes.configuration.properties["heapsake.path"]!.scope, "machine");
});

const call = async (name: string, ...given: unknown[]): Promise<unknown> => world.commands.get(name)!(...(given as never[]));

test("commands take the dump they are given, the one that is looked at, or the one that is picked", async () => {
  await activate(context());
  process.env["PATH"] = path.dirname(program(folder(), "heapsake", ""));
  const files = ["a", "b", "c", "d"].map((name) => URI.file(dump(folder(), `${name}.heapsake`)));
  await call("heapsake.debugDump", files[0]);
  await call("heapsake.debugDump", files[1]!.toString());
  world.tabs = [{ input: new TabInputCustom(files[2]!, "heapsake.summary"), isPreview: false, isActive: true }];
  await call("heapsake.debugDump");
  world.tabs[0]!.input = new TabInputCustom(files[2]!, "another.editor");
  world.answers.push([files[3]]);
  await call("heapsake.debugDump");
  assert.deepEqual(world.debugged.map((one) => one["dump"]), files.map((file) => file.fsPath));
  await call("heapsake.debugDump");
  assert.equal(world.debugged.length, 4, "called off");
  await assert.rejects(call("heapsake.debugDump", "no address"));
});

test("a preview stays when it is debugged: sources would take its place", async () => {
  await activate(context());
  const file = URI.file(dump(folder()));
  world.tabs = [{ input: new TabInputCustom(file, "heapsake.summary"), isPreview: true, isActive: true }];
  await call("heapsake.debugDump", file);
  world.tabs[0]!.isPreview = false;
  await call("heapsake.debugDump", file);
  assert.deepEqual(world.executed, [["vscode.openWith", file, "heapsake.summary", { preview: false }]]);
  assert.equal(world.debugged.length, 2);
});

test("the REPL is a terminal without a shell", async () => {
  await activate(context());
  const command = program(folder(), "heapsake", "");
  process.env["PATH"] = path.dirname(command);
  const file = URI.file(dump(folder(), "a; id.heapsake"));
  await call("heapsake.openRepl", file);
  const { options, shown } = world.terminals[0]!;
  assert.deepEqual([options.shellPath, options.shellArgs, shown], [command, ["repl", file.fsPath], true]);
  await call("heapsake.openRepl", URI.parse("git:/a.heapsake"));
  process.env["PATH"] = "";
  await call("heapsake.openRepl", file);
  assert.equal(world.terminals.length, 1);
  assert.deepEqual(world.messages.map(({ kind }) => kind), ["error", "error"]);
});

test("opening stays, a summary alone is a preview", async () => {
  await activate(context());
  const file = URI.file(dump(folder()));
  world.answers.push([file]);
  await call("heapsake.openDump");
  await call("heapsake.openDump");
  await call("heapsake.showSummary", file);
  assert.deepEqual(world.executed, [
    ["vscode.openWith", file, "heapsake.summary", { preview: false }],
    ["vscode.openWith", file, "heapsake.summary", { preview: true }],
  ]);
});

test("a process is dumped by its number, and its dump opened", async () => {
  await activate(context());
  const place = folder();
  const target = URI.file(path.join(place, "it.heapsake"));
  process.env["PATH"] = `${path.dirname(program(folder(), "heapsake", `echo "$*" > "${place}/asked"`))}:/bin`;
  world.answers.push(" 4242 ", target);
  await call("heapsake.dumpProcess");
  assert.equal(readFileSync(path.join(place, "asked"), "utf8"), `dump 4242 --output ${target.fsPath}\n`);
  assert.deepEqual(world.executed, [["vscode.openWith", target, "heapsake.summary", { preview: false }]]);
  assert.deepEqual(world.messages, []);
});

test("a dump that is shown already is shown anew when a process is dumped over it", async () => {
  await activate(context());
  const target = URI.file(dump(folder()));
  const place = folder();
  process.env["PATH"] = `${path.dirname(program(folder(), "heapsake", `echo "$1" >> "${place}/asked"; cat "${place}/asked"`))}:/bin`;
  const webview = { html: "", options: {} };
  const panel = { webview, onDidDispose: () => undefined, reveal: () => undefined } as unknown as vscode.WebviewPanel;
  const editor = world.editors.get("heapsake.summary")!;
  const token = undefined as unknown as vscode.CancellationToken;
  await editor.resolveCustomEditor({ uri: target, dispose: () => undefined }, panel, token);
  world.answers.push("4242", target);
  await call("heapsake.dumpProcess");
  assert.equal(readFileSync(path.join(place, "asked"), "utf8"), `${target.fsPath}\ndump\n${target.fsPath}\n`);
  assert.ok(webview.html.includes(`dump\n${target.fsPath}`));
});

test("a process that is not dumped: the reason is said, and nothing opened", async () => {
  await activate(context());
  for (const wrong of ["", "0", "-1", "1e3", "4242; id", "99999999999"]) {
    world.answers.push(wrong, URI.file("/x.heapsake"));
    await call("heapsake.dumpProcess");
    assert.deepEqual(world.asked.splice(0), ["input"], wrong);
    world.answers = [];
  }
  process.env["PATH"] = path.dirname(program(folder(), "heapsake", "echo 'heapsake: no such process [x](command:y)' >&2; exit 1"));
  world.answers.push("4242", URI.file(path.join(folder(), "x.heapsake")));
  await call("heapsake.dumpProcess");
  assert.equal(world.messages[0]!.text, "Process 4242 was not dumped. heapsake: no such process [x] (command:y)");
  world.answers.push("4242");
  await call("heapsake.dumpProcess");
  assert.deepEqual([world.executed, world.messages.length], [[], 1]);
});
