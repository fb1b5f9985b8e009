import assert from "node:assert/strict";
import { test } from "node:test";
import vectors from "../../crates/protocol/vectors/policy.json" with { type: "json" };
import { below, generate, generateSpoken } from "../src/generate.ts";
import { broken, MAXIMUM_LENGTH, type EffectivePolicy } from "../src/policy.ts";
import { spelled } from "../src/spell.ts";
import { strength } from "../src/strength.ts";

const policies = vectors.map((entry) => entry.policy as EffectivePolicy);

test("it keeps every policy that the page and the agent share", () => {
  for (const policy of policies) {
    for (const minimum_length of [0, 7, 23, 24, 40, 255]) {
      const wanted = { ...policy, minimum_length };
      const made = generate(wanted);
      assert.deepEqual(broken(wanted, made, Number.POSITIVE_INFINITY), [], made);
      assert.ok(made.length >= 23 && made.length <= MAXIMUM_LENGTH);
    }
  }
});

test("what is read aloud keeps them too, and changes between capital and small letters once", () => {
  for (const policy of policies) {
    for (const minimum_length of [0, 23, 24, 255]) {
      const wanted = { ...policy, minimum_length };
      const made = generateSpoken(wanted);
      assert.deepEqual(broken(wanted, made, Number.POSITIVE_INFINITY), [], made);
      if (minimum_length < 255) assert.match(made, /^[A-Z][a-z]{4}(-[a-z]{5})+-[0-9]{5}$/);
    }
  }
  const made = Array.from({ length: 300 }, () => generateSpoken(policies[0] as EffectivePolicy));
  assert.equal(new Set(made).size, made.length);
  for (const one of made.slice(0, 20)) assert.equal(strength(one, []), 4, one);
});

test("each sign has its word, and a capital letter is announced", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"].map((letter) => letter.repeat(3));
  const digits = [..."0123456789"].map((digit) => `<${digit}>`);
  assert.deepEqual(spelled("Kmz-a7-9#", { letters, digits, capital: "capital" }), [
    "capital kkk, mmm, zzz",
    "aaa, <7>",
    "<9>, #",
  ]);
});

test("what a name forbids is thrown again", () => {
  const policy = { ...(policies[0] as EffectivePolicy), forbid_names: true, account_name: "aaa", display_name: "" };
  let thrown = 0;
  const first = "aaaaaaaaaaaaaaaaaaaa".length;
  const made = generate(policy, (n) => (thrown++ < first ? 0 : below(n)));
  assert.ok(thrown > first && !made.toLowerCase().includes("aaa"), made);
});

test("no two are the same, every character is likely, and none is easy to guess", () => {
  const policy = policies[0] as EffectivePolicy;
  const made = Array.from({ length: 300 }, () => generate(policy));
  assert.equal(new Set(made).size, made.length);
  const characters = new Set(made.join(""));
  assert.equal(characters.size, 23 + 24 + 8 + 1);
  for (const one of made.slice(0, 20)) assert.equal(strength(one, []), 4, one);
});

test("below is fair at its edge", () => {
  const counts = new Array<number>(200).fill(0);
  for (let thrown = 0; thrown < 40_000; thrown += 1) {
    const number = below(200);
    counts[number] = (counts[number] ?? 0) + 1;
  }
  assert.ok(counts.every((count) => count > 100 && count < 320), String(counts));
});

test("what is known of the person makes it easy", () => {
  assert.ok(strength("rossi2026", ["Anna", "Rossi"]) < strength("rossi2026", []));
  assert.equal(strength("password", []), 0);
  // A long one is looked at in part, and the page does not stand still.
  const started = performance.now();
  strength("aB3$".repeat(64), []);
  assert.ok(performance.now() - started < 1_000);
});
