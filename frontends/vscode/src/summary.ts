/**
 * The editor of dumps: shows what `heapsake FILE` says, and starts the debugger when a dump is opened to stay.
 *
 * A single click shows a preview and debugs nothing, until its tab is made to stay. Nothing is debugged where a dump is one side of
 * two that are compared (as among the changes of source control), in a tab that the editor brings back after a reload, and in a
 * workspace that is not trusted.
 */

import * as path from "node:path";
import * as vscode from "vscode";

import type { Sessions } from "./debugging";
import { tabOf } from "./dumps";
import { LINKS, page } from "./page";
import { find } from "./program";
import { run } from "./run";

/** Seconds that a summary may take. */
const PATIENCE = 120;
/** Where the workspace remembers what is open. */
const OPEN = "open";

/** The editor's provider. */
export class Summaries implements vscode.CustomReadonlyEditorProvider {
  private readonly panels = new Map<string, Set<vscode.WebviewPanel>>();
  /** What waits for a dump's tab to stay. */
  private readonly waiting = new Map<string, vscode.Disposable>();

  constructor(
    private readonly sessions: Sessions,
    private readonly memory: vscode.Memento,
  ) {}

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor(document: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    const { uri } = document;
    const address = uri.toString();
    panel.webview.options = { enableScripts: false, enableCommandUris: LINKS, localResourceRoots: [] };
    const panels = this.panels.get(address) ?? new Set();
    this.panels.set(address, panels.add(panel));
    panel.onDidDispose(() => {
      panels.delete(panel);
      if (panels.size === 0) {
        this.panels.delete(address);
        this.waiting.get(address)?.dispose();
        this.waiting.delete(address);
        void this.remember(address, false);
      }
    });
    this.debugWhenItStays(uri);
    await this.show(uri, panel);
  }

  /** Asks heapsake anew where the dump is shown; false where it is not. */
  async reload(uri: vscode.Uri): Promise<boolean> {
    const panels = [...(this.panels.get(uri.toString()) ?? [])];
    await Promise.all(panels.map((panel) => this.show(uri, panel)));
    panels[0]?.reveal();
    return panels.length > 0;
  }

  private async show(uri: vscode.Uri, panel: vscode.WebviewPanel): Promise<void> {
    const about = { title: path.basename(uri.path), address: uri.toString() };
    panel.webview.html = page({ ...about, text: "heapsake reads the dump …" });
    let told: { text: string; problem?: string };
    try {
      told = await summary(uri);
    } catch (problem) {
      told = { text: "", problem: `There is no summary: ${problem instanceof Error ? problem.message : String(problem)}` };
    }
    // It may have been closed meanwhile.
    if (this.panels.get(uri.toString())?.has(panel)) {
      panel.webview.html = page({ ...about, ...told });
    }
  }

  private debugWhenItStays(uri: vscode.Uri): void {
    const address = uri.toString();
    const wanted = vscode.workspace.getConfiguration("heapsake").get<boolean>("debugOnOpen", true);
    // Before any debugger starts, the editor asks to trust the workspace: that is too much for opening a file.
    if (uri.scheme !== "file" || !wanted || !vscode.workspace.isTrusted || this.waiting.has(address)) {
      return;
    }
    const look = (): void => {
      // A preview may come to stay. Two files that are compared have a tab of neither, and the dump may get one of its own.
      if (tabOf(uri)?.isPreview !== false) {
        return;
      }
      this.waiting.get(address)?.dispose();
      this.waiting.delete(address);
      // After a reload of the window it was open already.
      if (!this.memory.get<string[]>(OPEN, []).includes(address)) {
        void this.remember(address, true);
        void this.sessions.debug(uri);
      }
    };
    this.waiting.set(address, vscode.window.tabGroups.onDidChangeTabs(look));
    look();
  }

  private async remember(address: string, open: boolean): Promise<void> {
    const others = this.memory.get<string[]>(OPEN, []).filter((one) => one !== address);
    await this.memory.update(OPEN, open ? [...others, address] : others);
  }
}

/** Forgets dumps that were open when the editor ended and are so no more. */
export async function forgetClosed(memory: vscode.Memento): Promise<void> {
  const open = vscode.window.tabGroups.all.flatMap((group) => group.tabs).map((tab) => tab.input);
  const addresses = open.map((input) => (input instanceof vscode.TabInputCustom ? input.uri.toString() : undefined));
  await memory.update(OPEN, memory.get<string[]>(OPEN, []).filter((one) => addresses.includes(one)));
}

async function summary(uri: vscode.Uri): Promise<{ text: string; problem?: string }> {
  if (uri.scheme !== "file") {
    throw new Error(`only a dump on a disk can be opened, not one of “${uri.scheme}:”. Save it to a folder first.`);
  }
  const answer = await run(await find(uri), [uri.fsPath], { seconds: PATIENCE });
  const problems = [answer.errors.trim()];
  if (answer.cut) {
    problems.push("The summary is longer than what is shown here.");
  }
  if (answer.status === null) {
    problems.push("heapsake was ended by a signal.");
  }
  const problem = problems.filter((one) => one !== "").join("\n");
  return problem ? { text: answer.output, problem } : { text: answer.output };
}
