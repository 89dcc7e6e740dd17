import * as path from "node:path";
import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import type * as vscode from "vscode";
import { URI } from "vscode-uri";

import { Event, type World, TabInputCustom, events } from "./double";
import { GOLDEN, context, dump, folder, program, real, until, world as fresh } from "./stage";
import { Sessions } from "../src/debugging";
import { LINKS, page } from "../src/page";
import { Summaries, forgetClosed } from "../src/summary";
import { escaped } from "../src/text";

const HOSTILE = `</pre><script>alert(1)</script><a href="command:workbench.action.quit" onclick='x'>&amp;\u202e\u0007\u001b[2J`;

let world: World;
beforeEach(() => {
  world = fresh();
  process.env["PATH"] = `${path.dirname(program(folder(), "heapsake", 'echo "said of $1"'))}:/bin`;
});

interface Panel {
  webview: { html: string; options: vscode.WebviewOptions };
  revealed: number;
  closed: Event<void>;
}

/** Opens a dump in a tab, as the editor does. */
async function show(summaries: Summaries, uri: URI, tab?: { isPreview: boolean }): Promise<Panel> {
  if (tab) {
    world.tabs.push({ input: new TabInputCustom(uri, "heapsake.summary"), isActive: true, ...tab });
  }
  const panel = { webview: { html: "", options: {} }, revealed: 0, closed: new Event<void>() };
  const real = { webview: panel.webview, onDidDispose: panel.closed.event, reveal: () => (panel.revealed += 1) };
  await summaries.resolveCustomEditor(summaries.openCustomDocument(uri), real as unknown as vscode.WebviewPanel);
  return panel;
}

function summaries(remembered: Record<string, unknown> = {}): Summaries {
  return new Summaries(new Sessions(), context(remembered).workspaceState);
}

const changed = (): void => events.tabs.fire({ opened: [], closed: [], changed: [] });

test("hostile text cannot leave its place", () => {
  assert.equal(escaped(`<a b="c" d='e'>&\n\t\u202e\u0000`), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\n\t\\u{202e}\\u{0}");
  const html = page({ title: HOSTILE, address: URI.file(`/srv/${HOSTILE}`).toString(), text: HOSTILE, problem: HOSTILE });
  const tags = [...html.matchAll(/<[a-z!/][^>]*>/gi)].map(([tag]) => tag.replace(/nonce-?[^ ]*"/, "nonce"));
  const plain = page({ title: "t", address: "file:///t", text: "t", problem: "p" });
  const expected = [...plain.matchAll(/<[a-z!/][^>]*>/gi)].map(([tag]) => tag.replace(/nonce-?[^ ]*"/, "nonce"));
  const bare = (all: string[]): string[] => all.map((tag) => tag.replace(/href="[^"]*"/, "href"));
  assert.deepEqual(bare(tags), bare(expected));
  assert.doesNotMatch(html, /[\u0000-\u0008\u000b-\u001f\u202e]/);
  const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, to]) => to!);
  assert.deepEqual(links.map((to) => to.split("?")[0]), LINKS.map((name) => `command:${name}`));
  for (const to of links) {
    const [address] = JSON.parse(decodeURIComponent(to.split("?")[1]!)) as [string];
    assert.equal(URI.parse(address, true).fsPath, `/srv/${HOSTILE}`);
  }
});

test("the page's policy allows its own style and nothing else, and the editor no scripts", async () => {
  const panel = await show(summaries(), URI.file(dump(folder())));
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(panel.webview.html)!;
  const [, nonce] = /<style nonce="([^"]*)"/.exec(panel.webview.html)!;
  assert.equal(policy, `default-src 'none'; style-src 'nonce-${nonce}'`);
  assert.equal((panel.webview.html.match(/<style/g) ?? []).length, 1);
  assert.deepEqual(panel.webview.options, { enableScripts: false, enableCommandUris: LINKS, localResourceRoots: [] });
  assert.notEqual(nonce, /nonce="([^"]*)"/.exec(page({ title: "", address: "", text: "" }))![1]);
  panel.closed.fire();
});

test("opened to stay, a dump is shown and debugged", async () => {
  const uri = URI.file(dump(folder()));
  const panel = await show(summaries(), uri, { isPreview: false });
  assert.ok(panel.webview.html.includes(`<pre>said of ${uri.fsPath}\n</pre>`));
  assert.deepEqual(world.debugged.map((one) => one["dump"]), [uri.fsPath]);
});

test("a preview is debugged when it is made to stay, once", async () => {
  const uri = URI.file(dump(folder()));
  const panel = await show(summaries(), uri, { isPreview: true });
  changed();
  assert.deepEqual(world.debugged, []);
  world.tabs[0]!.isPreview = false;
  changed();
  await new Promise(setImmediate);
  changed();
  assert.equal(world.debugged.length, 1);
  panel.closed.fire();

  world.tabs = [];
  const other = await show(summaries(), URI.file(dump(folder())), { isPreview: true });
  other.closed.fire();
  world.tabs[0]!.isPreview = false;
  changed();
  assert.equal(world.debugged.length, 1, "a preview that was closed");
  assert.equal(events.tabs.listeners.size, 0);
});

test("one side of two that are compared is not debugged, and its own tab is", async () => {
  const uri = URI.file(dump(folder()));
  const all = summaries();
  // The editor tells nothing of what such a tab shows.
  world.tabs.push({ input: undefined, isActive: true, isPreview: false });
  const compared = await show(all, uri);
  changed();
  assert.match(compared.webview.html, /<pre>said of/);
  assert.deepEqual(world.debugged, []);
  const preview = await show(all, uri, { isPreview: true });
  changed();
  assert.deepEqual(world.debugged, []);
  compared.closed.fire();
  world.tabs[1]!.isPreview = false;
  changed();
  changed();
  assert.equal(world.debugged.length, 1, "its own tab has come to stay");
  await show(all, uri);
  changed();
  assert.equal(world.debugged.length, 1, "compared, while it is open");
  preview.closed.fire();

  const before = await show(summaries(), URI.file(dump(folder())));
  before.closed.fire();
  changed();
  assert.equal(world.debugged.length, 1);
});

test("nobody wants it: the setting, a workspace that is not trusted, a window that was reloaded", async () => {
  const uri = URI.file(dump(folder()));
  world.trusted = false;
  const untrusted = await show(summaries(), uri, { isPreview: false });
  assert.match(untrusted.webview.html, /<pre>said of/);
  assert.deepEqual(world.debugged, []);
  world.trusted = true;
  world.tabs = [];
  world.settings["heapsake.debugOnOpen"] = false;
  await show(summaries(), uri, { isPreview: false });
  assert.deepEqual(world.debugged, []);

  delete world.settings["heapsake.debugOnOpen"];
  const remembered: Record<string, unknown> = {};
  world.tabs = [];
  await show(summaries(remembered), uri, { isPreview: false });
  await forgetClosed(context(remembered).workspaceState);
  const again = await show(summaries(remembered), uri);
  assert.equal(world.debugged.length, 1, "the same tab, after a reload");
  again.closed.fire();
  await show(summaries(remembered), uri);
  assert.equal(world.debugged.length, 2, "closed and opened anew");
  world.tabs = [];
  await forgetClosed(context(remembered).workspaceState);
  await show(summaries(remembered), uri, { isPreview: false });
  assert.equal(world.debugged.length, 3, "closed while the editor was not there");
});

test("what goes wrong stands on the page", async () => {
  const uri = URI.file(dump(folder()));
  const shown = async (script?: string, one = uri): Promise<string> => {
    process.env["PATH"] = script === undefined ? "" : `${path.dirname(program(folder(), "heapsake", script))}:/bin:/usr/bin`;
    return (await show(summaries(), one)).webview.html;
  };
  assert.match(await shown(), /There is no summary: heapsake is not on PATH/);
  const faulty = await shown("echo half; echo 'fault: <b>' >&2; exit 1");
  assert.match(faulty, /<p class="problem">fault: &lt;b&gt;<\/p>\n<pre>half\n<\/pre>/);
  assert.match(await shown("kill -9 $$"), /ended by a signal/);
  assert.match(await shown("yes | head -c 5000000"), /longer than what is shown/);
  assert.match(await shown("", URI.parse("git:/srv/app.heapsake")), /only a dump on a disk.*“git:”/);
});

test("it is asked anew, and a page that was closed meanwhile is let alone", async () => {
  const place = folder();
  process.env["PATH"] = `${place}:/bin`;
  const all = summaries();
  const uri = URI.file(dump(folder()));
  program(place, "heapsake", "echo first");
  const panel = await show(all, uri);
  program(place, "heapsake", "echo second");
  assert.equal(await all.reload(uri), true);
  assert.match(panel.webview.html, /second/);
  assert.equal(panel.revealed, 1);
  assert.equal(await all.reload(URI.file("/other.heapsake")), false);

  const go = path.join(place, "go");
  program(place, "heapsake", `touch ${place}/begun; while [ ! -e ${go} ]; do :; done; echo third`);
  const reloading = all.reload(uri);
  await until("it runs", () => panel.webview.html.includes("reads the dump"));
  panel.closed.fire();
  program(place, "go", "");
  await reloading;
  assert.doesNotMatch(panel.webview.html, /third/);
});

test("a real dump is shown by the real heapsake", async (context) => {
  const command = real(context);
  if (command !== undefined) {
    world.settings["heapsake.path"] = command;
    const { html } = (await show(summaries(), URI.file(GOLDEN))).webview;
    assert.match(html, /<pre>.*Python 3\.11\.7.*Being handled: ValueError: \(&#39;no such berth&#39;, 3\).*Biggest types/s);
    assert.doesNotMatch(html, /class="problem"/);
    const missing = (await show(summaries(), URI.file("/none.heapsake"))).webview.html;
    assert.match(missing, /<p class="problem">heapsake: .*none\.heapsake/);
  }
});
