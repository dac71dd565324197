// Merges the crates of the server, the crates of the web app and its npm packages into one CycloneDX document.
//
//   node scripts/sbom.mjs OUT SERVER PAGE…

import { readFileSync, writeFileSync } from "node:fs";

const [out, server, ...pages] = process.argv.slice(2);
// Replaces the path of the sources, which differs between machines.
const read = (path) => JSON.parse(readFileSync(path, "utf8").replaceAll(`path+file://${process.cwd()}`, "path+file:///src"));

const bom = read(server);
delete bom.serialNumber; // random, so the file would differ in each run
const root = bom.metadata.component;
const components = new Map(bom.components.map((component) => [component["bom-ref"], component]));
const uses = new Map(bom.dependencies.map(({ ref, dependsOn = [] }) => [ref, new Set(dependsOn)]));
const use = (ref, others) => uses.set(ref, new Set([...(uses.get(ref) ?? []), ...others]));
const add = (component) => components.has(component["bom-ref"]) || components.set(component["bom-ref"], component);

for (const page of pages.map(read)) {
  const { component } = page.metadata;
  [component, ...page.components].forEach(add);
  page.dependencies.forEach(({ ref, dependsOn = [] }) => use(ref, dependsOn));
  use(root["bom-ref"], [component["bom-ref"]]);
}
const { packages } = JSON.parse(readFileSync("frontend/package-lock.json", "utf8"));
for (const [path, { version, integrity, license, dev }] of Object.entries(packages)) {
  if (path === "" || dev) continue;
  const name = path.split("node_modules/").pop();
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const hash = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  add({
    type: "library",
    "bom-ref": purl,
    name,
    version,
    scope: "required",
    hashes: [{ alg: "SHA-512", content: hash }],
    licenses: license ? [{ license: { name: license } }] : [],
    purl,
  });
  use(root["bom-ref"], [purl]);
}

const names = new Set([...components.values()].map(({ name }) => name));
for (const name of ["actix-web", "yew", "@cometchat/chat-sdk-javascript"]) {
  if (!names.has(name)) throw new Error(`${name} is missing: the list is incomplete`);
}
bom.components = [...components.values()];
bom.dependencies = [...uses].map(([ref, others]) => ({ ref, dependsOn: [...others] }));
writeFileSync(out, JSON.stringify(bom, null, 2) + "\n");
console.log(`${out}: ${root.name} ${root.version}, ${bom.components.length} components`);
