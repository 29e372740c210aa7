/**
 * Puts the built `kibitz` command, and all that it loads, into the few files of dist/kibitz: most
 * of a node's start is resolving and reading some hundred modules. What a command may load later
 * stays in files, or packages, of its own. Beside them, the licences of the packages within.
 */
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "dist/kibitz");
/** What is loaded when it is first needed, if ever, and what may be missing. */
const external = [
  "@hono/node-server",
  "@opentelemetry/api",
  "bufferutil",
  "hono",
  "prom-client",
  "utf-8-validate",
  "yaml",
];
/** Some packages are CommonJS, and load what is Node's own by `require`. */
const requires =
  'import { createRequire as requiresOf } from "node:module";' +
  "const require = requiresOf(import.meta.url);";

/** The folders of the packages that `files` belong to, as paths from the root. */
function packagesOf(files: readonly string[]): readonly string[] {
  const pattern = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
  const folders = files.flatMap((file) => pattern.exec(file)?.[0] ?? []);
  return [...new Set(folders)].toSorted();
}

function licenceOf(packageFolder: string): string {
  const name = readdirSync(join(root, packageFolder)).find((file) => /^licen[cs]e/i.test(file));
  if (name === undefined) throw new Error(`${packageFolder} has no licence to pass on`);
  const text = readFileSync(join(root, packageFolder, name), "utf8").trim();
  return `${packageFolder.slice(packageFolder.lastIndexOf("node_modules/") + 13)}\n\n${text}\n`;
}

rmSync(folder, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["dist/src/cli.js"],
  outdir: folder,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.18",
  external,
  banner: { js: requires },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
const licences = packagesOf(Object.keys(metafile.inputs)).map(licenceOf);
writeFileSync(join(folder, "LICENSES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));
chmodSync(join(folder, "cli.js"), 0o755);
