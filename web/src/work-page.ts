// The page that asks for a proof of work: computes, shows how far it is, and goes on by itself. Where this fails, the page still says
// how long to wait instead.

import { byId } from "./sealed-form.ts";
import { solve } from "./work.ts";

/** Brings the page to life. */
export function workPage(form: HTMLFormElement): void {
  const running = byId("work-running");
  const waiting = byId("work-waiting");
  const status = byId("work-status");
  const progress = byId<HTMLProgressElement>("work-progress");
  const { bits, pieces, front, working, done } = form.dataset;
  let sent = false;

  async function work(): Promise<void> {
    running.hidden = false;
    waiting.hidden = true;
    // Not the whole form: what is said in it would wait until it is no longer busy.
    progress.setAttribute("aria-busy", "true");
    status.textContent = working ?? "";
    const challenge = byId<HTMLInputElement>("work-challenge").value;
    const answer = await solve(challenge, Number(bits), Number(pieces), (solved) => {
      progress.value = solved;
    });
    byId<HTMLInputElement>("work-answer").value = answer;
    progress.removeAttribute("aria-busy");
    status.textContent = done ?? "";
    sent = true;
    form.submit();
  }

  // Whoever comes back to this page has a challenge that is used up: the name is given anew.
  addEventListener("pageshow", (event) => {
    if (event.persisted && sent) location.replace(front ?? "/");
  });
  // Without WebCrypto, as on a page that is not secure, the waiting stays.
  work().catch(() => {
    running.hidden = true;
    waiting.hidden = false;
    progress.removeAttribute("aria-busy");
    status.textContent = "";
  });
}
