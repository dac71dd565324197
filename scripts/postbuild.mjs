// Turns trunk's output into the files that the server sends: minified, with content hashes in their names, with the
// prerendered forms in the pages, and each with compressed copies.
//
//   node scripts/postbuild.mjs FOLDER

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [folder] = process.argv.slice(2);
const frontend = fileURLToPath(new URL("../frontend", import.meta.url)); // Node 18 of Debian 12 has no import.meta.dirname
const tools = join(frontend, "node_modules/.bin");
const tool = (name, ...args) => execFileSync(join(tools, name), args, { encoding: "utf8" });
const at = (name) => join(folder, name);
const read = (name) => readFileSync(at(name), "utf8");
const files = readdirSync(folder);
const built = (pattern) => {
  const found = files.filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} matches ${found.length} files`);
  return found[0];
};

// The server marks a file with sixteen hex digits in its name as immutable.
const hashed = (name, bytes) => {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return name.replace(/(\.[a-z]+)$/, `-${hash}$1`);
};
const writeHashed = (name, bytes) => {
  const file = hashed(name, bytes);
  writeFileSync(at(file), bytes);
  return `/${file}`;
};

// Processes a program: its WebAssembly and its JavaScript glue. The functions between the two have long names with a
// random part, which compresses badly, so wasm-opt renames them and this script applies the same renames to the glue.
const program = (name) => {
  const [script, wasm] = [built(new RegExp(`^${name}(-[0-9a-f]+)?\\.js$`)), built(new RegExp(`^${name}(-[0-9a-f]+)?_bg\\.wasm$`))];
  const names = JSON.parse(tool("wasm-opt", "--minify-imports-and-exports-and-modules", at(wasm), "-o", at(wasm)));
  let text = read(script);
  const replace = (from, to) => {
    const changed = text.replaceAll(from, () => to);
    if (changed === text) throw new Error(`${from} is not in ${script}`);
    text = changed;
  };
  const imports = new Map(names.imports.map(([, long, short]) => [long, short]));
  text = text.replace(/^( +)(__wb\w+)(:|\()/gm, (all, indent, long, rest) =>
    imports.has(long) ? `${indent}${JSON.stringify(imports.get(long))}${rest}` : all);
  // Exports share their names with functions of the glue, so only uses through `wasm.` are renamed.
  const exports = new Map(names.exports);
  text = text.replace(/\bwasm\.(\w+)/g, (all, long) => (exports.has(long) ? `wasm[${JSON.stringify(exports.get(long))}]` : all));
  replace(`"./${name}_bg.js"`, JSON.stringify("a"));
  writeFileSync(at(script), text);
  const small = tool("esbuild", "--minify", "--format=esm", "--log-level=warning", at(script));
  const addresses = { script: writeHashed(`${name}.js`, small), wasm: writeHashed(`${name}.wasm`, readFileSync(at(wasm))) };
  rmSync(at(script));
  rmSync(at(wasm));
  return { name, old: { script: `/${script}`, wasm: `/${wasm}` }, ...addresses };
};

const [auth, app] = ["auth", "app"].map(program);
let index = read("index.html");
const style = /data-style="([^"]*)"/.exec(index)[1].split(" ");
const sheet = writeHashed("app.css", style.map((address) => read(address.slice(1))).join("\n"));
rmSync(at("styles"), { recursive: true });
index = index.replace(/data-style="[^"]*"/, `data-style="${sheet}"`).replace(/<!--.*?-->/gs, "").replace(/\n\s*\n+/g, "\n");
index = index.replace(`"${app.old.script}"`, `"${app.script}"`).replace(`"${app.old.wasm}"`, `"${app.wasm}"`);

// The elements that trunk generates to start and preload the program.
const start = new RegExp(`<script type="module">(?:(?!</script>).)*${auth.old.script}.*?</script>`, "s");
const early = new RegExp(`<link rel="modulepreload" href="${auth.old.script}"[^>]*><link rel="preload" href="${auth.old.wasm}"[^>]*>`);
if (!start.test(index) || !early.test(index)) throw new Error("index.html does not start the program as expected");
const page = (form) =>
  index
    .replace(early, "")
    .replace(start, () => `<link rel="modulepreload" href="${auth.script}"><link rel="preload" href="${auth.wasm}" as="fetch" type="application/wasm" crossorigin>
    <script type="module">
      import("${auth.script}")
        .then((program) => program.default({ module_or_path: "${auth.wasm}" }))
        .catch(showFailure);
    </script>`)
    .replace('<div id="page"></div>', () => `<div id="page">${form}</div>`);
const form = (name) => readFileSync(join(frontend, `prerendered/${name}.html`), "utf8").trim();
for (const name of ["login", "register"]) writeFileSync(at(`${name}.html`), page(form(name)));
writeFileSync(at("index.html"), page(""));

for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(css|html|js|svg|wasm)$/.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const bytes = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const compressed = { br: brotliCompressSync(bytes, { params }), gz: gzipSync(bytes, { level: 9 }) };
  for (const [ending, small] of Object.entries(compressed)) {
    if (small.length < bytes.length) writeFileSync(`${path}.${ending}`, small);
  }
}

// The transfer size, in bytes, of everything that a browser loads before the form works.
const BUDGET = 110_000;
const sent = (name) => Math.min(...["", ".br"].map((ending) => statSync(at(name) + ending, { throwIfNoEntry: false })?.size ?? Infinity));
const sizes = ["login.html", auth.script, auth.wasm].map(sent);
const sum = sizes.reduce((all, size) => all + size);
if (sum > BUDGET) throw new Error(`the login page takes ${sum} bytes (${sizes.join(" + ")}), over the budget of ${BUDGET}`);
