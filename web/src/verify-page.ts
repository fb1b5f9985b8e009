// The page on which the current password is confirmed: seals it, hands it over, says what the directory said.

import { byId, freshOnReturn, Handover, showable, type Answer, type SealContext } from "./sealed-form.ts";

/** Brings the page to life. */
export function verifyPage(form: HTMLFormElement): void {
  const handover = new Handover<SealContext>(form);
  const typed = byId<HTMLInputElement>("current-password");
  const submit = byId<HTMLButtonElement>("submit-password");
  const problem = byId("password-error");
  const progress = byId("progress");
  const texts = form.dataset;
  let busy = false;

  function fail(message: string): void {
    problem.textContent = message;
    problem.hidden = message === "";
    if (message === "") typed.removeAttribute("aria-invalid");
    else typed.setAttribute("aria-invalid", "true");
  }

  function working(on: boolean): void {
    busy = on;
    submit.disabled = on;
    form.setAttribute("aria-busy", String(on));
    progress.textContent = on ? (texts["working"] ?? "") : "";
  }

  async function send(): Promise<void> {
    fail("");
    working(true);
    let answer: Answer;
    try {
      const body = await handover.seal({ old: typed.value });
      typed.value = "";
      answer = await handover.send(body).catch(() => ({ state: "unknown" as const }));
    } catch {
      // A chain that does not hold, or a page left open too long: nothing was sent, and this page can't send anything.
      typed.value = "";
      working(false);
      fail(texts["untrusted"] ?? "");
      return;
    }
    if (answer.state === "refused" || answer.state === "unknown") {
      working(false);
      fail(answer.message ?? texts["unreachable"] ?? "");
      // Without another context this page can't send anything any more.
      if (answer.context) handover.context = answer.context;
      else submit.disabled = true;
      typed.focus();
    } else location.assign(answer.location ?? handover.page.next);
  }

  showable(byId<HTMLButtonElement>("show-password"), [typed], texts);
  typed.addEventListener("input", () => fail(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy && !submit.disabled && typed.value !== "") void send();
  });
  freshOnReturn();
  submit.disabled = false;
}
