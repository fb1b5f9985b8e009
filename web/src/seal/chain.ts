// Whom a page may seal for: the chain from the tenant's root to an agent's sealing key, checked as
// crates/protocol/src/certificate.rs checks it. Signatures are over the very bytes that were sent.

import { concat, decode, encode, sha256, text, type Bytes } from "./bytes.ts";
import { VERSION } from "./envelope.ts";

/** A signed value as it travels: payload, signer's key id and signature in base64url. */
export interface Signed {
  readonly payload: string;
  readonly key: string;
  readonly signature: string;
}

/** An agent's identity key, certified by the root, and its sealing key, certified by the identity key. */
export interface RecipientChain {
  readonly identity: Signed;
  readonly sealing: Signed;
}

/** Why a chain is not accepted. */
export type ChainFault = "key" | "signature" | "content" | "tenant" | "validity" | "role";

/** A chain that does not hold. */
export class ChainError extends Error {
  readonly fault: ChainFault;

  constructor(fault: ChainFault) {
    super(fault);
    this.fault = fault;
  }
}

/** A sealing key whose chain holds. Only {@link Recipient.check} makes one. */
export class Recipient {
  /** The key's name: SHA-256 of its uncompressed form. */
  readonly id: Bytes;
  /** The uncompressed point, 65 bytes. */
  readonly key: Bytes;
  /** The agent that can open. */
  readonly agent: string;
  /** The forests that the agent serves. */
  readonly forests: readonly string[];

  private constructor(id: Bytes, key: Bytes, agent: string, forests: readonly string[]) {
    this.id = id;
    this.key = key;
    this.agent = agent;
    this.forests = forests;
  }

  /** Checks `chain` from `root` (an uncompressed point) down, for `tenant`, at `now` (milliseconds since 1970). */
  static async check(root: Bytes, chain: RecipientChain, tenant: string, now: number): Promise<Recipient> {
    const identity = await certificate(chain.identity, root, tenant, now);
    if (identity.role !== "agent_identity" || typeof identity.agent !== "string") throw new ChainError("role");
    const sealing = await certificate(chain.sealing, point(identity.key), tenant, now);
    if (sealing.role !== "agent_sealing" || sealing.agent !== identity.agent) throw new ChainError("role");
    const key = point(sealing.key);
    const forests = Array.isArray(sealing.forests) ? sealing.forests.map(String) : [];
    return new Recipient(await sha256(key), key, identity.agent, forests);
  }
}

interface Certificate {
  readonly tenant: string;
  readonly role: string;
  readonly agent?: unknown;
  readonly forests?: unknown;
  readonly key: string;
}

/** An uncompressed point; WebCrypto checks that it lies on the curve when it imports it. */
function point(value: string): Bytes {
  const bytes = decode(value);
  if (bytes.length !== 65 || bytes[0] !== 4) throw new ChainError("content");
  return bytes;
}

async function certificate(signed: Signed, issuer: Bytes, tenant: string, now: number): Promise<Certificate> {
  if (signed.key !== encode(await sha256(issuer))) throw new ChainError("key");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const payload = decode(signed.payload);
  const message = concat(text(`${VERSION}\0key-certificate\0`), payload);
  const key = await crypto.subtle.importKey("raw", issuer, algorithm, false, ["verify"]);
  if (!(await crypto.subtle.verify(algorithm, key, decode(signed.signature), message))) {
    throw new ChainError("signature");
  }
  const content: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  if (!isCertificate(content)) throw new ChainError("content");
  if (content.tenant !== tenant) throw new ChainError("tenant");
  if (now < content.not_before || now >= content.not_after) throw new ChainError("validity");
  return content;
}

function isCertificate(content: unknown): content is Certificate & { not_before: number; not_after: number } {
  if (typeof content !== "object" || content === null) return false;
  const { tenant, role, key, not_before, not_after } = content as Record<string, unknown>;
  return (
    [tenant, role, key].every((value) => typeof value === "string") &&
    [not_before, not_after].every((value) => Number.isSafeInteger(value))
  );
}

/**
 * Everyone on the page's list, checked. One chain that does not hold refuses the whole list: an agent does the same with
 * an envelope that names a key it can't verify, so leaving one out would only hide that something is wrong.
 */
export async function checkRecipients(
  root: string,
  chains: readonly RecipientChain[],
  tenant: string,
  now: number,
): Promise<Recipient[]> {
  return Promise.all(chains.map((chain) => Recipient.check(point(root), chain, tenant, now)));
}
