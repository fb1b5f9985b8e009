// What the pages that seal a password share: the context that the server put into the form, the sealing, the handing over.
// A password goes nowhere but into the envelope: no storage, no address, no log.

import { decode } from "./seal/bytes.ts";
import { checkRecipients, type RecipientChain } from "./seal/chain.ts";
import { seal, type Context, type Passwords } from "./seal/envelope.ts";

/** What the server put into the form's `data-context`. */
export interface SealContext {
  /** The tenant's root public key, base64url. */
  readonly root: string;
  /** When the page was made, by the server's clock. */
  readonly server_time: number;
  readonly context: Context;
  readonly recipients: readonly RecipientChain[];
  /** Where the envelope goes. */
  readonly submit: string;
  /** Where the way goes on. */
  readonly next: string;
}

/** The server's answer. */
export interface Answer {
  readonly state: "done" | "refused" | "failed" | "unknown";
  readonly location?: string | null;
  /** Whether the message is told on this very page: the next one would have nothing to show. */
  readonly stay?: boolean;
  /** In the reader's language. */
  readonly message?: string | null;
  /** For the next try after a refusal. */
  readonly context?: Context | null;
}

/** The element of that id; without it the page is not ours. */
export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page lacks #${id}`);
  return element as T;
}

/** Seals for one page and hands over, one envelope for each context. */
export class Handover<Page extends SealContext> {
  readonly page: Page;
  /** What the next envelope is about. */
  context: Context;
  readonly #loaded = performance.now();

  constructor(form: HTMLFormElement) {
    this.page = JSON.parse(form.dataset["context"] ?? "") as Page;
    this.context = this.page.context;
    decode(this.page.root); // A page without a usable root must not look usable.
  }

  /** The server's clock: the person's own may be wrong by hours. */
  now(): number {
    return Math.floor(this.page.server_time + performance.now() - this.#loaded);
  }

  /** The envelope as it travels. Throws if the page is too old, or its keys don't belong to the tenant. */
  async seal(passwords: Passwords): Promise<string> {
    performance.mark("seal-start");
    const at = this.now();
    if (at >= this.context.expires_at) throw new Error("expired");
    const recipients = await checkRecipients(this.page.root, this.page.recipients, this.context.tenant, at);
    const sealed = await seal(this.context, passwords, recipients);
    measured("seal");
    return JSON.stringify(sealed);
  }

  /** Hands it over. Throws if no answer comes: then it may have arrived all the same. */
  send<Told extends Answer>(body: string): Promise<Told> {
    return handOver(this.page.submit, body);
  }
}

/** The server took nothing of it. */
export class NotTaken extends Error {}

/**
 * Hands a body of JSON over. Throws if no answer comes: then it may have arrived all the same, unless it is {@link NotTaken}.
 */
export async function handOver<Told extends Answer>(to: string, body: string): Promise<Told> {
  performance.mark("submit-start");
  const response = await fetch(to, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    credentials: "same-origin",
    cache: "no-store",
    redirect: "manual",
    body,
  });
  // Who is not signed in any more is led elsewhere, before anything of the body is looked at.
  if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) throw new NotTaken();
  const answer = (await response.json()) as Told;
  measured("submit");
  return answer;
}

function measured(name: "seal" | "submit"): void {
  const { duration } = performance.measure(name, `${name}-start`);
  document.documentElement.dataset[`${name}Ms`] = duration.toFixed(1);
}

/** The button that shows what is typed into `fields`, and hides it again. */
export function showable(button: HTMLButtonElement, fields: readonly HTMLInputElement[], texts: DOMStringMap): void {
  button.addEventListener("click", () => {
    const visible = fields[0]?.type === "password";
    for (const field of fields) field.type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
    button.textContent = (visible ? texts["hide"] : texts["show"]) ?? "";
  });
}

/** Tells how it ended, and below that what else is good to know, in the form's place: there is no page to go to. */
export function endHere(form: HTMLFormElement, message: string, hints: readonly (string | undefined)[]): void {
  const told = document.createElement("div");
  told.className = "notice notice-ok";
  told.setAttribute("role", "status");
  told.tabIndex = -1;
  const text = document.createElement("p");
  text.textContent = message;
  told.append(text);
  const below = hints.map((hint) => {
    const line = document.createElement("p");
    line.textContent = hint ?? "";
    return line;
  });
  form.replaceWith(told, ...below);
  told.focus();
}

/** A page that the browser kept while the person was elsewhere holds a context that may be used up: it is loaded again. */
export function freshOnReturn(): void {
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
