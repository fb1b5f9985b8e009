// Bytes: base64url (RFC 4648 section 5, unpadded), UUIDs, and the canonical form that is bound and hashed:
// fixed-width integers in network order, everything of variable length behind a 16-bit length.

/** Bytes that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();

/** The UTF-8 form of `text`. */
export function text(value: string): Bytes {
  return utf8.encode(value);
}

/** All of `parts`, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** `value` as an unsigned 16-bit integer in network order. */
export function u16(value: number): Bytes {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** `value` as a signed 64-bit integer in network order. */
export function i64(value: number): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigInt64(0, BigInt(value));
  return out;
}

/** `bytes` behind their 16-bit length. */
export function prefixed(bytes: Uint8Array): Bytes {
  if (bytes.length > 0xffff) throw new RangeError("too long for a 16-bit length");
  return concat(u16(bytes.length), bytes);
}

/** The 16 bytes of a UUID. */
export function uuid(value: string): Bytes {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) throw new TypeError("not a UUID");
  return Uint8Array.from(value.replaceAll("-", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Unpadded base64url of `bytes`. */
export function encode(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes behind unpadded base64url; anything else throws. */
export function decode(value: string): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(value)) throw new TypeError("not unpadded base64url");
  return Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}

/** SHA-256. */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
