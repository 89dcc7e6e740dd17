/** The debug type `heapsake`: completes configurations, starts the debug adapter, and knows which dumps are being debugged. */

import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

import { listed, pick } from "./dumps";
import { type Program, find, findOrTell } from "./program";
import { told } from "./text";

/** The debug type. */
export const TYPE = "heapsake";

/**
 * What a session is started with. The editor replaces `${…}` in it, and runs what `${command:…}` names: a path with such letters
 * goes as an address, which has none.
 */
export function configuration(dump: vscode.Uri): vscode.DebugConfiguration {
  const name = path.basename(dump.fsPath).replaceAll("${", "$ {");
  return { type: TYPE, request: "launch", name, dump: dump.fsPath.includes("${") ? dump.toString() : dump.fsPath };
}

/** Completes what the user wrote. */
export class Configurations implements vscode.DebugConfigurationProvider {
  resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration {
    // Without a launch.json there is nothing in it.
    return { ...given, type: TYPE, request: given.request || "launch", name: given.name || "Open a dump" };
  }

  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const written: unknown = given["dump"];
    if (written !== undefined && typeof written !== "string") {
      const message = `“dump” of the configuration “${told(given.name)}” has to be the path of a dump, in quotes.`;
      void vscode.window.showErrorMessage(message);
      return undefined;
    }
    const dump = written ? whole(written, folder) : (await pick())?.fsPath;
    if (dump === undefined || (await findOrTell(folder?.uri)) === undefined) {
      return undefined;
    }
    return { ...given, dump };
  }
}

/** A path as the user wrote it, whole. */
function whole(written: string, folder: vscode.WorkspaceFolder | undefined): string {
  if (written.startsWith("file:")) {
    return vscode.Uri.parse(written, true).fsPath;
  }
  const file = written.replace(/^~(?=[/\\])/, homedir());
  return folder ? path.resolve(folder.uri.fsPath, file) : path.resolve(file);
}

/** The dumps of the workspace, for the list behind the debug view's button. */
export class Found implements vscode.DebugConfigurationProvider {
  async provideDebugConfigurations(): Promise<vscode.DebugConfiguration[]> {
    return (await listed()).map(configuration);
  }
}

/** Starts `heapsake dap`, which talks over its standard input and output. */
export class Adapters implements vscode.DebugAdapterDescriptorFactory {
  async createDebugAdapterDescriptor(session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    return adapter(await find(session.workspaceFolder?.uri));
  }
}

function adapter(program: Program): vscode.DebugAdapterExecutable {
  const cwd = path.dirname(program.command);
  return new vscode.DebugAdapterExecutable(program.command, [...program.args, "dap"], { cwd });
}

/** The sessions that run: a dump is debugged once. */
export class Sessions implements vscode.Disposable {
  private readonly running = new Map<string, vscode.DebugSession>();
  private readonly starting = new Set<string>();
  private readonly listeners = [
    vscode.debug.onDidStartDebugSession((session) => {
      if (session.type === TYPE) {
        this.running.set(session.id, session);
      }
    }),
    vscode.debug.onDidTerminateDebugSession((session) => this.running.delete(session.id)),
  ];

  /** Debugs a dump; where it is debugged already, its view is shown. */
  async debug(dump: vscode.Uri): Promise<void> {
    if (dump.scheme !== "file") {
      void vscode.window.showErrorMessage(`Only a dump on a disk can be debugged, not one of “${told(dump.scheme)}:”.`);
      return;
    }
    const file = dump.fsPath;
    if (this.starting.has(file)) {
      return;
    }
    if ([...this.running.values()].some((session) => session.configuration["dump"] === file)) {
      await vscode.commands.executeCommand("workbench.view.debug");
      return;
    }
    this.starting.add(file);
    try {
      const folder = vscode.workspace.getWorkspaceFolder(dump);
      await vscode.debug.startDebugging(folder, configuration(dump), { suppressSaveBeforeStart: true });
    } finally {
      this.starting.delete(file);
    }
  }

  dispose(): void {
    vscode.Disposable.from(...this.listeners).dispose();
  }
}
