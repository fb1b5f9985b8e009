// The page of the console on which somebody is given a password: makes one, seals it for the agents or hands it to the server whose person it
// is, and shows it once it works. It goes nowhere else: no storage, no address, no log.

import { generateSpoken } from "./generate.ts";
import type { EffectivePolicy } from "./policy.ts";
import type { Context } from "./seal/envelope.ts";
import { byId, freshOnReturn, handOver, Handover, NotTaken, type Answer, type SealContext } from "./sealed-form.ts";
import { spelled } from "./spell.ts";

/** What the server put into the form's `data-context`. */
interface PageContext {
  readonly policy: EffectivePolicy;
  readonly submit: string;
  /** Of one of the tenant's own people: what it is handed over under. Else it is sealed. */
  readonly request?: string;
}

/** The server's answer. */
interface Told extends Answer {
  readonly request?: string | null;
}

/** Brings the page to life. */
export function givePage(form: HTMLFormElement): void {
  const texts = form.dataset;
  const page = JSON.parse(texts["context"] ?? "") as PageContext;
  let request = page.request;
  const sealing = request === undefined ? new Handover<SealContext & PageContext>(form) : undefined;
  const give = byId<HTMLButtonElement>("give");
  const problem = byId("password-error");
  const progress = byId("progress");

  function fail(message: string, location?: string | null): void {
    problem.textContent = message;
    problem.hidden = message === "";
    if (location) {
      const link = document.createElement("a");
      link.href = location;
      link.textContent = texts["go"] ?? location;
      problem.append(" ", link);
    }
  }

  function working(on: boolean): void {
    give.disabled = on;
    form.setAttribute("aria-busy", String(on));
    progress.textContent = on ? (texts["working"] ?? "") : "";
  }

  /** Shows the password, once, with how it is read aloud; nothing can be sent from this page any more. */
  function show(password: string): void {
    form.hidden = true;
    byId("given-password").textContent = password;
    const words = {
      letters: (texts["letters"] ?? "").split(" "),
      digits: (texts["digits"] ?? "").split(" "),
      capital: texts["capital"] ?? "",
    };
    const lines = spelled(password, words).map((words) => {
      const line = document.createElement("li");
      line.textContent = words;
      return line;
    });
    byId("given-spelled").replaceChildren(...lines);
    byId("given").hidden = false;
    byId("given-title").focus();
  }

  async function send(): Promise<void> {
    fail("");
    working(true);
    const password = generateSpoken(page.policy);
    let body: string;
    try {
      body = sealing ? await sealing.seal({ new: password }) : JSON.stringify({ request, new: password });
    } catch {
      // A chain that does not hold, or a page left open too long: nothing was sent, and this page can't send anything.
      working(false);
      give.disabled = true;
      fail(texts["untrusted"] ?? "");
      return;
    }
    let answer: Told;
    try {
      answer = await handOver<Told>(page.submit, body);
    } catch (error) {
      if (error instanceof NotTaken) {
        working(false);
        give.disabled = true;
        fail(texts["untrusted"] ?? "", window.location.href);
        return;
      }
      // It may have been set: whoever reads it out finds out. It is never sent again from here.
      answer = { state: "unknown", message: texts["unreachable"] ?? "" };
    }
    working(false);
    if (answer.state === "done") {
      progress.textContent = answer.message ?? "";
      show(password);
    } else if (answer.state === "unknown") {
      fail(answer.message ?? "");
      show(password);
    } else {
      const next: Context | null | undefined = answer.context;
      if (sealing && next) sealing.context = next;
      else if (answer.request) request = answer.request;
      else give.disabled = true;
      // A page that can't send any more is loaded again.
      fail(answer.message ?? "", answer.location ?? (give.disabled ? window.location.href : null));
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!give.disabled) void send();
  });
  freshOnReturn();
  give.disabled = false;
}
