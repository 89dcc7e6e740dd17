/** Text that comes from a dump, a link or a file's name: it is hostile, and is shown without what anything would act on. */

/** Control letters but line ends and tabs, and those that turn or hide text: the same bytes would read as something else. */
const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** The text with such letters as numbers. */
export function harmless(text: string): string {
  return text.replace(ACTING, (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`);
}

/** Whether a text has such letters. */
export function acts(text: string): boolean {
  return harmless(text) !== text || /[\n\t]/.test(text);
}

/** The text for a message, in which the editor would take `[words](command:…)` for a link. */
export function told(text: string): string {
  return harmless(text).replaceAll("](", "] (");
}

/** The text for a page, as element content or within double quotes. */
export function escaped(text: string): string {
  const signs: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return harmless(text).replace(/[&<>"']/g, (sign) => signs[sign]!);
}
