import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "../src/seal/bytes.ts";
import { encapsulate, schedule, sealBase } from "../src/seal/hpke.ts";
import { keyPair } from "./authority.ts";
import { hex, privateKey, suite, toHex } from "./receiver.ts";

// The CFRG's vector of this very suite in base mode (test-vectors.json, of which RFC 9180's appendix A is an excerpt),
// its first message. The values are facts of the standard.
const VECTOR = {
  info: hex("4f6465206f6e2061204772656369616e2055726e"),
  ephemeral: hex("90345e3a1d116c1dd39ae76d95ab858c142223a63e44f8f85318cfa91a84858e"),
  recipient: hex(
    "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f" +
      "853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c",
  ),
  encapsulated: hex(
    "04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e" +
      "0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0",
  ),
  secret: "48893fecd82f7c3456af6a42d8f56325d21e08c10fa81299986aaff54cde7b49",
  key: "ee16802a936d5f544771131900ee6973d0551de9e852ece2ef34bf0d5f9e1d1d",
  nonce: "9bc50980832a7b4b58c40161",
  plaintext: text("Beauty is truth, truth beauty"),
  data: text("Count-0"),
  ciphertext: "58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d291742465e902cd216f8908da49f8f96f",
};

async function vectorPair(): Promise<CryptoKeyPair> {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  return {
    privateKey: await privateKey(VECTOR.ephemeral, VECTOR.encapsulated),
    publicKey: await crypto.subtle.importKey("raw", VECTOR.encapsulated, curve, true, []),
  };
}

test("the standard's vector: encapsulation, key schedule, message", async () => {
  const pair = await vectorPair();
  const { secret, encapsulated } = await encapsulate(VECTOR.recipient, pair);
  assert.equal(toHex(secret), VECTOR.secret);
  assert.deepEqual(encapsulated, VECTOR.encapsulated);
  const { key, nonce } = await schedule(secret, VECTOR.info);
  assert.equal(toHex(key), VECTOR.key);
  assert.equal(toHex(nonce), VECTOR.nonce);
  const sealed = await sealBase(VECTOR.recipient, VECTOR.info, VECTOR.data, VECTOR.plaintext, pair);
  assert.equal(toHex(sealed.ciphertext), VECTOR.ciphertext);
});

test("another implementation opens what this one seals, and only with the same info and data", async () => {
  const recipient = await keyPair("ECDH");
  const [info, data] = [text("info"), text("data")];
  const sealed = await sealBase(recipient.point, info, data, text("segreto"));
  const parameters = { recipientKey: recipient.pair.privateKey, enc: sealed.encapsulated, info };
  const opened = await suite.open(parameters, sealed.ciphertext, data);
  assert.equal(new TextDecoder().decode(opened), "segreto");
  await assert.rejects(suite.open(parameters, sealed.ciphertext, text("date")));
  await assert.rejects(suite.open({ ...parameters, info: text("inf") }, sealed.ciphertext, data));
});

test("a point off the curve is refused", async () => {
  const off = VECTOR.recipient.slice();
  off[64] = (off[64] ?? 0) ^ 1;
  await assert.rejects(sealBase(off, text(""), text(""), text("x")));
});

test("every encapsulation is fresh", async () => {
  const recipient = await keyPair("ECDH");
  const once = await sealBase(recipient.point, text(""), text(""), text("x"));
  const twice = await sealBase(recipient.point, text(""), text(""), text("x"));
  assert.notDeepEqual(once.encapsulated, twice.encapsulated);
});
