/** The page of a dump's summary. It has no scripts; its links are this extension's commands and no others. */

import { randomBytes } from "node:crypto";

import { escaped } from "./text";

/** Commands that links of the page may name; the editor refuses any other. */
export const LINKS = ["heapsake.debugDump", "heapsake.openRepl", "heapsake.showSummary"] as const;

/** What there is to show. */
export interface Shown {
  /** The dump's name. */
  readonly title: string;
  /** The dump, as an address. */
  readonly address: string;
  /** What heapsake said. */
  readonly text: string;
  /** What went wrong, or what is left off. */
  readonly problem?: string;
}

/** The whole page. */
export function page(shown: Shown): string {
  const nonce = randomBytes(16).toString("base64");
  const words = { "heapsake.debugDump": "Debug this dump", "heapsake.openRepl": "Open in terminal REPL", "heapsake.showSummary": "Reload" };
  const links = LINKS.map((command) => `<a href="${link(command, shown.address)}">${words[command]}</a>`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<title>${escaped(shown.title)}</title>
<style nonce="${nonce}">
nav a { margin-right: 1.5em; }
nav { padding: 0.5em 0; }
pre { font-family: var(--vscode-editor-font-family, monospace); font-size: var(--vscode-editor-font-size); tab-size: 4; }
.problem { color: var(--vscode-errorForeground); white-space: pre-wrap; }
</style>
</head>
<body>
<nav>${links.join("")}</nav>
${shown.problem ? `<p class="problem">${escaped(shown.problem)}</p>\n` : ""}<pre>${escaped(shown.text)}</pre>
</body>
</html>
`;
}

function link(command: string, address: string): string {
  // encodeURIComponent leaves the apostrophe, which does not end the attribute.
  return `command:${command}?${encodeURIComponent(JSON.stringify([address]))}`;
}
