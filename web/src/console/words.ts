// The console's words: Fluent messages, in the language of the page, with keys that the compiler knows.

import { FluentBundle, FluentResource } from "@fluent/bundle";
import { CATALOGUES, type Messages } from "./generated/words.ts";

export type Key = keyof Messages;

/** Messages that nothing goes into. */
export type PlainKey = { [K in Key]: Messages[K] extends undefined ? K : never }[Key];

let bundle: FluentBundle | undefined;
let language = "en";

/** Reads the catalogue of a language; English where there is none of it. */
export async function speak(tag: string): Promise<void> {
  language = tag in CATALOGUES ? tag : "en";
  const { default: text } = await CATALOGUES[language]!();
  // Marks around what goes in would be seen where it is copied.
  bundle = new FluentBundle(language, { useIsolating: false });
  bundle.addResource(new FluentResource(text));
}

/** The language in which it speaks. */
export function spoken(): string {
  return language;
}

/** A message. */
export function t<K extends Key>(...[key, parts]: Messages[K] extends undefined ? [key: K] : [key: K, parts: Messages[K]]): string {
  const message = bundle?.getMessage(key);
  if (bundle === undefined || message?.value == null) return key;
  // With a place for faults: without one they are thrown, and a page would not be drawn for one word.
  return bundle.formatPattern(message.value, (parts ?? null) as Record<string, string | number> | null, []);
}

/** The message of a key that is put together from what the server says; `undefined` if there is none. */
export function known(key: string): string | undefined {
  const value = bundle?.getMessage(key)?.value;
  return bundle === undefined || value == null ? undefined : bundle.formatPattern(value, null, []);
}

/** A point in time, as people of the language write it, in the browser's time zone. */
export function moment(at: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

/** A day without its year: `2026-11-28`. */
export function day(at: string): string {
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(at));
}

/** A number. */
export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}
