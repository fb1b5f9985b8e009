// How the tenant and its agents stand, in words.

import type { AgentCondition, Standing } from "./generated/api.ts";
import { t } from "./words.ts";

const STANDINGS = {
  "ready": "console-state-ready",
  "no-agent": "console-state-no-agent",
  "writeback-off": "console-state-writeback-off",
  "pdc-unreachable": "console-state-pdc",
} as const satisfies Record<Standing, string>;

/** Whether passwords can be written back now, in words. */
export function standing(of: Standing): string {
  return t(STANDINGS[of]);
}

/** Whether an agent is as it should be; `undefined` if it works and something is to be done. */
export function isWell(state: AgentCondition): boolean | undefined {
  if (state === "running") return true;
  return state === "out-of-date" || state === "too-old" ? undefined : false;
}
