/**
 * Links `vscode://heapsake.heapsake/open?path=FILE`: a web page or a mail may hold one, so they are hostile.
 *
 * A link opens a dump and nothing else. One outside of the trusted workspace is looked at only after the user agreed to its path.
 */

import { realpath, stat } from "node:fs/promises";
import * as path from "node:path";
import * as vscode from "vscode";

import { ENDING, open } from "./dumps";
import { acts, told } from "./text";

/** Letters of a path that is looked at. */
const LONGEST = 4096;

/** What a link asks for, or why it is refused. */
export type Judged = { readonly file: string } | { readonly refused: string };

/** Reads a link, without looking at any file. */
export function judge(uri: vscode.Uri): Judged {
  if (uri.path !== "/open") {
    return { refused: `it asks for “${told(uri.path.slice(0, 100))}”; links can only open dumps: /open?path=…` };
  }
  // The editor has decoded it already: all that follows is the path, whatever it holds.
  const file = uri.query.startsWith("path=") ? uri.query.slice("path=".length) : "";
  if (file === "") {
    return { refused: "it names no dump: …/open?path=FILE" };
  }
  if (file.length > LONGEST || acts(file)) {
    return { refused: "its path has letters that no path of a dump has, or too many" };
  }
  // Two slashes are another machine's folder on Windows; asking it would tell it who the user is.
  if (!path.isAbsolute(file) || /^[/\\]{2}/.test(file)) {
    return { refused: `${file} is not a whole path of this machine` };
  }
  if (path.extname(file).toLowerCase() !== ENDING) {
    return { refused: `${file} does not end in ${ENDING}` };
  }
  return { file: path.normalize(file) };
}

/** Opens what links ask for. */
export class Links implements vscode.UriHandler {
  async handleUri(uri: vscode.Uri): Promise<void> {
    const judged = judge(uri);
    if ("refused" in judged) {
      void vscode.window.showErrorMessage(`A link to heapsake was refused: ${told(judged.refused)}.`);
      return;
    }
    if (!(await inWorkspace(judged.file)) && !(await agreed(judged.file))) {
      return;
    }
    const found = await stat(judged.file).catch(() => undefined);
    if (!found?.isFile()) {
      void vscode.window.showErrorMessage(`The dump of the link is not there: ${told(judged.file)}`);
      return;
    }
    await open(vscode.Uri.file(judged.file));
  }
}

/** Whether the file, all links of the disk followed, is in a folder of the workspace, which the user trusts. */
async function inWorkspace(file: string): Promise<boolean> {
  const written = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file));
  if (!vscode.workspace.isTrusted || written === undefined) {
    return false;
  }
  const [folder, real] = await Promise.all([realpath(written.uri.fsPath), realpath(file)].map((path) => path.catch(() => "")));
  return real !== "" && folder !== "" && real!.startsWith(folder + path.sep);
}

async function agreed(file: string): Promise<boolean> {
  const detail = "Opening a dump runs nothing of it. If you did not expect this, the link may try to make you look at a file.";
  const button = await vscode.window.showWarningMessage(`A link asks to open ${file}`, { modal: true, detail }, "Open");
  return button === "Open";
}
