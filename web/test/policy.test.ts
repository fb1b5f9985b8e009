import assert from "node:assert/strict";
import { test } from "node:test";
import vectors from "../../crates/protocol/vectors/policy.json" with { type: "json" };
import { broken, judgeable, type EffectivePolicy } from "../src/policy.ts";

test("the cases that this evaluator shares with the agent's", () => {
  assert.ok(vectors.length >= 20, "the vectors are the contract with the agent; they don't shrink");
  for (const { name, policy, now, password, broken: expected } of vectors) {
    const first = broken(policy as EffectivePolicy, password, now)[0] ?? null;
    assert.deepEqual(first, expected, name);
  }
});

test("all broken rules are told at once", () => {
  const policy = vectors.find((entry) => entry.policy.forbid_names)?.policy as EffectivePolicy;
  const names = broken({ ...policy, minimum_length: 12 }, "rossi", 0).map((rule) => rule.rule);
  assert.deepEqual(names, ["minimum_length", "complexity", "contains_name"]);
});

test("history, and a policy that can't be read, are for the directory to judge", () => {
  const policy = vectors[0]?.policy as EffectivePolicy;
  assert.equal(judgeable(policy, "complexity"), true);
  assert.equal(judgeable(policy, "history"), false);
  assert.equal(judgeable({ ...policy, breached: true }, "breached_password"), false);
  const unreadable: EffectivePolicy = { ...policy, source: { kind: "unreadable_pso", name: "x" } };
  assert.equal(judgeable(unreadable, "complexity"), false);
  assert.equal(judgeable(unreadable, "maximum_length"), true);
});
