// The page on which the new password is chosen: judges it while it is typed, seals it, hands it over.
// The password goes nowhere but into the envelope: no storage, no address, no log.

import { generate } from "./generate.ts";
import { lookUp } from "./look.ts";
import { broken, judgeable, type EffectivePolicy, type Rule } from "./policy.ts";
import type { Context } from "./seal/envelope.ts";
import { byId, freshOnReturn, Handover, showable, type Answer, type SealContext } from "./sealed-form.ts";
import { StrengthLine } from "./strength-line.ts";

/** What the server put into the form's `data-context`. */
interface PageContext extends SealContext {
  readonly policy: EffectivePolicy;
}

/** The server's answer. */
interface Told extends Answer {
  readonly rule?: Rule["rule"] | Rule | null;
}

type State = "met" | "broken" | "unknown";

/** How long typing must rest before a screen reader is told. */
const QUIET_MS = 700;

/** Brings the page to life. */
export function passwordPage(form: HTMLFormElement): void {
  const handover = new Handover<PageContext>(form);
  const { page } = handover;
  const fresh = byId<HTMLInputElement>("new-password");
  const again = byId<HTMLInputElement>("again-password");
  // Where a known password is changed, it goes along.
  const current = document.getElementById("current-password");
  const known = current instanceof HTMLInputElement ? [current] : [];
  const show = byId<HTMLButtonElement>("show-password");
  const suggest = byId<HTMLButtonElement>("suggest-password");
  const suggested = byId("suggested");
  const submit = byId<HTMLButtonElement>("submit-password");
  const problem = byId("password-error");
  const progress = byId("progress");
  const status = byId("rules-status");
  const rules = [...byId("rules").querySelectorAll<HTMLLIElement>("[data-rule]")];
  const texts = form.dataset;
  const { account_name, display_name, banned_words = [] } = page.policy;
  const strong = new StrengthLine(byId("strength"), [account_name, ...display_name.split(/\s+/), ...banned_words]);

  const now = (): number => handover.now();

  let busy = false;
  let announcing = 0;

  function mark(rule: HTMLLIElement, state: State): void {
    rule.dataset["state"] = state;
    let word = rule.querySelector<HTMLElement>(".rule-state");
    if (word === null) {
      word = document.createElement("span");
      word.className = "rule-state";
      rule.append(" ", word);
    }
    word.textContent = state === "unknown" ? "" : (rule.dataset[state] ?? "");
  }

  /** A rule and its state as one sentence: `At least 8 characters: not yet`. */
  function sentence(rule: HTMLLIElement): string {
    const word = rule.querySelector(".rule-state")?.textContent ?? "";
    const whole = (rule.textContent ?? "").trim();
    return `${whole.slice(0, whole.length - word.length).trim()}: ${word}`;
  }

  /** Judges what is typed; nothing but the minimum age is called broken before anything was. */
  function judge(): void {
    const typed = fresh.value;
    const failing = new Set(broken(page.policy, typed, now()).map((rule) => rule.rule));
    for (const rule of rules) {
      const name = rule.dataset["rule"] as Rule["rule"];
      const judged = judgeable(page.policy, name) && (typed !== "" || name === "minimum_age");
      mark(rule, !judged ? "unknown" : failing.has(name) ? "broken" : "met");
    }
    strong.look(typed);
    clearTimeout(announcing);
    announcing = window.setTimeout(() => {
      const open = rules.filter((rule) => rule.dataset["state"] === "broken");
      const told = open.map(sentence).join(". ") || (texts["allMet"] ?? "");
      status.textContent = typed === "" ? "" : [told, strong.said].filter((part) => part !== "").join(". ");
    }, QUIET_MS);
  }

  function fail(message: string, field?: HTMLInputElement): void {
    problem.textContent = message;
    problem.hidden = message === "";
    for (const input of [...known, fresh, again]) {
      if (input === field) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    field?.focus();
  }

  function working(on: boolean): void {
    busy = on;
    submit.disabled = on;
    form.setAttribute("aria-busy", String(on));
    progress.textContent = on ? (texts["working"] ?? "") : "";
  }

  function wipe(): void {
    fresh.value = "";
    again.value = "";
    for (const input of known) input.value = "";
    suggested.textContent = "";
    strong.look("");
  }

  /** Whether what is typed may be sent; says what is wrong if not. */
  function acceptable(): boolean {
    const failing = broken(page.policy, fresh.value, now())[0];
    if (failing !== undefined) {
      judge();
      const rule = rules.find((candidate) => candidate.dataset["rule"] === failing.rule);
      if (rule !== undefined) mark(rule, "broken");
      fail(rule === undefined ? failing.rule : sentence(rule), fresh);
      return false;
    }
    if (fresh.value !== again.value) {
      fail(texts["mismatch"] ?? "", again);
      return false;
    }
    return true;
  }

  function refused(answer: Told, next: Context): void {
    handover.context = next;
    const name = typeof answer.rule === "object" ? answer.rule?.rule : answer.rule;
    judge();
    for (const rule of rules) if (rule.dataset["rule"] === name) mark(rule, "broken");
    working(false);
    fail(answer.message ?? texts["unreachable"] ?? "", fresh);
  }

  async function send(): Promise<void> {
    fail("");
    if (!acceptable()) return;
    working(true);
    let body: string;
    try {
      body = await handover.seal({ new: fresh.value, ...(known[0] && { old: known[0].value }) });
      wipe();
    } catch {
      // A chain that does not hold, or a page left open too long: nothing was sent, and this page can't send anything.
      wipe();
      working(false);
      fail(texts["untrusted"] ?? "");
      return;
    }
    let answer: Told;
    try {
      answer = await handover.send<Told>(body);
    } catch {
      // It may have been applied: only the outcome page knows. It is never sent again from here.
      working(false);
      submit.disabled = true;
      fail(texts["unreachable"] ?? "");
      const link = document.createElement("a");
      link.href = page.next;
      link.textContent = texts["look"] ?? page.next;
      problem.append(" ", link);
      link.focus();
      progress.textContent = texts["looking"] ?? "";
      if (await lookUp(page.next)) location.assign(page.next);
      else progress.textContent = texts["stillAway"] ?? "";
      return;
    }
    if (answer.state === "refused" && answer.context) refused(answer, answer.context);
    else location.assign(answer.location ?? page.next);
  }

  showable(show, [...known, fresh, again], texts);
  suggest.addEventListener("click", () => {
    fail("");
    fresh.value = again.value = generate(page.policy);
    // Nobody can keep what they can't see.
    if (fresh.type === "password") show.click();
    judge();
    suggested.textContent = texts["suggested"] ?? "";
    fresh.focus();
    fresh.select();
  });
  fresh.addEventListener("input", () => {
    fail("");
    suggested.textContent = "";
    judge();
  });
  again.addEventListener("input", () => fail(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) void send();
  });
  freshOnReturn();
  judge();
  submit.disabled = false;
}
