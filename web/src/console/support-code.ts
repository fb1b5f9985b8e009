// Support codes as people type them, and where one leads to.

import { call } from "./api.ts";
import { may } from "./me.ts";
import type { Me } from "./generated/api.ts";
import { Problem } from "./problem.ts";
import { href } from "./router.ts";

/** Letters of a code: Crockford's base 32. */
const CODE = /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/;

/** The support code that was typed or heard, as it is written: in any case, with or without its dash, and with `O` for `0`. Else `undefined`. */
export function supportCode(typed: string): string | undefined {
  const letters = typed.trim().toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1");
  const code = /^[0-9A-Z]{10}$/.test(letters) ? `${letters.slice(0, 5)}-${letters.slice(5)}` : letters.replace(/[\s–—]+/g, "-");
  return CODE.test(code) ? code : undefined;
}

/** Where this administrator sees what is under a code; `undefined` if that is not theirs. */
export function placeOf(me: Me, code: string): string | undefined {
  if (may(me, "read-timeline")) return href(`/support-codes/${code}`);
  return may(me, "read-audit") ? href("/audit", { code }) : undefined;
}

/** Whether there is something under a code that this administrator sees. A name may look like one. */
export async function isKnown(me: Me, code: string): Promise<boolean> {
  if (!may(me, "read-timeline")) return (await call("GET /audit", { query: { code, limit: 1 } })).value.items.length > 0;
  try {
    await call("GET /support-codes/{code}", { path: { code } });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false;
    throw error;
  }
}
