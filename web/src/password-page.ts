// The page on which the new password is chosen: judges it while it is typed, seals it, hands it over.
// The password goes nowhere but into the envelope: no storage, no address, no log.

import { ChosenPassword } from "./chosen-password.ts";
import { lookUp } from "./look.ts";
import type { EffectivePolicy, Rule } from "./policy.ts";
import type { Context } from "./seal/envelope.ts";
import { byId, endHere, freshOnReturn, Handover, type Answer, type SealContext } from "./sealed-form.ts";

/** What the server put into the form's `data-context`. */
interface PageContext extends SealContext {
  readonly policy: EffectivePolicy;
}

/** The server's answer. */
interface Told extends Answer {
  readonly rule?: Rule["rule"] | Rule | null;
}

/** Brings the page to life. */
export function passwordPage(form: HTMLFormElement): void {
  const handover = new Handover<PageContext>(form);
  const { page } = handover;
  // Where a known password is changed, it goes along.
  const current = document.getElementById("current-password");
  const known = current instanceof HTMLInputElement ? current : undefined;
  const submit = byId<HTMLButtonElement>("submit-password");
  const problem = byId("password-error");
  const progress = byId("progress");
  const texts = form.dataset;
  const others = known === undefined ? [] : [known];
  const chosen = new ChosenPassword(form, { policy: page.policy, now: () => handover.now(), others });
  let busy = false;

  function working(on: boolean): void {
    busy = on;
    submit.disabled = on;
    form.setAttribute("aria-busy", String(on));
    progress.textContent = on ? (texts["working"] ?? "") : "";
  }

  function refused(answer: Told, next: Context): void {
    handover.context = next;
    const name = typeof answer.rule === "object" ? answer.rule?.rule : answer.rule;
    working(false);
    chosen.refused(answer.message ?? texts["unreachable"] ?? "", name);
  }

  async function send(): Promise<void> {
    if (!chosen.acceptable()) return;
    working(true);
    let body: string;
    try {
      body = await handover.seal({ new: chosen.value, ...(known && { old: known.value }) });
      chosen.wipe();
    } catch {
      // A chain that does not hold, or a page left open too long: nothing was sent, and this page can't send anything.
      chosen.wipe();
      working(false);
      chosen.fail(texts["untrusted"] ?? "");
      return;
    }
    let answer: Told;
    try {
      answer = await handover.send<Told>(body);
    } catch {
      // It may have been applied: only the outcome page knows. It is never sent again from here.
      working(false);
      submit.disabled = true;
      chosen.fail(texts["unreachable"] ?? "");
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
    else if (answer.stay === true) endHere(form, answer.message ?? "", [texts["devices"], texts["laptop"]]);
    else location.assign(answer.location ?? page.next);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) void send();
  });
  freshOnReturn();
  submit.disabled = false;
}
