// Writes `src/console/generated`: the types of the API's operations, from docs/openapi.json, and the console's words with the types of their
// keys, from locales/. What changes there and is not followed in the console then fails `npm run check`.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { operations } from "./generate-api.mjs";
import { catalogues } from "./generate-words.mjs";

const here = (path) => new URL(path, import.meta.url);
const GENERATED = here("src/console/generated/");

/** Writes a file, unless it is like that already. */
async function write(name, text) {
  const file = new URL(name, GENERATED);
  const before = await readFile(file, "utf8").catch(() => undefined);
  if (before !== text) await writeFile(file, text);
}

/** The files below a folder whose name ends like that: their names and texts, in one order on every machine. */
async function texts(folder, end) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => end.test(name)).sort();
  const read = names.map(async (name) => [name, await readFile(new URL(name, folder), "utf8")]);
  return new Map(await Promise.all(read));
}

async function words() {
  const languages = new Map();
  for (const tag of (await readdir(here("locales/"))).sort()) {
    languages.set(tag, await texts(here(`locales/${tag}/`), /\.ftl$/));
  }
  const sources = await texts(here("src/console/"), /\.tsx?$/);
  const own = [...sources].filter(([name]) => !name.startsWith("generated")).map(([, text]) => text);
  return catalogues(languages, own);
}

/** Writes all of it; throws with a line for each fault of a catalogue. */
export async function generate() {
  await mkdir(GENERATED, { recursive: true });
  await write("api.ts", operations(JSON.parse(await readFile(here("../docs/openapi.json"), "utf8"))));
  for (const [name, text] of await words()) await write(name, text);
}

if (process.argv[1] === here("generate.mjs").pathname) await generate();
