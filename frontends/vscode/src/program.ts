/**
 * The program `heapsake`: the setting names it, else it is on PATH, else beside the interpreter that the Python extension has.
 *
 * What a workspace brings along is run in a trusted workspace alone: the setting is the machine's, relative entries of PATH are
 * passed over, and interpreters are asked for only there.
 */

import { access, constants, stat } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

import { interpreter } from "./interpreter";
import { run } from "./run";
import { told } from "./text";

/** How to start heapsake; what is asked of it follows `args`. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Where it was found. */
  readonly by: "setting" | "PATH" | "interpreter";
}

/** There is no program to run; the message says where it was looked for and what to do. */
export class NotFound extends Error {
  constructor(where: string) {
    super(`${where} Install it with “pip install heapsake”, or name it in the setting heapsake.path.`);
  }
}

/** Finds the program. A setting that is wrong is an error, even where PATH has another one. */
export async function find(resource?: vscode.Uri): Promise<Program> {
  const setting = vscode.workspace.getConfiguration("heapsake").get<string>("path")?.trim();
  if (setting) {
    const command = setting.replace(/^~(?=[/\\])/, homedir());
    if (!path.isAbsolute(command)) {
      throw new NotFound(`The setting heapsake.path has to be a whole path, and is “${told(setting)}”.`);
    }
    if (!(await executable(command))) {
      throw new NotFound(`The setting heapsake.path names ${told(command)}, which is not there or is no program.`);
    }
    return { command, args: [], by: "setting" };
  }
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter).filter((entry) => path.isAbsolute(entry))) {
    const command = path.join(folder, name());
    if (await executable(command)) {
      return { command, args: [], by: "PATH" };
    }
  }
  if (!vscode.workspace.isTrusted) {
    throw new NotFound("heapsake is not on PATH. Environments of this workspace are not looked at, as it is not trusted.");
  }
  const python = await interpreter(resource);
  if (python === undefined) {
    throw new NotFound("heapsake is not on PATH, and no Python interpreter is selected that could have it.");
  }
  const beside = path.join(path.dirname(python), name());
  if (await executable(beside)) {
    return { command: beside, args: [], by: "interpreter" };
  }
  // Isolated: neither the working directory nor the workspace's variables say what `heapsake` is.
  const args = ["-I", "-m", "heapsake"];
  const answer = await run({ command: python, args, by: "interpreter" }, ["--version"], { seconds: 20 }).catch(() => undefined);
  if (answer?.status === 0) {
    return { command: python, args, by: "interpreter" };
  }
  throw new NotFound(`heapsake is not on PATH, and the selected interpreter ${told(python)} does not have it.`);
}

/** Finds the program, or says that it is not there and offers what helps; then there is none. */
export async function findOrTell(resource?: vscode.Uri): Promise<Program | undefined> {
  try {
    return await find(resource);
  } catch (problem) {
    if (!(problem instanceof NotFound)) {
      throw problem;
    }
    void vscode.window.showErrorMessage(problem.message, "Open Settings", "Install in Terminal").then(async (button) => {
      if (button === "Open Settings") {
        await vscode.commands.executeCommand("workbench.action.openSettings", "heapsake.path");
      } else if (button === "Install in Terminal") {
        // Not sent off: the user sees into which environment it goes.
        const terminal = vscode.window.createTerminal("heapsake");
        terminal.show();
        terminal.sendText("pip install heapsake", false);
      }
    });
    return undefined;
  }
}

function name(): string {
  return process.platform === "win32" ? "heapsake.exe" : "heapsake";
}

async function executable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
