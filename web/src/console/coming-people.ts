// Operations about what happened, whose document is not here yet.

import type { FactView, PersonLine } from "./generated/api.ts";

/** How a request to the directory ended. */
export interface OutcomeView {
  readonly result: string;
  readonly reason?: string | null;
  readonly dc?: string | null;
  readonly detail?: string | null;
  readonly agent_ms: number;
  readonly directory_ms: number;
}

/** A request to the directory. */
export interface RequestView {
  readonly id: string;
  readonly at: string;
  readonly updated_at: string;
  readonly operation: "reset" | "change" | "unlock" | "verify";
  readonly state: "dispatched" | "started" | "not-started" | "finished";
  readonly outcome?: OutcomeView | null;
  readonly agent_id: string;
  readonly agent?: string | null;
  readonly by_administrator: boolean;
  readonly settled: boolean;
  readonly support_code: string;
}

/** Something that happened. */
export type EntryView = ({ readonly kind: "fact" } & FactView) | ({ readonly kind: "request" } & RequestView);

/** A way through the pages. */
export interface FlowView {
  readonly purpose: "reset" | "change";
  readonly state: "started" | "code-sent" | "gate-passed" | "submitted" | "finished" | "kept";
  readonly withheld?: string | null;
  readonly gates: number;
  readonly passed: readonly string[];
  readonly started_at: string;
  readonly expires_at: string;
}

/** Everything under a support code. */
export interface CodeView {
  readonly code: string;
  readonly flow?: FlowView | null;
  readonly person?: PersonLine | null;
  readonly requests: readonly RequestView[];
  readonly facts: readonly FactView[];
}

/** How an account stands in its directory. */
export interface Account {
  readonly locked: boolean;
  readonly disabled: boolean;
  readonly policy: {
    readonly source: "domain" | "pso" | "unreadable-pso";
    readonly pso?: string | null;
    readonly minimum_length: number;
    readonly complexity: boolean;
    readonly history: number;
    readonly enforced_on_reset: boolean;
    readonly not_before?: string | null;
  };
  readonly password_expires_at?: string | null;
}

export interface ComingPeople {
  "GET /people/{person}/directory": { path: { person: string }; query: {}; body: undefined; answer: Account; keyed: false };
  "GET /people/{person}/timeline": {
    path: { person: string };
    query: { cursor?: string | undefined; limit?: number | undefined };
    body: undefined;
    answer: { readonly items: readonly EntryView[]; readonly next?: string | null };
    keyed: false;
  };
  "GET /support-codes/{code}": { path: { code: string }; query: {}; body: undefined; answer: CodeView; keyed: false };
}
