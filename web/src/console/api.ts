// The public API, as the console asks it: typed by the API's own document, with the browser's session.

import { KEYED, type Operations } from "./generated/api.ts";
import { Problem, problemOf } from "./problem.ts";

export type OperationName = keyof Operations;

type Member<K extends OperationName, M extends "path" | "query" | "body"> = Operations[K][M];

/** What a request says beside its name. */
export type Ask<K extends OperationName> = (keyof Member<K, "path"> extends never
  ? { path?: undefined }
  : { path: Member<K, "path"> }) &
  (Member<K, "body"> extends undefined ? { body?: undefined } : { body: Member<K, "body"> }) & {
    query?: Member<K, "query">;
    /** The tag of what is changed: it is changed only if nobody else did so meanwhile. */
    tag?: string | undefined;
    /** Whether a busy server is not asked again: the answer is of now, and its person asks anew. */
    once?: boolean;
    signal?: AbortSignal;
  };

/** An answer, with the tag of what it shows. */
export interface Answer<K extends OperationName> {
  readonly value: Operations[K]["answer"];
  readonly tag: string | undefined;
}

/** What the requests are made with; tests hand in their own. */
export interface Means {
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** Waits so many milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** A name for one request that nothing else has. */
  readonly key: () => string;
}

const ROOT = "/api/v1";
/** How often the same is asked in all. */
const TRIES = 4;
/** Longest wait that is kept before asking again, in seconds: a person sits before it. */
const PATIENCE = 20;

const BROWSER: Means = {
  fetch: (path, init) => fetch(path, init),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  key: () => crypto.randomUUID(),
};

function address(name: string, path: object | undefined, query: object | undefined): string {
  const values = (path ?? {}) as Record<string, string>;
  const template = name.slice(name.indexOf(" ") + 1);
  const filled = template.replace(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(values[part] ?? ""));
  const said = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(said.map(([key, value]) => [key, String(value)])).toString();
  return `${ROOT}${filled}${search === "" ? "" : `?${search}`}`;
}

/** In how many seconds it is worth to ask again; `undefined` if that is not said, or nobody waits so long. */
function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 && seconds <= PATIENCE ? seconds : undefined;
}

async function read<K extends OperationName>(response: Response): Promise<Answer<K>> {
  const text = await response.text();
  const value = (text === "" ? undefined : JSON.parse(text)) as Operations[K]["answer"];
  return { value, tag: response.headers.get("ETag") ?? undefined };
}

/**
 * Asks the API, and again where that does no harm: after the time that a busy server names, and where the network lost a request that can be
 * repeated (nothing is changed by it, or it carries an idempotency key).
 *
 * @throws {Problem}
 */
export async function call<K extends OperationName>(name: K, ask: Ask<K>, means: Means = BROWSER): Promise<Answer<K>> {
  const method = name.slice(0, name.indexOf(" "));
  const keyed = KEYED.has(name);
  const headers: Record<string, string> = { Accept: "application/json" };
  if (ask.body !== undefined) headers["Content-Type"] = "application/json";
  if (ask.tag !== undefined) headers["If-Match"] = ask.tag;
  if (keyed) headers["Idempotency-Key"] = means.key();
  const init: RequestInit = {
    method,
    headers,
    credentials: "same-origin",
    redirect: "error",
    ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
    ...(ask.signal !== undefined && { signal: ask.signal }),
  };
  const path = address(name, ask.path, ask.query);
  for (let tries = 1; ; tries += 1) {
    let response: Response;
    try {
      response = await means.fetch(path, init);
    } catch (error) {
      if (ask.signal?.aborted) throw error;
      const again = method === "GET" || keyed;
      if (!again || tries >= TRIES) throw new Problem("network", 0, String(error));
      await means.wait(300 * 2 ** tries);
      continue;
    }
    if (response.ok) return read<K>(response);
    const seconds = response.status === 429 || response.status === 503 ? retryAfter(response) : undefined;
    if (ask.once === true || seconds === undefined || tries >= TRIES) throw await problemOf(response);
    await means.wait(seconds * 1000);
  }
}
