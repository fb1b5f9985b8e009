// What was typed into a form, kept while its person shows the second factor anew on the server's own page.

import { useCallback, useEffect, useState } from "preact/hooks";

/** A form's fields as text. Passwords and codes never are among them: they live in the state of their own page, and go with it. */
export type Draft = Readonly<Record<string, string>>;

const STORE = "ritorno-console-drafts";
const open = new Map<string, Draft>();

const named = (form: string) => `${location.pathname}#${form}`;

/** Keeps what stands in the forms of this page, for the one time that it comes back. */
export function keepDrafts(): void {
  sessionStorage.setItem(STORE, JSON.stringify([...open]));
}

/** Takes what was kept of a form. */
function take(name: string): Draft | undefined {
  const kept = new Map<string, Draft>(JSON.parse(sessionStorage.getItem(STORE) ?? "[]"));
  const draft = kept.get(name);
  if (draft === undefined) return undefined;
  kept.delete(name);
  if (kept.size === 0) sessionStorage.removeItem(STORE);
  else sessionStorage.setItem(STORE, JSON.stringify([...kept]));
  return draft;
}

/**
 * The fields of a form: what they hold, how one is set, and how all are.
 *
 * @param form a name that no other form of the page has
 */
export function useDraft<D extends Draft>(form: string, initial: D) {
  const name = named(form);
  const [fields, setAll] = useState<D>(() => ({ ...initial, ...take(name) }));
  useEffect(() => {
    open.set(name, fields);
    return () => void open.delete(name);
  }, [name, fields]);
  const set = useCallback((field: keyof D, text: string) => setAll((before) => ({ ...before, [field]: text })), []);
  return { fields, set, setAll };
}
