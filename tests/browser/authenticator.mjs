// An authenticator app, made of what Node has: it knows nothing of the server's.

import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS = 30_000;

/** The bytes of a key as a person types it: base32 (RFC 4648), spaces do not matter. */
function bytes(key) {
  let bits = "";
  for (const letter of key.replaceAll(" ", "")) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error(`${key} is no key`);
    bits += value.toString(2).padStart(5, "0");
  }
  return Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
}

/** An app into which a key was typed. It shows no code twice: it waits for the next one, as a person does. */
export class App {
  constructor(key) {
    this.key = bytes(key);
    this.shown = -1;
  }

  async code() {
    const step = Math.max(Math.floor(Date.now() / STEP_MS), this.shown + 1);
    // A code of the next step is taken as well, since clocks differ; one after that is not.
    while (Math.floor(Date.now() / STEP_MS) + 1 < step) await new Promise((resolve) => setTimeout(resolve, 250));
    this.shown = step;
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const digest = createHmac("sha1", this.key).update(counter).digest();
    const at = digest[digest.length - 1] & 0xf;
    const number = (digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000;
    return String(number).padStart(6, "0");
  }
}
