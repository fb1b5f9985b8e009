// The password policy of one person, judged as crates/protocol/src/policy.rs judges it;
// crates/protocol/vectors/policy.json holds the cases on which both must agree.

import { CAPITALS, contains, SMALL_LETTERS } from "./samba-letters.ts";

/** The policy that holds for one person. Lengths count UTF-16 code units, as Active Directory and JavaScript do; OpenLDAP counts bytes. */
export interface EffectivePolicy {
  readonly source: { readonly kind: "domain" | "pso" | "unreadable_pso"; readonly name?: string };
  readonly vendor: "windows" | "samba" | "openldap";
  readonly minimum_length: number;
  readonly complexity: boolean;
  /** Passwords remembered; only the DC can judge it. */
  readonly history: number;
  /** Whether the DC enforces history and minimum age on a reset. */
  readonly hints: boolean;
  /** Until when the minimum age holds, in milliseconds since 1970. */
  readonly not_before: number | null;
  readonly forbid_names: boolean;
  readonly account_name: string;
  readonly display_name: string;
  /** Words that the tenant bans. */
  readonly banned_words?: readonly string[];
  /** Whether the agent looks passwords up in lists of breached ones; only it can judge that. */
  readonly breached?: boolean;
}

/** A rule that is broken, with what it asks for. */
export type Rule =
  | { readonly rule: "banned_word" | "breached_password" | "complexity" | "contains_name" | "unnamed" }
  | { readonly rule: "history"; readonly remembered: number | null }
  | { readonly rule: "maximum_length"; readonly maximum: number }
  | { readonly rule: "minimum_age"; readonly not_before: number | null }
  | { readonly rule: "minimum_length"; readonly minimum: number };

/** Longest password AD takes, in UTF-16 code units. */
export const MAXIMUM_LENGTH = 256;

const SAMBA_SYMBOLS = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";

/** The rules that `password` breaks at `now`, in the order in which they are told, as far as a page can judge them. */
export function broken(policy: EffectivePolicy, password: string, now: number): Rule[] {
  const rules: Rule[] = [];
  if (password.length > MAXIMUM_LENGTH) rules.push({ rule: "maximum_length", maximum: MAXIMUM_LENGTH });
  if (policy.source.kind === "unreadable_pso") return rules;
  if (policy.hints && policy.not_before !== null && now < policy.not_before) {
    rules.push({ rule: "minimum_age", not_before: policy.not_before });
  }
  const length = policy.vendor === "openldap" ? new TextEncoder().encode(password).length : password.length;
  if (length < policy.minimum_length) {
    rules.push({ rule: "minimum_length", minimum: policy.minimum_length });
  }
  if (policy.complexity && classes(password, policy.vendor) < 3) rules.push({ rule: "complexity" });
  if (policy.forbid_names && containsName(password, policy.account_name, policy.display_name)) {
    rules.push({ rule: "contains_name" });
  }
  if (containsWord(password, policy.banned_words ?? [])) rules.push({ rule: "banned_word" });
  return rules;
}

/** Whether the page can say that a rule is met; history, lists of breached passwords and an unreadable policy are for the directory alone. */
export function judgeable(policy: EffectivePolicy, rule: Rule["rule"]): boolean {
  if (rule === "maximum_length") return true;
  return rule !== "history" && rule !== "breached_password" && rule !== "unnamed" && policy.source.kind !== "unreadable_pso";
}

/** How many of the five character classes `password` holds: upper case, lower case, digits, symbols, other letters. */
export function classes(password: string, vendor: EffectivePolicy["vendor"]): number {
  const present = new Set<string>();
  for (const c of password) present.add(classOf(c, vendor));
  present.delete("none");
  return present.size;
}

function classOf(c: string, vendor: EffectivePolicy["vendor"]): string {
  if (/[0-9]/.test(c)) return "digit";
  if (/[A-Z]/.test(c)) return "upper";
  if (/[a-z]/.test(c)) return "lower";
  if (c < "\x80") return vendor === "windows" || SAMBA_SYMBOLS.includes(c) ? "symbol" : "none";
  if (vendor === "samba") return contains(CAPITALS, c) ? "upper" : contains(SMALL_LETTERS, c) ? "lower" : "other";
  if (/\p{Uppercase}/u.test(c)) return "upper";
  if (/\p{Lowercase}/u.test(c)) return "lower";
  return /\p{Alphabetic}/u.test(c) ? "other" : "symbol";
}

/** Whether `password` contains the account name or a part of the display name of at least three characters. */
export function containsName(password: string, accountName: string, displayName: string): boolean {
  const lower = password.toLowerCase();
  return [accountName, ...displayName.split(/[,.\-_ #\t]/)].some(
    (name) => [...name].length >= 3 && lower.includes(name.toLowerCase()),
  );
}

const ALIKE: Readonly<Record<string, string>> = {
  "0": "o", "1": "i", "!": "i", "|": "i", l: "i", "3": "e", "4": "a", "@": "a", "5": "s", $: "s", "7": "t",
};

/** Whether `password` contains one of the words, in any case and with what looks like their letters. */
export function containsWord(password: string, words: readonly string[]): boolean {
  const folded = fold(password);
  return words.some((word) => word !== "" && folded.includes(fold(word)));
}

/** `text` in lower case, with one letter for all that look alike. */
function fold(text: string): string {
  return [...text.toLowerCase()].map((c) => ALIKE[c] ?? c).join("");
}
