import { mkdirSync, symlinkSync } from "node:fs";
import * as path from "node:path";
import { beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import { URI } from "vscode-uri";

import { type World } from "./double";
import { dump, folder, world as fresh } from "./stage";
import { Links, judge } from "../src/address";

let world: World;
beforeEach(() => {
  world = fresh();
});

/** As the editor hands a link over. */
const link = (rest: string): URI => URI.parse(`vscode://heapsake.heapsake/${rest}`);
const opened = (): string[] => world.executed.filter(([command]) => command === "vscode.openWith").map(([, uri]) => (uri as URI).fsPath);

test("a link is a path, as it stands", () => {
  for (const file of ["/srv/app.heapsake", "/srv/a&b=c+d e.heapsake", "/srv/100%25.heapsake", "/srv/ünï.HEAPSAKE"]) {
    assert.deepEqual(judge(link(`open?path=${encodeURIComponent(file)}`)), { file });
  }
  assert.deepEqual(judge(link("open?path=/srv/x/../../etc/y.heapsake")), { file: "/etc/y.heapsake" });
});

test("hostile links are refused, and nothing of them is looked at or opened", async () => {
  const hostile = [
    "artifact?url=https://example.invalid/x.heapsake",
    "open",
    "open?path=",
    "open?file=/srv/app.heapsake",
    "open/more?path=/srv/app.heapsake",
    "OPEN?path=/srv/app.heapsake",
    "open?path=app.heapsake",
    "open?path=../app.heapsake",
    "open?path=~/app.heapsake",
    "open?path=//elsewhere/share/app.heapsake",
    "open?path=%5C%5Celsewhere%5Cshare%5Capp.heapsake",
    "open?path=https://example.invalid/app.heapsake",
    "open?path=/etc/passwd",
    "open?path=/etc/passwd%00.heapsake",
    "open?path=/srv/%E2%80%AEekaspaeh.heapsake",
    "open?path=/srv/a%0Ab.heapsake",
    "open?path=/srv/%1B%5B2J.heapsake",
    `open?path=/${"a".repeat(5000)}.heapsake`,
  ];
  for (const rest of hostile) {
    const judged = judge(link(rest));
    assert.ok("refused" in judged, rest);
    await new Links().handleUri(link(rest));
    const said = world.messages.pop();
    assert.equal(said?.kind, "error", rest);
    assert.match(said.text, /^A link to heapsake was refused: /);
    assert.doesNotMatch(said.text, /[\u0000-\u001f\u202e]|\]\(/);
  }
  assert.deepEqual([opened(), world.messages], [[], []]);
});

test("a dump of the workspace is opened at once", async () => {
  const place = folder();
  world.folders = [place];
  await new Links().handleUri(link(`open?path=${dump(place)}`));
  assert.deepEqual([opened(), world.messages], [[path.join(place, "app.heapsake")], []]);
});

test("any other is opened when the user agrees to its path", async () => {
  const file = dump(folder());
  world.folders = [folder()];
  await new Links().handleUri(link(`open?path=${file}`));
  assert.deepEqual(opened(), []);
  world.answers.push("Open");
  await new Links().handleUri(link(`open?path=${file}`));
  assert.deepEqual(opened(), [file]);
  for (const asked of world.messages) {
    assert.deepEqual([asked.kind, asked.buttons], ["modal warning", ["Open"]]);
    assert.ok(asked.text.includes(file));
  }
});

test("the user is asked, too, where the workspace is not trusted or a link of the disk leads out of it", async () => {
  const [inside, outside] = [folder(), folder()];
  world.folders = [inside];
  world.trusted = false;
  await new Links().handleUri(link(`open?path=${dump(inside)}`));
  world.trusted = true;
  dump(outside);
  symlinkSync(path.join(outside, "app.heapsake"), path.join(inside, "way.heapsake"));
  await new Links().handleUri(link(`open?path=${path.join(inside, "way.heapsake")}`));
  assert.deepEqual(world.messages.map((asked) => asked.kind), ["modal warning", "modal warning"]);
  assert.deepEqual(opened(), []);
});

test("what is not there, or no file, is said", async () => {
  const place = folder();
  mkdirSync(path.join(place, "folder.heapsake"));
  for (const name of ["gone.heapsake", "folder.heapsake", "[x](command:y).heapsake"]) {
    world.answers.push("Open");
    await new Links().handleUri(link(`open?path=${encodeURIComponent(path.join(place, name))}`));
    const said = world.messages.pop();
    assert.match(said!.text, /^The dump of the link is not there/);
    assert.doesNotMatch(said!.text, /\]\(/, "the editor would make a link of it");
  }
  assert.deepEqual(opened(), []);
});
