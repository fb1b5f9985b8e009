// The sender of HPKE (RFC 9180) in base mode, one message for each context, with nothing but WebCrypto:
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

import { concat, text, u16, type Bytes } from "./bytes.ts";

const KEM = 0x0010;
const KDF = 0x0001;
const AEAD = 0x0002;
const KEM_SUITE = concat(text("KEM"), u16(KEM));
const SUITE = concat(text("HPKE"), u16(KEM), u16(KDF), u16(AEAD));
const CURVE = { name: "ECDH", namedCurve: "P-256" };
const NONE: Bytes = new Uint8Array();
/** HKDF's salt where there is none: HMAC pads a key with zeros, so this equals an empty one, which WebCrypto refuses. */
const NO_SALT: Bytes = new Uint8Array(32);

/** What a sender hands over. */
export interface Sealed {
  /** The encapsulated key: the ephemeral public key, 65 bytes. */
  readonly encapsulated: Bytes;
  /** The ciphertext and its tag. */
  readonly ciphertext: Bytes;
}

async function hmac(key: Bytes, message: Bytes): Promise<Bytes> {
  const usable = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", usable, message));
}

/** LabeledExtract (section 4). */
function extract(suite: Bytes, salt: Bytes, label: string, secret: Bytes): Promise<Bytes> {
  return hmac(salt, concat(text("HPKE-v1"), suite, text(label), secret));
}

/** LabeledExpand (section 4) to at most one block of SHA-256, which is all that this suite needs. */
async function expand(suite: Bytes, key: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const labelled = concat(u16(length), text("HPKE-v1"), suite, text(label), info);
  return (await hmac(key, concat(labelled, Uint8Array.of(1)))).slice(0, length);
}

/** A fresh key pair, for one encapsulation. */
export function ephemeral(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, false, ["deriveBits"]) as Promise<CryptoKeyPair>;
}

/** Encap (section 4.1): the shared secret with `recipient`, an uncompressed point, and the encapsulated key. */
export async function encapsulate(
  recipient: Bytes,
  pair: CryptoKeyPair,
): Promise<{ secret: Bytes; encapsulated: Bytes }> {
  const theirs = await crypto.subtle.importKey("raw", recipient, CURVE, false, []);
  const encapsulated = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const shared = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, pair.privateKey, 256),
  );
  const early = await extract(KEM_SUITE, NO_SALT, "eae_prk", shared);
  const secret = await expand(KEM_SUITE, early, "shared_secret", concat(encapsulated, recipient), 32);
  shared.fill(0);
  early.fill(0);
  return { secret, encapsulated };
}

/** The key schedule in base mode (section 5.1): AES-256 key and base nonce. */
export async function schedule(secret: Bytes, info: Bytes): Promise<{ key: Bytes; nonce: Bytes }> {
  const context = concat(
    Uint8Array.of(0),
    await extract(SUITE, NO_SALT, "psk_id_hash", NONE),
    await extract(SUITE, NO_SALT, "info_hash", info),
  );
  const scheduled = await extract(SUITE, secret, "secret", NONE);
  const key = await expand(SUITE, scheduled, "key", context, 32);
  const nonce = await expand(SUITE, scheduled, "base_nonce", context, 12);
  scheduled.fill(0);
  return { key, nonce };
}

/** AES-256-GCM with a 128-bit tag behind the ciphertext. */
export async function encrypt(key: Bytes, nonce: Bytes, plaintext: Bytes, data: Bytes): Promise<Bytes> {
  const usable = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: data };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, usable, plaintext));
}

/** Seals one `plaintext` for `recipient` (section 6.1). `pair` is given by tests only: it must never serve twice. */
export async function sealBase(
  recipient: Bytes,
  info: Bytes,
  data: Bytes,
  plaintext: Bytes,
  pair?: CryptoKeyPair,
): Promise<Sealed> {
  const { secret, encapsulated } = await encapsulate(recipient, pair ?? (await ephemeral()));
  const { key, nonce } = await schedule(secret, info);
  const ciphertext = await encrypt(key, nonce, plaintext, data);
  secret.fill(0);
  key.fill(0);
  return { encapsulated, ciphertext };
}
