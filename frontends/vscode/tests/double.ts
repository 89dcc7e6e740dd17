/**
 * A double of the module `vscode`: what the extension uses of it, typed by `@types/vscode`; it records what was registered, shown
 * and asked. A member that it lacks is an error when it is used, never undefined.
 */

import Module from "node:module";
import type * as vscode from "vscode";
import { URI } from "vscode-uri";

/** What happened, and what the user will answer. */
export interface World {
  commands: Map<string, (...args: never[]) => unknown>;
  executed: unknown[][];
  editors: Map<string, vscode.CustomReadonlyEditorProvider>;
  links: vscode.UriHandler[];
  configurations: { type: string; provider: vscode.DebugConfigurationProvider; trigger: number }[];
  factories: Map<string, vscode.DebugAdapterDescriptorFactory>;
  debugged: vscode.DebugConfiguration[];
  messages: { kind: string; text: string; detail: string | undefined; buttons: string[] }[];
  terminals: { options: vscode.TerminalOptions; sent: string[]; shown: boolean }[];
  /** What the user answers, in order; nothing when there is no more. */
  answers: unknown[];
  asked: string[];
  settings: Record<string, unknown>;
  trusted: boolean;
  folders: string[];
  files: string[];
  tabs: { input: unknown; isPreview: boolean; isActive: boolean }[];
  extensions: Map<string, { activate(): Promise<unknown> }>;
}

function fresh(): World {
  return {
    commands: new Map(),
    executed: [],
    editors: new Map(),
    links: [],
    configurations: [],
    factories: new Map(),
    debugged: [],
    messages: [],
    terminals: [],
    answers: [],
    asked: [],
    settings: {},
    trusted: true,
    folders: [],
    files: [],
    tabs: [],
    extensions: new Map(),
  };
}

/** The world of the test that runs. */
export let world: World = fresh();

/** A new world, before each test. */
export function reset(): World {
  world = fresh();
  return world;
}

class Disposable {
  constructor(private readonly action: () => unknown) {}
  static from(...others: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => others.forEach((other) => other.dispose()));
  }
  dispose(): void {
    this.action();
  }
}

/** An event that a test sets off. */
export class Event<T> {
  readonly listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(value: T): void {
    [...this.listeners].forEach((listener) => listener(value));
  }
}

/** Sessions that start and end, tabs that change. */
export const events = {
  started: new Event<vscode.DebugSession>(),
  ended: new Event<vscode.DebugSession>(),
  tabs: new Event<vscode.TabChangeEvent>(),
};

/** A tab of a custom editor. */
export class TabInputCustom {
  constructor(
    readonly uri: vscode.Uri,
    readonly viewType: string,
  ) {}
}

/** How a debug adapter is started. */
export class DebugAdapterExecutable {
  constructor(
    readonly command: string,
    readonly args: string[] = [],
    readonly options?: vscode.DebugAdapterExecutableOptions,
  ) {}
}

function registered<K, V>(map: Map<K, V>, key: K, value: V): Disposable {
  if (map.has(key)) {
    throw new Error(`${String(key)} is registered twice`);
  }
  map.set(key, value);
  return new Disposable(() => map.delete(key));
}

function message(kind: string) {
  return (text: string, ...more: (vscode.MessageOptions | string)[]): Promise<string | undefined> => {
    const options = more.find((one): one is vscode.MessageOptions => typeof one !== "string");
    const buttons = more.filter((one): one is string => typeof one === "string");
    world.messages.push({ kind: options?.modal ? `modal ${kind}` : kind, text, detail: options?.detail, buttons });
    return Promise.resolve(world.answers.shift() as string | undefined);
  };
}

function asks(kind: string) {
  return (): Promise<never> => {
    world.asked.push(kind);
    return Promise.resolve(world.answers.shift() as never);
  };
}

function folders(): vscode.WorkspaceFolder[] {
  return world.folders.map((folder, index) => ({ uri: URI.file(folder), name: folder, index }));
}

const window: Pick<
  typeof vscode.window,
  | "registerCustomEditorProvider"
  | "registerUriHandler"
  | "showErrorMessage"
  | "showWarningMessage"
  | "showQuickPick"
  | "showInputBox"
  | "showOpenDialog"
  | "showSaveDialog"
  | "withProgress"
  | "createTerminal"
  | "tabGroups"
> = {
  registerCustomEditorProvider: (view, provider) =>
    registered(world.editors, view, provider as vscode.CustomReadonlyEditorProvider),
  registerUriHandler: (handler) => {
    world.links.push(handler);
    return new Disposable(() => undefined);
  },
  showErrorMessage: message("error") as typeof vscode.window.showErrorMessage,
  showWarningMessage: message("warning") as typeof vscode.window.showWarningMessage,
  showQuickPick: (async (items: readonly { label: string }[]) => {
    world.asked.push(`pick of ${items.map((item) => item.label).join(", ")}`);
    const label = world.answers.shift();
    return items.find((item) => item.label === label);
  }) as unknown as typeof vscode.window.showQuickPick,
  showInputBox: async (options) => {
    world.asked.push("input");
    const text = world.answers.shift() as string | undefined;
    // As the editor does, which lets no other text pass.
    return text !== undefined && (await options?.validateInput?.(text)) ? undefined : text;
  },
  showOpenDialog: asks("open dialog"),
  showSaveDialog: asks("save dialog"),
  withProgress: async (_options, task) => {
    const token = { isCancellationRequested: false, onCancellationRequested: new Event<unknown>().event };
    return task({ report: () => undefined }, token);
  },
  createTerminal: ((given: vscode.TerminalOptions | string) => {
    const options = typeof given === "string" ? { name: given } : given;
    const terminal = { options, sent: [] as string[], shown: false };
    world.terminals.push(terminal);
    return { show: () => (terminal.shown = true), sendText: (text: string, enter = true) => terminal.sent.push(text + (enter ? "\n" : "")) };
  }) as unknown as typeof vscode.window.createTerminal,
  get tabGroups() {
    const group = { tabs: world.tabs, activeTab: world.tabs.find((tab) => tab.isActive) };
    return { all: [group], activeTabGroup: group, onDidChangeTabs: events.tabs.event } as unknown as vscode.TabGroups;
  },
};

const debug: Pick<
  typeof vscode.debug,
  | "registerDebugConfigurationProvider"
  | "registerDebugAdapterDescriptorFactory"
  | "startDebugging"
  | "onDidStartDebugSession"
  | "onDidTerminateDebugSession"
> = {
  registerDebugConfigurationProvider: (type, provider, trigger = 1) => {
    world.configurations.push({ type, provider, trigger });
    return new Disposable(() => undefined);
  },
  registerDebugAdapterDescriptorFactory: (type, factory) => registered(world.factories, type, factory),
  startDebugging: (_folder, configuration) => {
    world.debugged.push(configuration as vscode.DebugConfiguration);
    return Promise.resolve(true);
  },
  onDidStartDebugSession: events.started.event,
  onDidTerminateDebugSession: events.ended.event,
};

const workspace: Pick<
  typeof vscode.workspace,
  "getConfiguration" | "isTrusted" | "workspaceFolders" | "getWorkspaceFolder" | "findFiles" | "asRelativePath"
> = {
  getConfiguration: ((section: string) => ({
    get: (name: string, otherwise?: unknown) => world.settings[`${section}.${name}`] ?? otherwise,
  })) as unknown as typeof vscode.workspace.getConfiguration,
  get isTrusted() {
    return world.trusted;
  },
  get workspaceFolders() {
    return folders();
  },
  getWorkspaceFolder: (uri) => folders().find((folder) => uri.fsPath.startsWith(`${folder.uri.fsPath}/`)),
  findFiles: () => Promise.resolve(world.files.map((file) => URI.file(file))),
  asRelativePath: (file) => String(file),
};

const commands: Pick<typeof vscode.commands, "registerCommand" | "executeCommand"> = {
  registerCommand: (name, action) => registered(world.commands, name, action),
  executeCommand: (...call) => {
    world.executed.push(call);
    return Promise.resolve(undefined as never);
  },
};

const extensions: Pick<typeof vscode.extensions, "getExtension"> = {
  getExtension: ((id: string) => world.extensions.get(id)) as typeof vscode.extensions.getExtension,
};

const DebugConfigurationProviderTriggerKind: Record<keyof typeof vscode.DebugConfigurationProviderTriggerKind, number> = {
  Initial: 1,
  Dynamic: 2,
};
const ProgressLocation: Record<keyof typeof vscode.ProgressLocation, number> = { SourceControl: 1, Window: 10, Notification: 15 };

/** The object, whose absent members are errors. */
function strict<T extends object>(name: string, object: T): T {
  return new Proxy(object, {
    get(target, member, receiver) {
      if (typeof member === "string" && !(member in target) && member !== "then" && member !== "__esModule") {
        throw new Error(`the double of vscode lacks ${name}.${member}`);
      }
      return Reflect.get(target, member, receiver) as unknown;
    },
  });
}

const double = strict("vscode", {
  Uri: URI,
  Disposable,
  TabInputCustom,
  DebugAdapterExecutable,
  DebugConfigurationProviderTriggerKind,
  ProgressLocation,
  window: strict("window", window),
  debug: strict("debug", debug),
  workspace: strict("workspace", workspace),
  commands: strict("commands", commands),
  extensions: strict("extensions", extensions),
});

/** The extension asks for the module by its name. */
const loader = Module as unknown as { _load(request: string, ...more: unknown[]): unknown };
const original = loader._load;
loader._load = function (request, ...more) {
  return request === "vscode" ? double : original.call(this, request, ...more);
};
