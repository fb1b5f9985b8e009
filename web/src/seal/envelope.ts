// The sealed envelope, byte for byte as crates/protocol/src/envelope.rs makes and opens it.

import { concat, decode, encode, i64, prefixed, sha256, text, u16, uuid, type Bytes } from "./bytes.ts";
import type { Recipient } from "./chain.ts";
import { encrypt, sealBase, type Sealed } from "./hpke.ts";

/** The protocol's version, bound into everything. */
export const VERSION = "ritorno/1";
/** Most recipients of one envelope. */
export const MAXIMUM_RECIPIENTS = 8;
/** Longest password that fits, in bytes of UTF-8. */
export const MAXIMUM_PASSWORD_BYTES = 1024;

const SLOT_SIZE = 2 + MAXIMUM_PASSWORD_BYTES;
const OPERATIONS = { reset: 1, change: 2, unlock: 3, verify: 4 } as const;

/** What an envelope is about; everything in it is bound by the encryption. */
export interface Context {
  readonly tenant: string;
  readonly operation: keyof typeof OPERATIONS;
  /** Whose password: the source anchor. */
  readonly anchor: string;
  /** The request's id, a UUID. */
  readonly request: string;
  /** Milliseconds since 1970; after this, no agent opens it. */
  readonly expires_at: number;
}

/** A sealed envelope as it travels. */
export interface Envelope extends Context {
  readonly recipients: readonly { readonly key: string; readonly encapsulated: string; readonly wrapped: string }[];
  readonly nonce: string;
  readonly ciphertext: string;
}

/** The passwords of an envelope; the old one for a change, the typed one for a verification. */
export interface Passwords {
  readonly new?: string;
  readonly old?: string;
}

/** Why an envelope can't be made. */
export class SealError extends Error {
  readonly reason: "recipients" | "too_long" | "not_text";

  constructor(reason: SealError["reason"]) {
    super(reason);
    this.reason = reason;
  }
}

/** The bytes bound as additional data: version, tenant, operation, anchor, request, expiry, recipients in order. */
export function canonical(context: Context, recipients: readonly Bytes[]): Bytes {
  return concat(
    prefixed(text(VERSION)),
    uuid(context.tenant),
    Uint8Array.of(OPERATIONS[context.operation]),
    prefixed(text(context.anchor)),
    uuid(context.request),
    i64(context.expires_at),
    Uint8Array.of(recipients.length),
    ...recipients,
  );
}

/** One password in its slot: a 16-bit length, the UTF-8 bytes, zeros to the fixed size. */
function slot(password: string): Bytes {
  // Half a surrogate pair has no UTF-8 form; TextEncoder would quietly seal another password.
  if (/\p{Surrogate}/u.test(password)) throw new SealError("not_text");
  const bytes = text(password);
  if (bytes.length > MAXIMUM_PASSWORD_BYTES) throw new SealError("too_long");
  const out = concat(u16(bytes.length), bytes, new Uint8Array(SLOT_SIZE - 2 - bytes.length));
  bytes.fill(0);
  return out;
}

/** Seals `passwords` for `recipients`, in their order. Only what {@link Recipient} vouches for can be sealed for. */
export async function seal(
  context: Context,
  passwords: Passwords,
  recipients: readonly Recipient[],
): Promise<Envelope> {
  const names = recipients.map((recipient) => encode(recipient.id));
  if (names.length < 1 || names.length > MAXIMUM_RECIPIENTS || new Set(names).size !== names.length) {
    throw new SealError("recipients");
  }
  const bound = canonical(context, recipients.map((recipient) => recipient.id));
  const slots = [slot(passwords.new ?? ""), slot(passwords.old ?? "")];
  const plaintext = concat(...slots);
  const key = crypto.getRandomValues(new Uint8Array(32));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  try {
    const ciphertext = await encrypt(key, nonce, plaintext, concat(bound, text("content")));
    const wraps = await Promise.all(
      recipients.map((recipient): Promise<Sealed> => {
        const info = concat(text(VERSION), uuid(context.tenant), recipient.id);
        return sealBase(recipient.key, info, concat(bound, text("wrap"), recipient.id), key);
      }),
    );
    return {
      tenant: context.tenant,
      operation: context.operation,
      anchor: context.anchor,
      request: context.request,
      expires_at: context.expires_at,
      recipients: wraps.map((wrap, index) => ({
        key: names[index] ?? "",
        encapsulated: encode(wrap.encapsulated),
        wrapped: encode(wrap.ciphertext),
      })),
      nonce: encode(nonce),
      ciphertext: encode(ciphertext),
    };
  } finally {
    for (const secret of [key, plaintext, ...slots]) secret.fill(0);
  }
}

/** SHA-256 over the whole envelope in canonical bytes: what an authorisation names. */
export async function digest(envelope: Envelope): Promise<Bytes> {
  return sha256(
    concat(
      canonical(envelope, envelope.recipients.map((wrap) => decode(wrap.key))),
      ...envelope.recipients.flatMap((wrap) => [
        prefixed(decode(wrap.encapsulated)),
        prefixed(decode(wrap.wrapped)),
      ]),
      prefixed(decode(envelope.nonce)),
      prefixed(decode(envelope.ciphertext)),
    ),
  );
}
