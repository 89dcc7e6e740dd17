/** Which dump is meant: the one that a command was given, the one that is looked at, or the one that the user picks. */

import * as path from "node:path";
import * as vscode from "vscode";

/** What dumps end in. */
export const ENDING = ".heapsake";
/** The view of the custom editor. */
export const VIEW = "heapsake.summary";
/** Dumps of the workspace that are listed. */
const LISTED = 50;

/** The dump of a command: its argument when there is one, else the open one, else the one that is picked. */
export async function meant(argument: unknown): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) {
    return argument;
  }
  // Links of the summary bring text.
  if (typeof argument === "string") {
    return vscode.Uri.parse(argument, true);
  }
  return looked() ?? (await pick());
}

/** The dump whose editor is in front. */
export function looked(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && input.viewType === VIEW ? input.uri : undefined;
}

/** Dumps of the workspace. */
export async function listed(): Promise<vscode.Uri[]> {
  return vscode.workspace.findFiles(`**/*${ENDING}`, "**/node_modules/**", LISTED);
}

/** Lets the user pick one: of the workspace, or any file. None when it is called off. */
export async function pick(): Promise<vscode.Uri | undefined> {
  const dumps = await listed();
  if (dumps.length === 0) {
    return browse();
  }
  const items: (vscode.QuickPickItem & { uri?: vscode.Uri })[] = dumps.map((uri) => ({
    label: path.basename(uri.fsPath),
    description: vscode.workspace.asRelativePath(uri),
    uri,
  }));
  items.push({ label: "Another file…" });
  const picked = await vscode.window.showQuickPick(items, { title: "Which dump?", matchOnDescription: true });
  return picked && (picked.uri ?? (await browse()));
}

/** Lets the user choose any file. */
export async function browse(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: "Open a dump",
    canSelectMany: false,
    filters: { "Dumps of heapsake": [ENDING.slice(1)], "All files": ["*"] },
  });
  return chosen?.[0];
}

/** Opens the editor on a dump, to stay. */
export async function open(uri: vscode.Uri): Promise<void> {
  await vscode.commands.executeCommand("vscode.openWith", uri, VIEW, { preview: false });
}

/** The tab that shows the dump; one that stays before a preview. */
export function tabOf(uri: vscode.Uri): vscode.Tab | undefined {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ input }) => {
    return input instanceof vscode.TabInputCustom && input.viewType === VIEW && input.uri.toString() === uri.toString();
  });
  return tabs.find((tab) => !tab.isPreview) ?? tabs[0];
}

/** Makes the tab of a dump stay, when it is a preview: the next file that is shown would take its place. */
export async function keep(uri: vscode.Uri): Promise<void> {
  if (tabOf(uri)?.isPreview) {
    await open(uri);
  }
}
