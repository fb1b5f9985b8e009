// Writes `src/console/generated`: the types of the API's operations, from docs/openapi.json, and the console's words with the types of their
// keys, from locales/*/console-app*.ftl. What changes there and is not followed in the console then fails `npm run check`.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { operations } from "./generate-api.mjs";
import { catalogues } from "./generate-words.mjs";

const FOLDER = new URL("src/console/generated/", import.meta.url);

/** Writes a file, unless it is like that already. */
async function write(name, text) {
  const file = new URL(name, FOLDER);
  const before = await readFile(file, "utf8").catch(() => undefined);
  if (before !== text) await writeFile(file, text);
}

/** Writes all of it; throws with a line for each fault of a catalogue. */
export async function generate() {
  await mkdir(FOLDER, { recursive: true });
  const document = JSON.parse(await readFile(new URL("../docs/openapi.json", import.meta.url), "utf8"));
  await write("api.ts", operations(document));
  for (const [name, text] of await catalogues(new URL("locales/", import.meta.url), readdir, readFile)) {
    await write(name, text);
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) await generate();
