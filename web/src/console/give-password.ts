// A password for somebody else: made here, sealed here for the agents or handed to the server whose person it is, and sent once. It goes
// nowhere else: no storage, no address, no log.

import { generateSpoken } from "../generate.ts";
import type { EffectivePolicy } from "../policy.ts";
import { checkRecipients, type RecipientChain } from "../seal/chain.ts";
import { seal, type Context } from "../seal/envelope.ts";
import type { Answer, PasswordContext } from "./generated/api.ts";
import { problemOf } from "./problem.ts";

/** What the server handed out, with what is in it as the document does not say. */
export type Offer = Omit<PasswordContext, "policy" | "context" | "recipients"> & {
  readonly policy: EffectivePolicy;
  readonly context?: Context;
  readonly recipients?: readonly RecipientChain[];
};

/** What it is made with; tests hand in their own. */
export interface Means {
  readonly post: (path: string, body: string) => Promise<Response>;
  /** Milliseconds on a clock that only goes on. */
  readonly now: () => number;
  readonly make: (policy: EffectivePolicy) => string;
}

/** How it ended. */
export type Ended =
  /** It works, and is to be read out. */
  | { readonly kind: "done"; readonly password: string; readonly message: string }
  /** It may work: whoever hears it finds out. It is never sent again. */
  | { readonly kind: "unknown"; readonly password: string; readonly message: string | undefined }
  /** Nothing was set; `again` says whether another one can be sent. */
  | { readonly kind: "refused"; readonly message: string; readonly again: boolean }
  /** The offer is too old, or its keys are not the tenant's: nothing was sent. */
  | { readonly kind: "untrusted" };

const BROWSER: Means = {
  post: (path, body) =>
    fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      body,
    }),
  now: () => performance.now(),
  make: (policy) => generateSpoken(policy),
};

/** Gives passwords by one offer: one that works, or as many as the directory's rules refuse. */
export class Giver {
  readonly offer: Offer;
  readonly #means: Means;
  readonly #came: number;
  #context: Context | undefined;
  #request: string | null | undefined;

  constructor(offer: Offer, means: Means = BROWSER) {
    this.offer = offer;
    this.#means = means;
    this.#came = means.now();
    this.#context = offer.context;
    this.#request = offer.request;
  }

  /**
   * Makes a password and sends it, once.
   *
   * @throws {Problem} if the server took nothing of it
   */
  async give(): Promise<Ended> {
    const password = this.#means.make(this.offer.policy);
    let body: string;
    try {
      body = this.offer.sealed ? await this.#sealed(password) : JSON.stringify({ request: this.#request, new: password });
    } catch {
      return { kind: "untrusted" };
    }
    let answer: Answer;
    try {
      const response = await this.#means.post(this.offer.submit, body);
      // Who may not, or not any more, is told so before anything of the body is looked at. Of anything else nobody knows.
      if (response.status >= 400 && response.status < 500) throw await problemOf(response);
      if (!response.ok) return { kind: "unknown", password, message: undefined };
      answer = (await response.json()) as Answer;
    } catch (error) {
      if (error instanceof Error && error.name === "Problem") throw error;
      return { kind: "unknown", password, message: undefined };
    }
    if (answer.state === "done" || answer.state === "unknown") return { kind: answer.state, password, message: answer.message };
    this.#context = (answer.context as Context | null | undefined) ?? undefined;
    this.#request = answer.request;
    return { kind: "refused", message: answer.message, again: (this.offer.sealed ? this.#context : this.#request) != null };
  }

  async #sealed(password: string): Promise<string> {
    const { root, server_time: served, recipients = [] } = this.offer;
    const context = this.#context;
    if (context === undefined) throw new Error("nothing was handed out");
    // By the server's clock: the person's own may be wrong by hours.
    const at = Math.floor(served + this.#means.now() - this.#came);
    if (at >= context.expires_at) throw new Error("expired");
    return JSON.stringify(await seal(context, { new: password }, await checkRecipients(root, recipients, context.tenant, at)));
  }
}
