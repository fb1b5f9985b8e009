// Where in the console one is: the browser's own history and real links, so that a middle click, back and reload do what they always do.

import { useEffect, useState } from "preact/hooks";

/** Below which every page of the console is. */
export const ROOT = "/console/app";

/** A place of the console. */
export interface Place {
  /** The path below {@link ROOT}: `/agents`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const listeners = new Set<() => void>();

/** Where the browser is. */
export function here(): Place {
  const path = location.pathname.slice(ROOT.length).replace(/\/+$/, "");
  return { path: path === "" ? "/" : path, query: new URLSearchParams(location.search) };
}

/** The address of a place, for a link. */
export function href(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const said = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  const search = new URLSearchParams(said).toString();
  return `${ROOT}${path === "/" ? "" : path}${search === "" ? "" : `?${search}`}`;
}

/** Goes to an address of {@link href}; `replace` where going back should not lead to the place before. */
export function go(address: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  if (!replace) scrollTo(0, 0);
  moved();
}

function moved(): void {
  translate();
  for (const listener of listeners) listener();
}

/** Lets the links to other languages lead to the place that is shown. */
function translate(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a.language")) {
    const query = new URLSearchParams(location.search);
    query.set("lang", link.hreflang);
    link.href = `${location.pathname}?${query}`;
  }
}

/** Takes clicks on links of the console, wherever they stand, and the browser's ways back and forth. */
export function route(): void {
  addEventListener("popstate", moved);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target !== "" || link.hasAttribute("download") || link.hreflang !== "") return;
    const inside = link.pathname === ROOT || link.pathname.startsWith(`${ROOT}/`);
    if (link.origin !== location.origin || !inside || link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  translate();
}

/** The place, followed as it changes. */
export function usePlace(): Place {
  const [place, set] = useState(here);
  useEffect(() => {
    const listener = () => set(here());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return place;
}

/** What a pattern such as `/agents/:agent` finds in a path; `undefined` if it is not its path. */
export function match(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const [wanted, there] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== there.length) return undefined;
  const found: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const own = there[at] ?? "";
    if (part.startsWith(":")) found[part.slice(1)] = decodeURIComponent(own);
    else if (part !== own) return undefined;
  }
  return found;
}
