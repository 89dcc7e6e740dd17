/** What tests stand on: folders that go away, programs that stand for heapsake, the real one, an activated extension. */

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type TestContext, after } from "node:test";
import type * as vscode from "vscode";

import { type World, reset } from "./double";

/** The folder of the extension. */
export const HOME = path.resolve(__dirname, "..");

const base = realpathSync(mkdtempSync(path.join(tmpdir(), "heapsake-vscode-")));
after(() => rmSync(base, { recursive: true, force: true }));
let number = 0;

/** A new folder. */
export function folder(): string {
  const made = path.join(base, String((number += 1)));
  mkdirSync(made);
  return made;
}

/** A program of the shell, in a folder. */
export function program(place: string, name: string, script: string): string {
  mkdirSync(place, { recursive: true });
  const file = path.join(place, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** An empty file that is called a dump. */
export function dump(place: string, name = "app.heapsake"): string {
  const file = path.join(place, name);
  writeFileSync(file, "");
  return file;
}

/** The real heapsake. Without it the test is skipped, which continuous integration does not accept. */
export function real(context: TestContext): string | undefined {
  const command = process.env["HEAPSAKE_TEST_COMMAND"];
  if (!command) {
    if (process.env["CI"]) {
      throw new Error("HEAPSAKE_TEST_COMMAND has to name heapsake");
    }
    context.skip("HEAPSAKE_TEST_COMMAND names no heapsake");
  }
  return command;
}

/** A dump that is kept for tests. */
export const GOLDEN = path.resolve(HOME, "../../tests/golden/3.11.heapsake");

/** What the extension is given. */
export function context(remembered: Record<string, unknown> = {}): vscode.ExtensionContext {
  const workspaceState = {
    get: (key: string, otherwise: unknown) => remembered[key] ?? otherwise,
    update: async (key: string, value: unknown) => void (remembered[key] = value),
  };
  return { subscriptions: [] as { dispose(): unknown }[], workspaceState } as unknown as vscode.ExtensionContext;
}

/** A new world in which heapsake is nowhere: what PATH has is the test's. */
export function world(): World {
  process.env["PATH"] = "/usr/bin:/bin";
  return reset();
}

/** Waits until something is so. */
export async function until(what: string, so: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !so(); ) {
    if (Date.now() > end) {
      throw new Error(`after 30 seconds still not: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
