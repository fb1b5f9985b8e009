// What a page shows of the API: loaded, loaded again, a page at a time, and changed.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call, type Answer, type Ask, type OperationName } from "./api.ts";
import type { Operations } from "./generated/api.ts";
import { keepDrafts } from "./drafts.ts";
import { Problem } from "./problem.ts";

/** How long a page that nobody touches is still refreshed, in milliseconds: each look counts as a use of the session, which is to end. */
const WATCHED = 10 * 60_000;
let touched = performance.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "scroll"]) {
  globalThis.addEventListener?.(kind, () => (touched = performance.now()), { passive: true, capture: true });
}

/** Whether somebody is there, who touched the page in the last minutes. */
export function watched(): boolean {
  return performance.now() - touched < WATCHED;
}

/** How far a question to the API is. */
export interface Loaded<T> {
  /** What was answered last, also while it is asked anew or when that failed. */
  readonly value: T | undefined;
  readonly tag: string | undefined;
  readonly problem: Problem | undefined;
  /** Asks anew. */
  readonly again: () => void;
}

/** Any error as one that can be told. */
export function problemFrom(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem("console", -1, error instanceof Error ? error.message : String(error));
}

/** Goes to where the missing proof is shown, and from there back here; what stands in the forms is kept. */
export function prove(problem: Problem): void {
  keepDrafts();
  if (problem.kind === "sign-in") location.assign(problem.proof ?? "/console/sign-in");
  else location.assign(`${problem.proof ?? "/console/second"}?then=${encodeURIComponent(location.pathname + location.search)}`);
}

/**
 * Asks the API for what a page shows.
 *
 * @param options `every`: how often it is asked anew while the page is seen, in milliseconds; `skip`: not now
 */
export function useLoad<K extends OperationName>(name: K, ask: Ask<K>, options: { every?: number; skip?: boolean } = {}): Loaded<Answer<K>["value"]> {
  const { every, skip = false } = options;
  const [answer, setAnswer] = useState<Answer<K>>();
  const [problem, setProblem] = useState<Problem>();
  const [round, setRound] = useState(0);
  // What is asked is compared by what it says: it is made anew each time that a page is drawn.
  const asked = JSON.stringify([name, ask.path, ask.query]);
  const before = useRef(asked);
  // A slow answer is waited for: asked anew meanwhile, there would never be one.
  const underway = useRef(false);
  useEffect(() => {
    if (skip) return undefined;
    if (before.current !== asked) {
      before.current = asked;
      setAnswer(undefined);
    }
    const ended = new AbortController();
    underway.current = true;
    const asking = call(name, { ...ask, signal: ended.signal }).then(
      (came) => {
        setAnswer(came);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (ended.signal.aborted) return;
        const told = problemFrom(error);
        // Without a session there is nothing to see here. A fresh proof is asked for by what is done, never by looking.
        if (told.kind === "sign-in" || told.kind === "second-factor") prove(told);
        setProblem(told);
      },
    );
    void asking.finally(() => {
      if (!ended.signal.aborted) underway.current = false;
    });
    return () => ended.abort();
  }, [asked, round, skip]);
  const again = useCallback(() => setRound((last) => last + 1), []);
  useEffect(() => {
    if (every === undefined || skip) return undefined;
    const look = () => {
      if (!underway.current && document.visibilityState === "visible" && watched()) again();
    };
    const timer = setInterval(look, every);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [every, skip, again]);
  return { value: answer?.value, tag: answer?.tag, problem, again };
}

/** Operations that answer a page of a list. */
type Listing = {
  [K in OperationName]: Operations[K]["answer"] extends { readonly items: readonly unknown[] } ? K : never;
}[OperationName];

type Item<K extends Listing> = Operations[K]["answer"] extends { readonly items: readonly (infer T)[] } ? T : never;

/** A list that grows by a page at a time. */
export interface Listed<T> {
  readonly items: readonly T[] | undefined;
  readonly problem: Problem | undefined;
  /** Asks for the page after the last one; `undefined` when all is there. */
  readonly more: (() => void) | undefined;
  /** Whether a page is on its way. */
  readonly busy: boolean;
  readonly again: () => void;
}

/** A list of the API's, page by page. */
export function useList<K extends Listing>(name: K, ask: Ask<K>, options: { skip?: boolean } = {}): Listed<Item<K>> {
  const { skip = false } = options;
  const [items, setItems] = useState<readonly Item<K>[]>();
  const [next, setNext] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  const asked = JSON.stringify([name, ask.path, ask.query, round]);
  const current = useRef(asked);
  current.current = asked;
  const load = useCallback(
    async (cursor: string | undefined) => {
      setBusy(true);
      try {
        const query = { ...ask.query, ...(cursor !== undefined && { cursor }) };
        const { value } = await call(name, { ...ask, query } as Ask<K>);
        if (current.current !== asked) return;
        const page = value as { items: readonly Item<K>[]; next?: string | null };
        setItems((there) => (cursor === undefined ? page.items : [...(there ?? []), ...page.items]));
        setNext(page.next ?? undefined);
        setProblem(undefined);
      } catch (error) {
        const told = problemFrom(error);
        if (told.kind === "sign-in" || told.kind === "second-factor") prove(told);
        if (current.current === asked) setProblem(told);
      } finally {
        if (current.current === asked) setBusy(false);
      }
    },
    [asked],
  );
  useEffect(() => {
    setItems(undefined);
    setNext(undefined);
    if (!skip) void load(undefined);
  }, [asked, skip]);
  const again = useCallback(() => setRound((last) => last + 1), []);
  return { items, problem, more: next === undefined ? undefined : () => void load(next), busy, again };
}

/** Something that a person does: whether it is under way, and why it could not be done. */
export interface Action {
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  /** Does it, unless it is under way; where a proof is missing, leads to it. Answers whether it was done. */
  readonly run: (act: () => Promise<void>) => Promise<boolean>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const going = useRef(false);
  const run = useCallback(async (act: () => Promise<void>) => {
    if (going.current) return false;
    going.current = true;
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
      return true;
    } catch (error) {
      const told = problemFrom(error);
      if (told.asksForProof) prove(told);
      else setProblem(told);
      return false;
    } finally {
      going.current = false;
      setBusy(false);
    }
  }, []);
  return { busy, problem, run };
}
