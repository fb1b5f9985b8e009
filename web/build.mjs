// Builds what the portal serves (`node build.mjs`) or the tests (`node build.mjs tests`).
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { generate } from "./generate.mjs";

const common = { bundle: true, format: "esm", legalComments: "none", logLevel: "warning" };

const target = ["chrome111", "firefox115", "safari16"];

/** The licences of what is shipped of other people's: they have to go along. */
async function licences() {
  const files = ["core/LICENSE.txt", "language-common/LICENSE.txt", "dictionary-compression/LICENSE"];
  const texts = await Promise.all(files.map((file) => readFile(`node_modules/@zxcvbn-ts/${file}`, "utf8")));
  const levenshtein = await readFile("node_modules/fastest-levenshtein/LICENSE.md", "utf8");
  return `/*\n${[...new Set([...texts, levenshtein].map((text) => text.trim()))].join("\n\n")}\n*/`;
}

/** What stands on top of the console's script: the licences of what it is made of beside our own. */
async function consoleLicences() {
  const preact = await readFile("node_modules/preact/LICENSE", "utf8");
  return `/*\nPreact\n${preact.trim()}\n\n@fluent/bundle: Apache License 2.0, (c) Mozilla, https://projectfluent.org\n*/`;
}

/** The console: a page of it is a chunk of its own, named by its content, which is loaded when somebody goes there. */
async function administration() {
  await build({
    ...common,
    entryPoints: { console: "src/console/main.tsx" },
    outdir: "dist",
    chunkNames: "console/[name]-[hash]",
    splitting: true,
    minify: true,
    target,
  });
  await writeFile("dist/console.js", `${await consoleLicences()}\n${await readFile("dist/console.js", "utf8")}`);
  await build({ ...common, entryPoints: ["styles/console.css"], outfile: "dist/console.css", minify: true, target });
}

async function pages() {
  await rm("dist", { recursive: true, force: true });
  await generate();
  await administration();
  await build({
    ...common,
    entryPoints: ["src/portal.ts", "src/copy.ts", "styles/portal.css"],
    entryNames: "[name]",
    outdir: "dist",
    minify: true,
    target,
  });
  await build({
    ...common,
    entryPoints: ["src/strength.ts"],
    outfile: "dist/strength.js",
    minify: true,
    target,
    banner: { js: await licences() },
  });
  for (const name of ["portal.js", "copy.js", "strength.js", "portal.css", "console.js", "console.css"]) {
    const bytes = await readFile(`dist/${name}`);
    console.log(`dist/${name}: ${bytes.length} bytes, ${gzipSync(bytes).length} compressed`);
  }
}

/** The passwords that very many people choose, a line each: the agent's package makes its list of them. Nothing that is served. */
async function lists() {
  const passwords = JSON.parse(await readFile("node_modules/@zxcvbn-ts/language-common/src/passwords.json", "utf8"));
  await rm("lists", { recursive: true, force: true });
  await mkdir("lists");
  await writeFile("lists/common-passwords.txt", `${passwords.join("\n")}\n`);
}

async function tests() {
  await generate();
  await rm("build", { recursive: true, force: true });
  const names = await readdir("test");
  await build({
    ...common,
    entryPoints: names.filter((name) => /\.test\.ts$/.test(name)).map((name) => `test/${name}`),
    outdir: "build",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    packages: "external",
    sourcemap: "inline",
  });
}

await (process.argv[2] === "tests" ? tests() : Promise.all([pages(), lists()]));
