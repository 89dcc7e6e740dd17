/** Running heapsake to its end: no shell, an end in time, output of a bounded size. */

import { spawn } from "node:child_process";
import * as path from "node:path";

import type { Program } from "./program";

/** Bytes of output that are kept. */
const MOST = 4 * 1024 * 1024;

/** What a run said. */
export interface Answer {
  /** The exit status; none when it was ended by a signal. */
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
  /** Whether there was more output than is kept. */
  readonly cut: boolean;
}

/** How long it may take, and who may end it. */
export interface Limits {
  readonly seconds?: number;
  readonly signal?: AbortSignal;
}

/** Runs it. Rejected where it cannot be started, takes too long, or is told to end. */
export function run(program: Program, asked: readonly string[], limits: Limits = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program.command, [...program.args, ...asked], {
      // A folder that holds nothing of a dump's or a workspace's making.
      cwd: path.dirname(program.command),
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      ...(limits.signal && { signal: limits.signal }),
      ...(limits.seconds && { timeout: limits.seconds * 1000 }),
    });
    const output = kept(child.stdout);
    const errors = kept(child.stderr);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      if (signal === "SIGTERM" && limits.seconds !== undefined) {
        reject(new Error(`it had not ended after ${limits.seconds} seconds`));
        return;
      }
      resolve({ status, output: output.text(), errors: errors.text(), cut: output.cut() });
    });
  });
}

function kept(stream: NodeJS.ReadableStream): { text(): string; cut(): boolean } {
  const pieces: Buffer[] = [];
  let length = 0;
  stream.on("data", (piece: Buffer) => {
    if (length < MOST) {
      pieces.push(piece.subarray(0, MOST - length));
    }
    length += piece.length;
  });
  return { text: () => Buffer.concat(pieces).toString("utf8"), cut: () => length > MOST };
}
