// A password that nobody has to think of, and that the rules of this very person take.

import { broken, MAXIMUM_LENGTH, type EffectivePolicy } from "./policy.ts";

// Without the letters and digits that look alike: it may be copied from a screen, or read aloud.
const SMALL = "abcdefghjkmnpqrstuvwxyz";
const CAPITAL = "ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS = "23456789";
const ALL = SMALL + CAPITAL + DIGITS;

/** Characters of a group; a dash stands between two. */
const GROUP = 5;
/** Least number of groups: twenty characters out of 55 are 115 bits. */
const LEAST_GROUPS = 4;
/** More tries than any policy takes: a name of three letters is in one of some thousand. */
const TRIES = 1_000;

/** A random number below `n`, which is at most 256; every one equally likely. */
export function below(n: number): number {
  const end = 256 - (256 % n);
  const byte = new Uint8Array(1);
  do crypto.getRandomValues(byte);
  while ((byte[0] ?? 0) >= end);
  return (byte[0] ?? 0) % n;
}

/** A new password in groups, as long as `policy` demands and of three kinds of characters and a symbol. */
export function generate(policy: EffectivePolicy, pick: (n: number) => number = below): string {
  return made(policy, pick, () => ALL);
}

/**
 * The same for one that is read aloud, and changed by whoever hears it: a capital letter at the beginning, digits at the end, and small letters
 * between. Fifteen letters out of 23 and five digits out of 8 are 82 bits.
 */
export function generateSpoken(policy: EffectivePolicy, pick: (n: number) => number = below): string {
  return made(policy, pick, (group, at, groups) => {
    if (group === groups - 1) return DIGITS;
    return group === 0 && at === 0 ? CAPITAL : SMALL;
  });
}

/** Groups of signs, each out of those that `signs` gives for its place. */
function made(
  policy: EffectivePolicy,
  pick: (n: number) => number,
  signs: (group: number, at: number, groups: number) => string,
): string {
  const groups = Math.max(LEAST_GROUPS, Math.ceil((policy.minimum_length + 1) / (GROUP + 1)));
  let candidate = "";
  for (let tried = 0; tried < TRIES; tried += 1) {
    const sign = (group: number, at: number): string => {
      const of = signs(group, at, groups);
      return of[pick(of.length)] ?? "";
    };
    const one = (group: number): string => Array.from({ length: GROUP }, (_, at) => sign(group, at)).join("");
    candidate = Array.from({ length: groups }, (_, group) => one(group)).join("-").slice(0, MAXIMUM_LENGTH);
    const mixed = [SMALL, CAPITAL, DIGITS].every((kind) => [...kind].some((c) => candidate.includes(c)));
    // The minimum age is no matter of the password.
    if (mixed && broken(policy, candidate, Number.POSITIVE_INFINITY).length === 0) return candidate;
  }
  return candidate;
}
