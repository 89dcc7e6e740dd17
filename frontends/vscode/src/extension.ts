/** What the extension registers: all that package.json promises, and nothing else. */

import * as path from "node:path";
import * as vscode from "vscode";

import { Links } from "./address";
import { Adapters, Configurations, Found, Sessions, TYPE } from "./debugging";
import { dumpProcess } from "./dumping";
import { VIEW, browse, keep, meant, open } from "./dumps";
import { findOrTell } from "./program";
import { Summaries, forgetClosed } from "./summary";

/** Called by the editor when a dump is opened, a command is run, a session starts or a link is followed. */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  await forgetClosed(context.workspaceState);
  const sessions = new Sessions();
  const summaries = new Summaries(sessions, context.workspaceState);
  const command = (name: string, action: (argument?: unknown) => Promise<void>): vscode.Disposable =>
    vscode.commands.registerCommand(name, action);
  const withDump = (action: (dump: vscode.Uri) => Promise<void>) => async (argument?: unknown) => {
    const dump = await meant(argument);
    if (dump !== undefined) {
      await action(dump);
    }
  };
  context.subscriptions.push(
    sessions,
    vscode.window.registerCustomEditorProvider(VIEW, summaries, {
      webviewOptions: { enableFindWidget: true },
      supportsMultipleEditorsPerDocument: true,
    }),
    vscode.window.registerUriHandler(new Links()),
    vscode.debug.registerDebugConfigurationProvider(TYPE, new Configurations()),
    vscode.debug.registerDebugConfigurationProvider(TYPE, new Found(), vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, new Adapters()),
    command("heapsake.openDump", async () => {
      const dump = await browse();
      if (dump !== undefined) {
        await open(dump);
      }
    }),
    command("heapsake.dumpProcess", () => dumpProcess((dump) => summaries.reload(dump))),
    command(
      "heapsake.debugDump",
      withDump(async (dump) => {
        await keep(dump);
        await sessions.debug(dump);
      }),
    ),
    command("heapsake.openRepl", withDump(openRepl)),
    command(
      "heapsake.showSummary",
      withDump(async (dump) => {
        if (!(await summaries.reload(dump))) {
          // As a preview: who asks for the summary does not ask for the debugger.
          await vscode.commands.executeCommand("vscode.openWith", dump, VIEW, { preview: true });
        }
      }),
    ),
  );
}

/** A terminal that is the REPL itself: no shell reads the path. */
async function openRepl(dump: vscode.Uri): Promise<void> {
  if (dump.scheme !== "file") {
    void vscode.window.showErrorMessage("Only a dump on a disk can be opened in the REPL.");
    return;
  }
  const program = await findOrTell(dump);
  if (program === undefined) {
    return;
  }
  const terminal = vscode.window.createTerminal({
    name: path.basename(dump.fsPath),
    shellPath: program.command,
    shellArgs: [...program.args, "repl", dump.fsPath],
    cwd: path.dirname(program.command),
    isTransient: true,
  });
  terminal.show();
}
