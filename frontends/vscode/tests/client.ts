/** A client of the debug adapter protocol: starts what the extension would have the editor start, and talks to it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type * as vscode from "vscode";

type Body = Record<string, unknown>;
interface Message {
  type: string;
  event?: string;
  request_seq?: number;
  success?: boolean;
  message?: string;
  body?: Body;
}

/** Milliseconds that an answer may take. */
const PATIENCE = 30_000;

/** A session. */
export class Client {
  private readonly process: ChildProcess;
  private readonly messages: Message[] = [];
  private waiting: (() => void)[] = [];
  private rest = Buffer.alloc(0);
  private errors = "";
  private number = 0;
  private ended = false;

  constructor({ command, args, options }: vscode.DebugAdapterExecutable) {
    this.process = spawn(command, args, { cwd: options?.cwd, env: { ...process.env, ...options?.env }, stdio: "pipe" });
    this.process.stdout!.on("data", (piece: Buffer) => this.read(piece));
    this.process.stderr!.on("data", (piece: Buffer) => (this.errors += piece.toString()));
    // What cannot be written is told by the end that follows.
    this.process.stdin!.on("error", () => undefined);
    this.process.on("close", () => {
      this.ended = true;
      this.wake();
    });
  }

  /** Asks, and waits for the answer, which has to be a success. */
  async ask(command: string, given: Body): Promise<{ body: Body }> {
    const seq = (this.number += 1);
    const text = Buffer.from(JSON.stringify({ seq, type: "request", command, arguments: given }));
    this.process.stdin!.write(Buffer.concat([Buffer.from(`Content-Length: ${text.length}\r\n\r\n`), text]));
    const answer = await this.wait(command, (one) => one.type === "response" && one.request_seq === seq);
    if (answer.success !== true) {
      throw new Error(`${command}: ${answer.message}`);
    }
    return { body: answer.body ?? {} };
  }

  /** Waits for an event. */
  async told(event: string): Promise<Body> {
    return (await this.wait(event, (one) => one.type === "event" && one.event === event)).body ?? {};
  }

  /** Closes its input, at which it has to end. */
  async end(): Promise<void> {
    this.process.stdin!.end();
    if (!this.ended) {
      const killer = setTimeout(() => this.process.kill(), PATIENCE);
      await once(this.process, "close");
      clearTimeout(killer);
    }
    if (this.process.signalCode !== null) {
      throw new Error(`the adapter did not end by itself (${this.process.signalCode}); it said: ${this.errors}`);
    }
  }

  private async wait(what: string, wanted: (message: Message) => boolean): Promise<Message> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const found = this.messages.find(wanted);
      if (found !== undefined) {
        return found;
      }
      if (this.ended || Date.now() > end) {
        const why = this.ended ? `the adapter ended with status ${this.process.exitCode}` : `nothing came in ${PATIENCE} ms`;
        throw new Error(`${what}: ${why}; it said: ${this.errors}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
  }

  private wake(): void {
    const woken = this.waiting;
    this.waiting = [];
    woken.forEach((one) => one());
  }

  private read(piece: Buffer): void {
    this.rest = Buffer.concat([this.rest, piece]);
    for (;;) {
      const head = this.rest.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/i.exec(this.rest.subarray(0, Math.max(head, 0)).toString())?.[1]);
      if (head < 0 || this.rest.length < head + 4 + length) {
        break;
      }
      this.messages.push(JSON.parse(this.rest.subarray(head + 4, head + 4 + length).toString()) as Message);
      this.rest = this.rest.subarray(head + 4 + length);
    }
    this.wake();
  }
}
