// A new password while it is typed: judged by the rules, told how hard it is to guess, shown, suggested. Both pages on which one is chosen
// have it, the one that seals and the one that does not.

import { generate } from "./generate.ts";
import { broken, judgeable, type EffectivePolicy, type Rule } from "./policy.ts";
import { byId, showable } from "./sealed-form.ts";
import { StrengthLine } from "./strength-line.ts";

type State = "met" | "broken" | "unknown";

/** How long typing must rest before a screen reader is told. */
const QUIET_MS = 700;

/** What is particular to a page. */
export interface Judging {
  readonly policy: EffectivePolicy;
  /** The server's clock. */
  readonly now: () => number;
  /** The form in which whoever stores the password judges it; as it is typed, unless it is said. */
  readonly read?: (typed: string) => string;
  /** Fields of the form beside those of the new password. */
  readonly others?: readonly HTMLInputElement[];
}

/** The fields of a new password, and what the page says of it. */
export class ChosenPassword {
  readonly #judging: Judging;
  readonly #texts: DOMStringMap;
  readonly #fresh = byId<HTMLInputElement>("new-password");
  readonly #again = byId<HTMLInputElement>("again-password");
  readonly #fields: readonly HTMLInputElement[];
  readonly #suggested = byId("suggested");
  readonly #problem = byId("password-error");
  readonly #status = byId("rules-status");
  readonly #rules = [...byId("rules").querySelectorAll<HTMLLIElement>("[data-rule]")];
  readonly #strong: StrengthLine;
  #announcing = 0;

  constructor(form: HTMLFormElement, judging: Judging) {
    this.#judging = judging;
    this.#texts = form.dataset;
    this.#fields = [...(judging.others ?? []), this.#fresh, this.#again];
    const { account_name, display_name, banned_words = [] } = judging.policy;
    const known = [account_name, ...display_name.split(/\s+/), ...banned_words];
    this.#strong = new StrengthLine(byId("strength"), known);
    const show = byId<HTMLButtonElement>("show-password");
    showable(show, this.#fields, this.#texts);
    byId("suggest-password").addEventListener("click", () => this.#suggest(show));
    this.#fresh.addEventListener("input", () => {
      this.fail("");
      this.#suggested.textContent = "";
      this.judge();
    });
    for (const field of this.#fields) if (field !== this.#fresh) field.addEventListener("input", () => this.fail(""));
    this.judge();
  }

  /** What is typed. */
  get value(): string {
    return this.#fresh.value;
  }

  /** Judges what is typed; nothing but the minimum age is called broken before anything was. */
  judge(): void {
    const { policy } = this.#judging;
    const typed = this.value;
    const failing = new Set(this.#broken().map((rule) => rule.rule));
    for (const rule of this.#rules) {
      const name = rule.dataset["rule"] as Rule["rule"];
      const judged = judgeable(policy, name) && (typed !== "" || name === "minimum_age");
      mark(rule, !judged ? "unknown" : failing.has(name) ? "broken" : "met");
    }
    this.#strong.look(typed);
    clearTimeout(this.#announcing);
    this.#announcing = window.setTimeout(() => {
      const open = this.#rules.filter((rule) => rule.dataset["state"] === "broken");
      const told = open.map(sentence).join(". ") || (this.#texts["allMet"] ?? "");
      this.#status.textContent = typed === "" ? "" : [told, this.#strong.said].filter((part) => part !== "").join(". ");
    }, QUIET_MS);
  }

  /** Says what is wrong, and with which field; nothing if `message` is empty. */
  fail(message: string, field?: HTMLInputElement): void {
    this.#problem.textContent = message;
    this.#problem.hidden = message === "";
    for (const input of this.#fields) {
      if (input === field) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    field?.focus();
  }

  /** Says that the password was refused, and by which rule. */
  refused(message: string, name: string | undefined): void {
    this.judge();
    for (const rule of this.#rules) if (rule.dataset["rule"] === name) mark(rule, "broken");
    this.fail(message, this.#fresh);
  }

  /** Whether what is typed may be sent; says what is wrong if not. */
  acceptable(): boolean {
    this.fail("");
    const failing = this.#broken()[0];
    if (failing !== undefined) {
      const rule = this.#rules.find((candidate) => candidate.dataset["rule"] === failing.rule);
      this.judge();
      if (rule !== undefined) mark(rule, "broken");
      this.fail(rule === undefined ? failing.rule : sentence(rule), this.#fresh);
      return false;
    }
    if (this.#read(this.value) !== this.#read(this.#again.value)) {
      this.fail(this.#texts["mismatch"] ?? "", this.#again);
      return false;
    }
    return true;
  }

  /** Keeps nothing of what was typed. */
  wipe(): void {
    for (const field of this.#fields) field.value = "";
    this.#suggested.textContent = "";
    this.#strong.look("");
  }

  #suggest(show: HTMLElement): void {
    this.fail("");
    this.#fresh.value = this.#again.value = generate(this.#judging.policy);
    // Nobody can keep what they can't see.
    if (this.#fresh.type === "password") show.click();
    this.judge();
    this.#suggested.textContent = this.#texts["suggested"] ?? "";
    this.#fresh.focus();
    this.#fresh.select();
  }

  #broken(): Rule[] {
    return broken(this.#judging.policy, this.#read(this.value), this.#judging.now());
  }

  #read(typed: string): string {
    return this.#judging.read?.(typed) ?? typed;
  }
}

function mark(rule: HTMLLIElement, state: State): void {
  rule.dataset["state"] = state;
  const word = rule.querySelector<HTMLElement>(".rule-state");
  if (word !== null) word.textContent = state === "unknown" ? "" : (rule.dataset[state] ?? "");
}

/** A rule and its state as one sentence: `At least 8 characters: not yet`. */
function sentence(rule: HTMLLIElement): string {
  const word = rule.querySelector(".rule-state")?.textContent ?? "";
  const whole = (rule.textContent ?? "").trim();
  return `${whole.slice(0, whole.length - word.length).trim()}: ${word}`;
}
