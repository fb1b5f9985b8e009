// What was typed into a form, kept while its person shows the second factor anew on the server's own page.

import { useCallback, useEffect, useState } from "preact/hooks";

/** A form's fields as text. Passwords and codes never are among them: they live in the state of their own page, and go with it. */
export type Draft = Readonly<Record<string, string>>;

const STORE = "ritorno-console-drafts";

/** How long what was typed is kept for who comes back, in milliseconds: afterwards it may be somebody else who does. */
const KEPT = 15 * 60_000;
const open = new Map<string, Draft>();

const named = (form: string) => `${location.pathname}#${form}`;

interface Kept {
  readonly at: number;
  readonly drafts: readonly (readonly [string, Draft])[];
}

/** Keeps what was typed into the forms of this page, for the one time that it comes back. */
export function keepDrafts(): void {
  keep({ at: Date.now(), drafts: [...open] });
}

function keep(kept: Kept): void {
  sessionStorage.setItem(STORE, JSON.stringify(kept));
}

/** Takes what was kept of a form. */
function take(name: string): Draft | undefined {
  const text = sessionStorage.getItem(STORE);
  if (text === null) return undefined;
  const { at, drafts } = JSON.parse(text) as Kept;
  const left = drafts.filter(([form]) => form !== name);
  const over = Date.now() - at > KEPT;
  if (over || left.length === 0) sessionStorage.removeItem(STORE);
  else keep({ at, drafts: left });
  return over ? undefined : drafts.find(([form]) => form === name)?.[1];
}

/** What was typed: what was shown as it is stays as it is then, since somebody else may have changed it meanwhile. */
function typed(fields: Draft, shown: Draft): Draft {
  return Object.fromEntries(Object.entries(fields).filter(([field, text]) => text !== shown[field]));
}

/**
 * The fields of a form: what they hold, how one is set, and how all are.
 *
 * @param form a name that no other form of the page has
 */
export function useDraft<D extends Draft>(form: string, initial: D) {
  const name = named(form);
  const [shown] = useState(initial);
  const [fields, setAll] = useState<D>(() => ({ ...initial, ...take(name) }));
  useEffect(() => {
    open.set(name, typed(fields, shown));
    return () => void open.delete(name);
  }, [name, fields]);
  const set = useCallback((field: keyof D, text: string) => setAll((before) => ({ ...before, [field]: text })), []);
  return { fields, set, setAll };
}
