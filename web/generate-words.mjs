// The console's catalogues, checked against each other, and the types of their keys.

/** The language that the others are compared with. */
const FIRST = "en";

/** The messages of a catalogue: each key, with the names of what goes into it. */
export function messages(text) {
  const found = new Map();
  let parts;
  for (const line of text.split("\n")) {
    // A message begins at the start of a line; what belongs to it is indented (Fluent's syntax).
    const key = /^([a-z][a-z0-9-]*) =/.exec(line)?.[1];
    if (key !== undefined) {
      if (found.has(key)) throw new Error(`the message '${key}' is there twice`);
      parts = new Set();
      found.set(key, parts);
    }
    for (const [, part] of line.matchAll(/\$([a-zA-Z][a-zA-Z0-9_]*)/g)) parts?.add(part);
  }
  return found;
}

/** A line for each message that one of two languages lacks, or that takes other parts there. */
export function differences(tag, own, first) {
  const faults = [];
  for (const [key, parts] of first) {
    const there = own.get(key);
    if (there === undefined) faults.push(`locales/${tag} lacks the message '${key}'`);
    else if ([...there].sort().join() !== [...parts].sort().join()) {
      faults.push(`the message '${key}' has other parts in locales/${tag} than in locales/${FIRST}`);
    }
  }
  for (const key of own.keys()) {
    if (!first.has(key)) faults.push(`locales/${FIRST} lacks the message '${key}' of locales/${tag}`);
  }
  return faults;
}

/** The files: one for each language, and one with the types and how each is loaded. */
export async function catalogues(folder, readdir, readFile) {
  const tags = (await readdir(folder)).sort();
  const texts = new Map();
  for (const tag of tags) {
    const names = (await readdir(new URL(`${tag}/`, folder))).filter((name) => /^console-app.*\.ftl$/.test(name)).sort();
    const read = names.map((name) => readFile(new URL(`${tag}/${name}`, folder), "utf8"));
    texts.set(tag, (await Promise.all(read)).join("\n"));
  }
  const first = messages(texts.get(FIRST));
  const faults = tags.flatMap((tag) => differences(tag, messages(texts.get(tag)), first));
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const keys = [...first].map(([key, parts]) => {
    const said = [...parts].map((part) => `${part}: string | number`);
    return `  "${key}": ${said.length === 0 ? "undefined" : `{ ${said.join("; ")} }`};`;
  });
  const loads = tags.map((tag) => `  "${tag}": () => import("./words-${tag}.ts"),`);
  const made = "// Made by generate-words.mjs out of locales/.";
  return [
    ...tags.map((tag) => [`words-${tag}.ts`, `${made}\nexport default ${JSON.stringify(texts.get(tag))};\n`]),
    [
      "words.ts",
      [
        made,
        "/** Every message, with what goes into it. */",
        "export interface Messages {",
        ...keys,
        "}",
        "/** Each language's catalogue, loaded when it is needed. */",
        "export const CATALOGUES: Readonly<Record<string, () => Promise<{ default: string }>>> = {",
        ...loads,
        "};",
        "",
      ].join("\n"),
    ],
  ];
}
