// How the console gives a password: sealed for the agents or handed over, sent once, and never again where nobody knows what came of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Giver, type Means, type Offer } from "../src/console/give-password.ts";
import { Problem } from "../src/console/problem.ts";
import { encode, sha256 } from "../src/seal/bytes.ts";
import type { Envelope } from "../src/seal/envelope.ts";
import { authority, NOW, TENANT, type Authority } from "./authority.ts";
import { open } from "./receiver.ts";

const context = { tenant: TENANT, operation: "reset", anchor: "YW5uYQ==", request: "0a6f1c1c-3bb1-4b6e-9a55-6d1d2f0a7c22", expires_at: NOW + 300_000 } as const;

const kept: Offer = {
  user_principal_name: "anna@contoso.test", display_name: "Anna", submit: "/kept", sealed: false, request: "r1", support_code: "ABCDE-01234",
  policy: {} as Offer["policy"], root: "", server_time: NOW,
};

const sealed = (of: Authority, more: object = {}): Offer => ({
  ...kept, submit: "/sealed", sealed: true, request: null, root: encode(of.root.point), context, recipients: [of.chain], ...more,
});

const answer = (state: string, more: object = {}) => Response.json({ state, message: state, ...more });

/** Answers one after another, and what was sent. An error is what the network does. */
function means(...answers: (Response | Error)[]) {
  const sent: { path: string; body: string }[] = [];
  let made = 0;
  let passed = 0;
  const own: Means = {
    post: async (path, body) => {
      sent.push({ path, body });
      const next = answers.shift() ?? new Error("nothing more was to be sent");
      if (next instanceof Error) throw next;
      return next;
    },
    now: () => passed,
    make: () => `Password-${(made += 1)}`,
  };
  return { own, sent, pass: (ms: number) => (passed += ms) };
}

test("for a person of a directory only the agents can open it", async () => {
  const of = await authority();
  const { own, sent } = means(answer("done"));
  assert.deepEqual(await new Giver(sealed(of), own).give(), { kind: "done", password: "Password-1", message: "done" });
  assert.equal(sent[0]?.path, "/sealed");
  assert.doesNotMatch(sent[0]?.body ?? "", /Password-1/);
  const envelope = JSON.parse(sent[0]?.body ?? "") as Envelope;
  assert.equal(envelope.request, context.request);
  const opened = await open(envelope, encode(await sha256(of.sealing.point)), of.sealing.pair.privateKey);
  assert.equal(opened.new, "Password-1");
});

test("what is not the tenant's, or too old, gets nothing", async () => {
  const [of, other] = [await authority(), await authority()];
  const foreign = means();
  assert.deepEqual(await new Giver(sealed(of, { recipients: [other.chain] }), foreign.own).give(), { kind: "untrusted" });
  const late = means();
  const giver = new Giver(sealed(of), late.own);
  late.pass(300_000);
  assert.deepEqual(await giver.give(), { kind: "untrusted" });
  const bare = means();
  assert.deepEqual(await new Giver(sealed(of, { context: undefined }), bare.own).give(), { kind: "untrusted" });
  assert.deepEqual([foreign.sent, late.sent, bare.sent], [[], [], []]);
});

test("a rule that refuses it leads to another one, by what the refusal hands out", async () => {
  const { own, sent } = means(answer("refused", { request: "r2" }), answer("done"));
  const giver = new Giver(kept, own);
  assert.deepEqual(await giver.give(), { kind: "refused", message: "refused", again: true });
  assert.equal((await giver.give()).kind, "done");
  assert.deepEqual(sent.map(({ body }) => JSON.parse(body)), [{ request: "r1", new: "Password-1" }, { request: "r2", new: "Password-2" }]);
  const of = await authority();
  const again = means(answer("refused", { context: { ...context, request: "11111111-3bb1-4b6e-9a55-6d1d2f0a7c22" } }), answer("failed"));
  const another = new Giver(sealed(of), again.own);
  assert.deepEqual(await another.give(), { kind: "refused", message: "refused", again: true });
  assert.deepEqual(await another.give(), { kind: "refused", message: "failed", again: false });
  assert.equal(JSON.parse(again.sent[1]?.body ?? "").request, "11111111-3bb1-4b6e-9a55-6d1d2f0a7c22");
});

test("where nobody knows what came of it, it is shown and not sent again", async () => {
  for (const end of [new Error("gone"), new Response("bad gateway", { status: 502 }), new Response("half an answ")]) {
    const { own, sent } = means(end);
    assert.deepEqual(await new Giver(kept, own).give(), { kind: "unknown", password: "Password-1", message: undefined });
    assert.equal(sent.length, 1);
  }
  const told = means(answer("unknown"));
  assert.deepEqual(await new Giver(kept, told.own).give(), { kind: "unknown", password: "Password-1", message: "unknown" });
});

test("what the server took nothing of is a problem, and no password is shown", async () => {
  const refused = Response.json({ type: "urn:ritorno:problem:fresh-proof", proof: "/console/second" }, { status: 403 });
  const problem = await new Giver(kept, means(refused).own).give().catch((error: unknown) => error);
  assert.ok(problem instanceof Problem && problem.asksForProof);
});
