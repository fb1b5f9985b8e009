// What went wrong with a request: typed, with a face for the person and one for the operator.

import type { Key } from "./words.ts";

/** The API's names of problems that the console has words of its own for. */
const TOLD: Readonly<Record<string, Key>> = {
  "sign-in": "app-problem-sign-in",
  "second-factor": "app-problem-proof",
  "fresh-proof": "app-problem-proof",
  "changed": "app-problem-changed",
  "forbidden": "app-problem-forbidden",
  "another-list": "console-removals-other",
  "shown-once": "app-problem-once",
  "console": "app-problem-console",
};

/** The same by the HTTP status, for every other one. */
const BY_STATUS: Readonly<Record<number, Key>> = {
  401: "app-problem-sign-in",
  403: "app-problem-forbidden",
  404: "app-problem-missing",
  409: "app-problem-state",
  412: "app-problem-changed",
  413: "app-problem-input",
  422: "app-problem-input",
  400: "app-problem-input",
  429: "app-problem-busy",
};

/** A request that did not do what it was asked for. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** The kind without its prefix: `fresh-proof`; `network` if no answer came at all. */
  readonly kind: string;
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;
  /** What the person reads: a key of the catalogue. */
  readonly told: Key;
  /** What the operator reads, as the server said it: in English. */
  readonly detail: string;
  /** Where the proof that is missing is shown. */
  readonly proof: string | undefined;
  /** The member of the body that is at fault, if the server named one. */
  readonly member: string | undefined;

  constructor(kind: string, status: number, detail: string, more: { proof?: string; member?: string } = {}) {
    super(`${kind} (${status}): ${detail}`);
    this.kind = kind;
    this.status = status;
    this.detail = detail;
    this.told = TOLD[kind] ?? BY_STATUS[status] ?? (status === 0 ? "app-problem-network" : "app-problem-server");
    this.proof = more.proof;
    this.member = more.member;
  }

  /** Whether the person has to show who they are before it can be done. */
  get asksForProof(): boolean {
    return this.kind === "sign-in" || this.kind === "second-factor" || this.kind === "fresh-proof";
  }
}

const PREFIX = "urn:ritorno:problem:";

/** What an answer that is no success says. */
export async function problemOf(response: Response): Promise<Problem> {
  const said = await response.json().catch(() => ({})) as Record<string, unknown>;
  const text = (name: string) => (typeof said[name] === "string" ? said[name] : undefined);
  const kind = text("type")?.replace(PREFIX, "") ?? "unknown";
  const proof = text("proof") ?? text("sign_in");
  const member = text("member");
  const detail = text("detail") ?? text("title") ?? response.statusText;
  return new Problem(kind, response.status, detail, {
    ...(proof !== undefined && { proof }),
    ...(member !== undefined && { member }),
  });
}
