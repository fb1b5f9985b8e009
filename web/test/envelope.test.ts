import assert from "node:assert/strict";
import { test } from "node:test";
import vector from "../../crates/protocol/vectors/envelope.json" with { type: "json" };
import { decode, encode } from "../src/seal/bytes.ts";
import { Recipient } from "../src/seal/chain.ts";
import { canonical, digest, seal, SealError, type Context, type Envelope } from "../src/seal/envelope.ts";
import { authority, keyPair, NOW, TENANT, type Authority } from "./authority.ts";
import { open, privateKey } from "./receiver.ts";

const KNOWN = vector.envelope as Envelope;
const CONTEXT: Context = {
  tenant: TENANT,
  operation: "reset",
  anchor: "AAECAwQFBgcICQoLDA0ODw==",
  request: "1309ac3f-4e41-4128-a0fb-f259ae492bb6",
  expires_at: NOW,
};

async function agents(count: number): Promise<{ authorities: Authority[]; recipients: Recipient[] }> {
  const root = await keyPair("ECDSA");
  const authorities = await Promise.all(Array.from({ length: count }, () => authority(root)));
  const recipients = await Promise.all(
    authorities.map((agent) => Recipient.check(root.point, agent.chain, TENANT, NOW)),
  );
  return { authorities, recipients };
}

test("the known answer: canonical bytes, digest, and opening", async () => {
  const keys = KNOWN.recipients.map((wrap) => decode(wrap.key));
  assert.equal(encode(canonical(KNOWN, keys)), vector.canonical);
  assert.equal(encode(await digest(KNOWN)), vector.digest);
  assert.equal(vector.private_keys.length, 3);
  for (const [index, scalar] of vector.private_keys.entries()) {
    const key = await privateKey(decode(scalar), decode(vector.public_keys[index] ?? ""));
    const opened = await open(KNOWN, KNOWN.recipients[index]?.key ?? "", key);
    assert.deepEqual(opened, { new: vector.new, old: vector.old });
  }
});

test("every recipient opens, for every operation", async () => {
  const { authorities, recipients } = await agents(3);
  const passwords = { new: "Nuovà-Passw0rd €😀", old: "Vecchia" };
  for (const operation of ["reset", "change", "unlock", "verify"] as const) {
    const envelope = await seal({ ...CONTEXT, operation }, passwords, recipients);
    for (const [index, wrap] of envelope.recipients.entries()) {
      const key = authorities[index]?.sealing.pair.privateKey;
      assert.ok(key);
      assert.deepEqual(await open(envelope, wrap.key, key), passwords);
    }
  }
});

test("one character, 256 characters and no password make equal lengths", async () => {
  const { recipients } = await agents(1);
  const lengths = await Promise.all(
    [{ new: "x" }, { new: "漢".repeat(256) }, { new: "x", old: "y".repeat(1024) }, {}].map(
      async (passwords) => JSON.stringify(await seal(CONTEXT, passwords, recipients)).length,
    ),
  );
  assert.deepEqual(new Set(lengths).size, 1, String(lengths));
});

test("content key, nonce and encapsulations are used once", async () => {
  const { recipients } = await agents(1);
  const once = await seal(CONTEXT, { new: "x" }, recipients);
  const twice = await seal(CONTEXT, { new: "x" }, recipients);
  for (const field of ["nonce", "ciphertext"] as const) assert.notEqual(once[field], twice[field]);
  assert.notEqual(once.recipients[0]?.encapsulated, twice.recipients[0]?.encapsulated);
});

test("whatever is flipped, it does not open, and the digest differs", async () => {
  const { authorities, recipients } = await agents(2);
  const good = await seal(CONTEXT, { new: "Nuova-Passw0rd" }, recipients);
  const [first, second] = good.recipients;
  const key = authorities[0]?.sealing.pair.privateKey;
  assert.ok(first && second && key);
  const flip = (value: string): string => (value.startsWith("A") ? "B" : "A") + value.slice(1);
  const altered: Record<string, Envelope> = {
    tenant: { ...good, tenant: CONTEXT.request },
    operation: { ...good, operation: "change" },
    anchor: { ...good, anchor: "x" + good.anchor },
    request: { ...good, request: TENANT },
    expiry: { ...good, expires_at: NOW + 1 },
    nonce: { ...good, nonce: flip(good.nonce) },
    ciphertext: { ...good, ciphertext: flip(good.ciphertext) },
    wrapped: { ...good, recipients: [{ ...first, wrapped: flip(first.wrapped) }, second] },
    "another's wrap": { ...good, recipients: [{ ...first, wrapped: second.wrapped }, second] },
    "a wrap removed": { ...good, recipients: [first] },
    "wraps swapped": { ...good, recipients: [second, first] },
    "a wrap doubled": { ...good, recipients: [first, second, second] },
  };
  const expected = encode(await digest(good));
  for (const [name, envelope] of Object.entries(altered)) {
    await assert.rejects(open(envelope, first.key, key), `${name} opened`);
    assert.notEqual(encode(await digest(envelope)), expected, `${name} is not in the digest`);
  }
});

test("what does not fit is refused", async () => {
  const { recipients } = await agents(9);
  const [one] = recipients;
  assert.ok(one);
  const reason = (expected: string) => (error: unknown) =>
    error instanceof SealError && error.reason === expected;
  await assert.rejects(seal(CONTEXT, { new: "x" }, []), reason("recipients"));
  await assert.rejects(seal(CONTEXT, { new: "x" }, [one, one]), reason("recipients"));
  await assert.rejects(seal(CONTEXT, { new: "x" }, recipients), reason("recipients"));
  await assert.rejects(seal(CONTEXT, { new: "x".repeat(1025) }, [one]), reason("too_long"));
  await assert.rejects(seal(CONTEXT, { new: "half \ud83d pair" }, [one]), reason("not_text"));
});
