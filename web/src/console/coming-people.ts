// Operations about what happened, whose document is not here yet.

import type { FactView, PersonLine } from "./generated/api.ts";

/** How a request to the directory ended. */
export interface OutcomeView {
  readonly result: string;
  readonly reason?: string | null | undefined;
  readonly dc?: string | null | undefined;
  readonly detail?: string | undefined;
  readonly agent_ms: number;
  readonly directory_ms: number;
}

/** A request to the directory. */
export interface RequestView {
  readonly id: string;
  readonly at: string;
  readonly updated_at: string;
  readonly operation: string;
  readonly state: string;
  readonly outcome?: OutcomeView | null | undefined;
  readonly agent_id: string;
  readonly agent?: string | null | undefined;
  readonly by_administrator: boolean;
  readonly settled: boolean;
  readonly support_code: string;
}

/** Something that happened. */
export type EntryView = ({ readonly kind: "fact" } & FactView) | ({ readonly kind: "request" } & RequestView);

/** A way through the pages. */
export interface FlowView {
  readonly purpose: string;
  readonly state: string;
  readonly withheld?: string | null | undefined;
  readonly gates: number;
  readonly passed: readonly string[];
  readonly started_at: string;
  readonly expires_at: string;
}

/** Everything under a support code. */
export interface CodeView {
  readonly code: string;
  readonly flow?: FlowView | null | undefined;
  readonly person?: PersonLine | null | undefined;
  readonly requests: readonly RequestView[];
  readonly facts: readonly FactView[];
}

/** How an account stands in its directory. */
export interface Account {
  readonly locked: boolean;
  readonly disabled: boolean;
  readonly policy: {
    readonly source: "domain" | "pso" | "unreadable-pso";
    readonly pso?: string | null | undefined;
    readonly minimum_length: number;
    readonly complexity: boolean;
    readonly history: number;
    readonly enforced_on_reset: boolean;
    readonly not_before?: string | null | undefined;
  };
  readonly password_expires_at?: string | null | undefined;
}

export interface ComingPeople {
  "GET /people/{person}/directory": { path: { person: string }; query: {}; body: undefined; answer: Account; keyed: false };
  "GET /people/{person}/timeline": {
    path: { person: string };
    query: { cursor?: string | undefined; limit?: number | undefined };
    body: undefined;
    answer: { readonly items: readonly EntryView[]; readonly next?: string | null | undefined };
    keyed: false;
  };
  "GET /support-codes/{code}": { path: { code: string }; query: {}; body: undefined; answer: CodeView; keyed: false };
}
