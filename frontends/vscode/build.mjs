// Bundles the extension to dist/, and with --tests each test to out/; `vscode` is given by the editor, or by the tests' double.
import { build } from "esbuild";
import { readdir, rm } from "node:fs/promises";

const shared = { bundle: true, platform: "node", target: "node20", format: "cjs", external: ["vscode"], logLevel: "warning" };

await rm("dist", { recursive: true, force: true });
await build({ ...shared, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", minify: true });

if (process.argv.includes("--tests")) {
  await rm("out", { recursive: true, force: true });
  const tests = (await readdir("tests")).filter((name) => name.endsWith(".test.ts"));
  await build({ ...shared, entryPoints: tests.map((name) => `tests/${name}`), outdir: "out", sourcemap: "inline" });
}
