import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, sha256 } from "../src/seal/bytes.ts";
import { ChainError, checkRecipients, Recipient, type RecipientChain } from "../src/seal/chain.ts";
import { authority, certificate, keyPair, NOW, sign, TENANT } from "./authority.ts";

async function fault(chain: RecipientChain, root: Uint8Array<ArrayBuffer>, now = NOW, tenant = TENANT) {
  try {
    await Recipient.check(root, chain, tenant, now);
  } catch (error) {
    if (error instanceof ChainError) return error.fault;
    throw error;
  }
  return "none";
}

test("a whole chain yields the sealing key", async () => {
  const { root, sealing, chain } = await authority();
  const recipient = await Recipient.check(root.point, chain, TENANT, NOW);
  assert.deepEqual(recipient.key, sealing.point);
  assert.deepEqual(recipient.id, await sha256(sealing.point));
  assert.deepEqual(recipient.forests, ["contoso.test"]);
});

test("another root, tenant or time is refused", async () => {
  const { root, chain } = await authority();
  assert.equal(await fault(chain, (await keyPair("ECDSA")).point), "key");
  assert.equal(await fault(chain, root.point, NOW, "1309ac3f-4e41-4128-a0fb-f259ae492bb6"), "tenant");
  assert.equal(await fault(chain, root.point, NOW + 86_400_000), "validity");
  assert.equal(await fault(chain, root.point, NOW - 86_400_001), "validity");
  assert.equal(await fault(chain, root.point, NOW + 86_399_999), "none");
});

test("a signature that is not the root's, or for another purpose, is refused", async () => {
  const { root, identity, chain } = await authority();
  const intruder = await keyPair("ECDSA");
  const named = encode(await sha256(root.point));
  const content = certificate("agent_identity", identity.point);
  const forged = { ...(await sign(content, intruder)), key: named };
  assert.equal(await fault({ ...chain, identity: forged }, root.point), "signature");
  const elsewhere = await sign(content, root, "authorisation");
  assert.equal(await fault({ ...chain, identity: elsewhere }, root.point), "signature");
  const changed = { ...chain.identity, payload: encode(new TextEncoder().encode(JSON.stringify(content) + " ")) };
  assert.equal(await fault({ ...chain, identity: changed }, root.point), "signature");
});

test("a role or an agent that does not fit is refused", async () => {
  const { root, identity, sealing, chain } = await authority();
  const cases: Record<string, RecipientChain> = {
    "a server key as identity": {
      ...chain,
      identity: await sign(certificate("server_signing", identity.point), root),
    },
    "an identity as sealing key": {
      ...chain,
      sealing: await sign(certificate("agent_identity", sealing.point), identity),
    },
    "a sealing key of another agent": {
      ...chain,
      sealing: await sign(certificate("agent_sealing", sealing.point, { agent: TENANT }), identity),
    },
  };
  for (const [name, bad] of Object.entries(cases)) assert.equal(await fault(bad, root.point), "role", name);
  const direct = { ...chain, sealing: await sign(certificate("agent_sealing", sealing.point), root) };
  assert.equal(await fault(direct, root.point), "key");
});

test("an expired sealing key is refused, and content that is no certificate", async () => {
  const { root, identity, sealing, chain } = await authority();
  const old = certificate("agent_sealing", sealing.point, { not_after: NOW });
  assert.equal(await fault({ ...chain, sealing: await sign(old, identity) }, root.point), "validity");
  const short = certificate("agent_sealing", sealing.point.slice(0, 64));
  assert.equal(await fault({ ...chain, sealing: await sign(short, identity) }, root.point), "content");
  assert.equal(await fault({ ...chain, sealing: await sign(null, identity) }, root.point), "content");
});

test("one bad chain refuses the whole list", async () => {
  const { root, chain } = await authority();
  const other = await authority();
  assert.equal((await checkRecipients(encode(root.point), [chain], TENANT, NOW)).length, 1);
  await assert.rejects(checkRecipients(encode(root.point), [chain, other.chain], TENANT, NOW), ChainError);
});
