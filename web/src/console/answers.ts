// Names for what the API answers, as pages use them.

export type * from "./generated/api.ts";

/** Who is signed in (`GET /me`). */
export interface Me {
  readonly name: string;
  readonly role: string;
  readonly tenant: { readonly id: string; readonly name: string };
  readonly language: string;
  /** What they may do: actions in kebab case. */
  readonly may: readonly string[];
  /** Whether the second factor was shown a moment ago, or none is asked for. */
  readonly fresh: boolean;
  readonly fresh_until?: string | null | undefined;
}
