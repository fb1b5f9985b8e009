// A tenant's root and its agents, for tests only.

import { concat, encode, sha256, text, type Bytes } from "../src/seal/bytes.ts";
import type { RecipientChain, Signed } from "../src/seal/chain.ts";
import { VERSION } from "../src/seal/envelope.ts";

/** A moment that every certificate here covers. */
export const NOW = 1_800_000_000_000;
/** The tenant. */
export const TENANT = "78382582-2a6f-4e62-9a21-90e828e4c9d2";
/** The agent. */
export const AGENT = "1309ac3f-4e41-4128-a0fb-f259ae492bb6";

/** A key pair with its public point. */
export interface Pair {
  readonly pair: CryptoKeyPair;
  readonly point: Bytes;
}

/** A new pair that signs (ECDSA) or opens (ECDH). */
export async function keyPair(name: "ECDSA" | "ECDH"): Promise<Pair> {
  const use: KeyUsage[] = name === "ECDSA" ? ["sign", "verify"] : ["deriveBits"];
  const pair = (await crypto.subtle.generateKey({ name, namedCurve: "P-256" }, true, use)) as CryptoKeyPair;
  return { pair, point: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

/** Signs `content` with `signer` for `purpose`. */
export async function sign(content: unknown, signer: Pair, purpose = "key-certificate"): Promise<Signed> {
  const payload = text(JSON.stringify(content));
  const message = concat(text(`${VERSION}\0${purpose}\0`), payload);
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, signer.pair.privateKey, message));
  return { payload: encode(payload), key: encode(await sha256(signer.point)), signature: encode(signature) };
}

/** A certificate for `key`, with whatever `changes` says otherwise. */
export function certificate(role: string, key: Bytes, changes: object = {}): object {
  return {
    tenant: TENANT,
    role,
    agent: AGENT,
    ...(role === "agent_sealing" ? { forests: ["contoso.test"] } : {}),
    key: encode(key),
    not_before: NOW - 86_400_000,
    not_after: NOW + 86_400_000,
    sequence: 1,
    ...changes,
  };
}

/** A root, an agent's keys and the chain between them. */
export interface Authority {
  readonly root: Pair;
  readonly identity: Pair;
  readonly sealing: Pair;
  readonly chain: RecipientChain;
}

/** A new authority with one agent, under `root` if given. */
export async function authority(root?: Pair): Promise<Authority> {
  const top = root ?? (await keyPair("ECDSA"));
  const identity = await keyPair("ECDSA");
  const sealing = await keyPair("ECDH");
  const chain = {
    identity: await sign(certificate("agent_identity", identity.point), top),
    sealing: await sign(certificate("agent_sealing", sealing.point), identity),
  };
  return { root: top, identity, sealing, chain };
}
