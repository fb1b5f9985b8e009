// How the console asks the API: addresses, headers, what is asked again and what is not, and what a refusal becomes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, type Means } from "../src/console/api.ts";
import { Problem } from "../src/console/problem.ts";

interface Asked {
  readonly path: string;
  readonly init: RequestInit & { headers: Record<string, string> };
}

/** Answers one after another, the last one for all that follow; a string is a fault of the network. */
function means(...answers: (Response | string)[]): { means: Means; asked: Asked[]; waited: number[] } {
  const asked: Asked[] = [];
  const waited: number[] = [];
  let keys = 0;
  return {
    asked,
    waited,
    means: {
      fetch: (path, init) => {
        const answer = answers[Math.min(asked.length, answers.length - 1)]!;
        asked.push({ path, init: init as Asked["init"] });
        return typeof answer === "string" ? Promise.reject(new TypeError(answer)) : Promise.resolve(answer.clone());
      },
      wait: async (ms) => void waited.push(ms),
      key: () => `key-${(keys += 1)}`,
    },
  };
}

const json = (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(value), { status, headers: { "Content-Type": "application/json", ...headers } });

const problem = (kind: string, status: number, more: object = {}, headers: Record<string, string> = {}) =>
  json({ type: `urn:ritorno:problem:${kind}`, title: "No", status, detail: "Because.", ...more }, status, headers);

async function refused(asking: Promise<unknown>): Promise<Problem> {
  const error = await asking.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof Problem, String(error));
  return error;
}

test("an address is made of its parts, and none of them leads elsewhere", async () => {
  const { means: by, asked } = means(json({ items: [] }));
  await call("GET /agents/{agent}/removals", { path: { agent: "../people?x" }, query: { limit: 5, cursor: undefined } }, by);
  assert.equal(asked[0]?.path, "/api/v1/agents/..%2Fpeople%3Fx/removals?limit=5");
  assert.equal(asked[0]?.init.method, "GET");
  assert.equal(asked[0]?.init.credentials, "same-origin");
});

test("a tag is read, and said when something is changed", async () => {
  const { means: by, asked } = means(json({ name: "sspr", on: true }, 200, { ETag: '"abc"' }));
  const { value, tag } = await call("GET /switches/{switch}", { path: { switch: "sspr" } }, by);
  assert.deepEqual([value.on, tag], [true, '"abc"']);
  await call("PUT /switches/{switch}", { path: { switch: "sspr" }, body: { on: false }, tag }, by);
  assert.equal(asked[1]?.init.headers["If-Match"], '"abc"');
  assert.equal(asked[1]?.init.body, '{"on":false}');
  assert.equal(asked[1]?.init.headers["Idempotency-Key"], undefined);
});

test("a request that the network lost is asked again under the same key", async () => {
  const { means: by, asked, waited } = means("reset", "reset", json({ token: "t", expires_at: "2026-11-28T00:00:00Z" }, 201));
  await call("POST /enrolment-tokens", {}, by);
  assert.deepEqual(
    asked.map(({ init }) => init.headers["Idempotency-Key"]),
    ["key-1", "key-1", "key-1"],
  );
  assert.equal(waited.length, 2);
});

test("what changes something without a key is not asked twice", async () => {
  const { means: by, asked } = means("reset");
  const told = await refused(call("DELETE /agents/{agent}", { path: { agent: "a" } }, by));
  assert.equal(asked.length, 1);
  assert.deepEqual([told.kind, told.status, told.told], ["network", 0, "app-problem-network"]);
});

test("a server that names a time is asked again then, and one that names a long one is not", async () => {
  const busy = problem("too-many", 429, {}, { "Retry-After": "3" });
  const first = means(busy, json([]));
  await call("GET /agents", {}, first.means);
  assert.deepEqual(first.waited, [3000]);
  const long = means(problem("too-many", 429, {}, { "Retry-After": "3600" }));
  assert.equal((await refused(call("GET /agents", {}, long.means))).told, "app-problem-busy");
  assert.equal(long.asked.length, 1);
  const ever = means(busy);
  await refused(call("GET /agents", {}, ever.means));
  assert.equal(ever.asked.length, 4);
});

test("a refusal has both faces, and says where the proof is shown", async () => {
  const { means: by } = means(problem("fresh-proof", 403, { proof: "/console/second" }));
  const told = await refused(call("DELETE /agents/{agent}", { path: { agent: "a" } }, by));
  assert.ok(told.asksForProof);
  assert.deepEqual([told.proof, told.detail, told.told], ["/console/second", "Because.", "app-problem-proof"]);
  const out = means(problem("sign-in", 401, { sign_in: "/console/sign-in" }));
  assert.equal((await refused(call("GET /agents", {}, out.means))).proof, "/console/sign-in");
});

test("an answer that is no problem document is one all the same", async () => {
  const { means: by } = means(new Response("<html>", { status: 502 }));
  const told = await refused(call("GET /agents", {}, by));
  assert.deepEqual([told.kind, told.status, told.told], ["unknown", 502, "app-problem-server"]);
});
