/** Dumping a live process: asks for its number and a file, runs `heapsake dump`, opens the dump. */

import { tmpdir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

import { ENDING, open } from "./dumps";
import { findOrTell } from "./program";
import { run } from "./run";
import { told } from "./text";

/** Asks, dumps, opens. Where the file is shown already, `reload` shows what it has now. */
export async function dumpProcess(reload: (dump: vscode.Uri) => Promise<boolean>): Promise<void> {
  const pid = await vscode.window.showInputBox({
    title: "Dump a Python process",
    prompt: "The number of the process (PID). It stands still for milliseconds and goes on; none of its code runs.",
    validateInput: (text) => (number(text) === undefined ? "a number of a process: 4242" : undefined),
  });
  const asked = pid === undefined ? undefined : number(pid);
  const program = asked === undefined ? undefined : await findOrTell();
  if (asked === undefined || program === undefined) {
    return;
  }
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri.fsPath ?? tmpdir();
  const target = await vscode.window.showSaveDialog({
    title: "Where to write the dump: it holds what the program holds",
    defaultUri: vscode.Uri.file(path.join(folder, `pid-${asked}${ENDING}`)),
    filters: { "Dumps of heapsake": [ENDING.slice(1)] },
  });
  if (target === undefined) {
    return;
  }
  if (target.scheme !== "file") {
    tell(asked, "a dump is written to a file of this machine, not to " + target.scheme);
    return;
  }
  const progress = { location: vscode.ProgressLocation.Notification, title: `Dumping process ${asked}`, cancellable: true };
  const written = await vscode.window.withProgress(progress, async (_report, token) => {
    const ending = new AbortController();
    token.onCancellationRequested(() => ending.abort());
    try {
      const answer = await run(program, ["dump", String(asked), "--output", target.fsPath], { signal: ending.signal });
      if (answer.status === 0) {
        return true;
      }
      tell(asked, answer.errors.trim() || `heapsake ended with status ${answer.status}`);
    } catch (problem) {
      if (!ending.signal.aborted) {
        tell(asked, problem instanceof Error ? problem.message : String(problem));
      }
    }
    return false;
  });
  if (written) {
    await reload(target);
    await open(target);
  }
}

/** The number of a process, or none. */
function number(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[1-9][0-9]{0,9}$/.test(trimmed) ? Number(trimmed) : undefined;
}

function tell(pid: number, problem: string): void {
  void vscode.window.showErrorMessage(`Process ${pid} was not dumped. ${told(problem)}`);
}
