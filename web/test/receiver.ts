// The receiving side, for tests only: HPKE by @hpke/core, and what crates/protocol/src/envelope.rs does around it.

import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";
import { concat, decode, encode, text, u16, uuid, type Bytes } from "../src/seal/bytes.ts";
import { canonical, VERSION, type Envelope } from "../src/seal/envelope.ts";

/** The suite of the protocol. */
export const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** The bytes behind hexadecimal digits. */
export function hex(digits: string): Bytes {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Hexadecimal digits of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The private key behind a scalar and its public point. */
export function privateKey(scalar: Bytes, point: Bytes, algorithm = "ECDH"): Promise<CryptoKey> {
  const jwk = {
    kty: "EC",
    crv: "P-256",
    d: encode(scalar),
    x: encode(point.slice(1, 33)),
    y: encode(point.slice(33)),
    ext: true,
  };
  const use: KeyUsage[] = algorithm === "ECDH" ? ["deriveBits"] : ["sign"];
  return crypto.subtle.importKey("jwk", jwk, { name: algorithm, namedCurve: "P-256" }, true, use);
}

/** Opens `envelope` with the private key whose name is `name`. */
export async function open(
  envelope: Envelope,
  name: string,
  key: CryptoKey,
): Promise<{ new: string; old: string }> {
  const wrap = envelope.recipients.find((candidate) => candidate.key === name);
  if (wrap === undefined) throw new Error("not a recipient");
  const bound = canonical(envelope, envelope.recipients.map((candidate) => decode(candidate.key)));
  const id = decode(name);
  const content = await suite.open(
    {
      recipientKey: key,
      enc: decode(wrap.encapsulated),
      info: concat(text(VERSION), uuid(envelope.tenant), id),
    },
    decode(wrap.wrapped),
    concat(bound, text("wrap"), id),
  );
  const aes = await crypto.subtle.importKey("raw", content, "AES-GCM", false, ["decrypt"]);
  const algorithm = {
    name: "AES-GCM",
    iv: decode(envelope.nonce),
    additionalData: concat(bound, text("content")),
  };
  const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, aes, decode(envelope.ciphertext)));
  return { new: slot(plain.slice(0, 1026)), old: slot(plain.slice(1026)) };
}

function slot(bytes: Bytes): string {
  const length = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  if (bytes.length !== 1026 || toHex(u16(length)) !== toHex(bytes.slice(0, 2))) throw new Error("malformed");
  if (bytes.slice(2 + length).some((byte) => byte !== 0)) throw new Error("padding is not zero");
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(2, 2 + length));
}
