/** The packed extension: what is in it, and that it works as it is packed. HEAPSAKE_TEST_PACKAGE names the .vsix. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { before, test } from "node:test";
import assert from "node:assert/strict";
import { unzipSync } from "fflate";
import type * as vscode from "vscode";

import { DebugAdapterExecutable, world as current } from "./double";
import { Client } from "./client";
import { GOLDEN, context, folder, real, world as fresh } from "./stage";

/** Bytes of the packed file. */
const LARGEST = 100_000;
const FILES = [
  "[Content_Types].xml",
  "extension.vsixmanifest",
  "extension/LICENSE.txt",
  "extension/changelog.md",
  "extension/dist/extension.js",
  "extension/icon.png",
  "extension/package.json",
  "extension/readme.md",
];

const file = process.env["HEAPSAKE_TEST_PACKAGE"];
const skip = file ? false : "HEAPSAKE_TEST_PACKAGE names no .vsix";
if (!file && process.env["CI"]) {
  throw new Error("HEAPSAKE_TEST_PACKAGE has to name the .vsix");
}
let place: string;

before(() => {
  place = folder();
  if (file) {
    for (const [name, content] of Object.entries(unzipSync(readFileSync(file)))) {
      mkdirSync(path.dirname(path.join(place, name)), { recursive: true });
      writeFileSync(path.join(place, name), content);
    }
  }
});

test("it holds what is needed to run, and nothing else", { skip }, () => {
  const packed = readFileSync(file!);
  assert.deepEqual(Object.keys(unzipSync(packed)).sort(), FILES);
  assert.ok(packed.length < LARGEST, `${packed.length} bytes`);
  const manifest = JSON.parse(readFileSync(path.join(place, "extension/package.json"), "utf8")) as Record<string, string>;
  assert.ok(readFileSync(path.join(place, "extension", manifest["main"]!)).length > 0);
  const icon = readFileSync(path.join(place, "extension", manifest["icon"]!));
  assert.deepEqual([icon.subarray(1, 4).toString(), icon.readUInt32BE(16), icon.readUInt32BE(20)], ["PNG", 128, 128]);
  const main = readFileSync(path.join(place, "extension", manifest["main"]!), "utf8");
  const asked = [...main.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name!);
  assert.deepEqual(asked.filter((name) => name !== "vscode" && !name.startsWith("node:")), []);
  assert.doesNotMatch(main, /sourceMappingURL|\beval\(|new Function/);
});

async function activated(): Promise<void> {
  fresh();
  const main = createRequire(path.join(place, "extension/"))("./dist/extension.js") as {
    activate(given: vscode.ExtensionContext): Promise<void>;
  };
  await main.activate(context());
}

test("it activates, and its adapter answers from initialize to the variables of a dump", { skip }, async (test) => {
  await activated();
  const command = real(test);
  if (command === undefined) {
    return;
  }
  current.settings["heapsake.path"] = command;
  const factory = current.factories.get("heapsake")!;
  const session = { workspaceFolder: undefined } as vscode.DebugSession;
  const made = (await factory.createDebugAdapterDescriptor(session, undefined)) as vscode.DebugAdapterExecutable;
  assert.ok(made instanceof DebugAdapterExecutable);
  assert.deepEqual([made.command, made.args], [command, ["dap"]]);
  const client = new Client(made);
  try {
    const { body: capabilities } = await client.ask("initialize", { adapterID: "heapsake", linesStartAt1: true, columnsStartAt1: true });
    assert.equal(capabilities["supportsConfigurationDoneRequest"], true);
    const { provider } = current.configurations[0]!;
    const given = { type: "heapsake", request: "launch", name: "it", dump: GOLDEN };
    const started = await provider.resolveDebugConfigurationWithSubstitutedVariables!(undefined, given);
    const launched = client.ask("launch", { ...started });
    await client.told("initialized");
    await client.ask("setBreakpoints", { source: { path: "/x.py" }, breakpoints: [{ line: 1 }] });
    await client.ask("configurationDone", {});
    await launched;
    const { threadId } = await client.told("stopped");
    const { body: stack } = await client.ask("stackTrace", { threadId, startFrame: 0, levels: 1 });
    const [frame] = stack["stackFrames"] as { id: number; name: string; line: number }[];
    assert.deepEqual([frame!.name, frame!.line], ["wait", 41]);
    const { body: scopes } = await client.ask("scopes", { frameId: frame!.id });
    const [locals] = scopes["scopes"] as { variablesReference: number }[];
    const { body: variables } = await client.ask("variables", { variablesReference: locals!.variablesReference });
    const names = (variables["variables"] as { name: string; value: string }[]).map(({ name, value }) => [name, value]);
    assert.ok(names.some(([name, value]) => name === "ports" && value!.includes("Brest")), JSON.stringify(names));
    await client.ask("disconnect", {});
  } finally {
    await client.end();
  }
});
