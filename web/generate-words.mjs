// The console's words: the types of all keys that the catalogues have, and of each language what the console says. A message of the plain
// pages is said in here by its own key, and shipped only if it is.

/** The language that the others are compared with. */
const FIRST = "en";

/** A catalogue's messages: each key, with its whole text and the names of what goes into it. */
export function messages(text, found = new Map()) {
  let message;
  for (const line of text.split("\n")) {
    // A message begins at the start of a line; what belongs to it is indented (Fluent's syntax).
    const key = /^([a-z][a-z0-9-]*) =/.exec(line)?.[1];
    if (key !== undefined) {
      if (found.has(key)) throw new Error(`the message '${key}' is there twice`);
      message = { lines: [], parts: new Set() };
      found.set(key, message);
    } else if (!/^\s/.test(line)) {
      message = undefined;
    }
    message?.lines.push(line);
    for (const [, part] of line.matchAll(/\$([a-zA-Z][a-zA-Z0-9_]*)/g)) message?.parts.add(part);
  }
  return found;
}

/** A line for each message that one of two languages lacks, or that takes other parts there. */
export function differences(tag, own, first) {
  const faults = [];
  for (const [key, { parts }] of first) {
    const there = own.get(key)?.parts;
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

/** Which keys sources say: whole ones, and such as begin with what a template puts something behind. */
export function said(sources) {
  const whole = new Set(sources.flatMap((text) => [...text.matchAll(/["`]([a-z][a-z0-9-]+)["`]/g)].map(([, key]) => key)));
  const begun = sources.flatMap((text) => [...text.matchAll(/`([a-z][a-z0-9-]*-)\$\{/g)].map(([, start]) => start));
  return (key) => whole.has(key) || begun.some((start) => key.startsWith(start));
}

/**
 * The files: one for each language, and one with the types and how each is loaded.
 *
 * @param languages for each tag its catalogues, by the name of the file
 * @param sources the text of everything that says a message
 */
export function catalogues(languages, sources) {
  const isSaid = said(sources);
  const read = new Map();
  for (const [tag, files] of languages) {
    const found = new Map();
    for (const text of files.values()) messages(text, found);
    read.set(tag, found);
  }
  const first = read.get(FIRST);
  const faults = [...read].flatMap(([tag, own]) => differences(tag, own, first));
  // Whether the others' messages are said, the plain pages are asked (`crates/http/build.rs`).
  for (const [name, text] of languages.get(FIRST)) {
    if (!name.startsWith("console-app")) continue;
    const idle = [...messages(text).keys()].filter((key) => !isSaid(key));
    faults.push(...idle.map((key) => `nobody says the message '${key}'`));
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const keys = [...first].map(([key, { parts }]) => {
    const taken = [...parts].map((part) => `${part}: string | number`);
    return `  "${key}": ${taken.length === 0 ? "undefined" : `{ ${taken.join("; ")} }`};`;
  });
  const made = "// Made by generate-words.mjs out of locales/.";
  const shipped = (own) => [...own].filter(([key]) => isSaid(key)).flatMap(([, { lines }]) => lines);
  return [
    ...[...read].map(([tag, own]) => [
      `words-${tag}.ts`,
      `${made}\nexport default ${JSON.stringify(`${shipped(own).join("\n")}\n`)};\n`,
    ]),
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
        ...[...read.keys()].map((tag) => `  "${tag}": () => import("./words-${tag}.ts"),`),
        "};",
        "",
      ].join("\n"),
    ],
  ];
}
