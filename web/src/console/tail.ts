// Facts of the audit as they come (server-sent events), which can be held back while somebody reads.

import { useCallback, useEffect, useState } from "preact/hooks";
import type { FactView } from "./generated/api.ts";

/** Most facts that are kept: who wants more has the list and the file. */
export const MOST = 200;

/** How a tail stands. */
export interface Tail {
  readonly link: "off" | "connecting" | "live" | "lost";
  readonly paused: boolean;
  /** What is shown, latest first. */
  readonly facts: readonly FactView[];
  /** What came while it was held back, latest first. */
  readonly held: readonly FactView[];
  /** Whether facts were cut off by retention before they were seen. */
  readonly cut: boolean;
}

export const OFF: Tail = { link: "off", paused: false, facts: [], held: [], cut: false };

/** What happens to a tail. */
export type Event =
  | { readonly kind: "start" | "stop" | "open" | "wait" | "lost" | "pause" | "go-on" | "cut" }
  | { readonly kind: "fact"; readonly fact: FactView };

/** The latest of both, once each: a connection that was made anew may tell a fact again. */
function before(newer: readonly FactView[], older: readonly FactView[]): readonly FactView[] {
  const there = new Set(older.map(({ id }) => id));
  return [...newer.filter(({ id }) => !there.has(id)), ...older].slice(0, MOST);
}

/** How a tail stands after something happened. */
export function after(tail: Tail, event: Event): Tail {
  switch (event.kind) {
    case "start":
      return { ...OFF, link: "connecting" };
    case "stop":
      return { ...tail, link: "off", paused: false, facts: before(tail.held, tail.facts), held: [] };
    case "open":
      return { ...tail, link: "live" };
    case "wait":
      return { ...tail, link: "connecting" };
    case "lost":
      return { ...tail, link: "lost" };
    case "cut":
      return { ...tail, cut: true };
    case "pause":
      return { ...tail, paused: true };
    case "go-on":
      return { ...tail, paused: false, facts: before(tail.held, tail.facts), held: [] };
    case "fact":
      if (!tail.paused) return { ...tail, facts: before([event.fact], tail.facts) };
      if (tail.facts.some(({ id }) => id === event.fact.id)) return tail;
      return { ...tail, held: before([event.fact], tail.held) };
  }
}

/** Follows the tail at an address while `on`; another address begins another one. */
export function useTail(address: string, on: boolean): { tail: Tail; pause: () => void; goOn: () => void; again: () => void } {
  const [tail, setTail] = useState(OFF);
  const [round, setRound] = useState(0);
  const say = useCallback((event: Event) => setTail((now) => after(now, event)), []);
  useEffect(() => {
    if (!on) return undefined;
    say({ kind: "start" });
    const own = new EventSource(address);
    own.onopen = () => say({ kind: "open" });
    // The browser asks again by itself, from the last one that it saw, unless the server said no.
    own.onerror = () => say({ kind: own.readyState === EventSource.CLOSED ? "lost" : "wait" });
    own.addEventListener("fact", ({ data }) => say({ kind: "fact", fact: JSON.parse(data) as FactView }));
    own.addEventListener("cut", () => say({ kind: "cut" }));
    return () => {
      own.close();
      say({ kind: "stop" });
    };
  }, [address, on, round]);
  return {
    tail,
    pause: useCallback(() => say({ kind: "pause" }), []),
    goOn: useCallback(() => say({ kind: "go-on" }), []),
    again: useCallback(() => setRound((last) => last + 1), []),
  };
}
