// Operations of the API whose document is not here yet.

import type { ComingPeople } from "./coming-people.ts";
import type { ComingPolicy } from "./coming-policy.ts";

interface Ends {
  readonly success: number;
  readonly failure: number;
  readonly unknown: number;
}

/** `GET /statistics`. */
export interface Statistics {
  readonly days: readonly { readonly day: string; readonly resets: Ends; readonly changes: Ends; readonly unlocks: Ends }[];
  readonly refusals: readonly { readonly result: string; readonly reason: string; readonly number: number }[];
  readonly latency: { readonly number: number; readonly median_ms?: number | null; readonly p95_ms?: number | null };
  readonly last_sync?: string | null;
}

export interface Coming extends ComingPeople, ComingPolicy {
  "GET /statistics": { path: {}; query: { days?: number }; body: undefined; answer: Statistics; keyed: false };
}
