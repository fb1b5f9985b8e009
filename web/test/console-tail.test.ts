// The audit as it comes, and the names of what can have been done.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { address } from "../src/console/audit-filter.ts";
import { ACTIVITIES } from "../src/console/activities.ts";
import type { FactView } from "../src/console/generated/api.ts";
import { after, MOST, OFF, type Event, type Tail } from "../src/console/tail.ts";

const fact = (id: string): Event => ({ kind: "fact", fact: { id } as FactView });
const all = (...events: Event[]): Tail => events.reduce(after, OFF);
const ids = (facts: readonly FactView[]) => facts.map(({ id }) => id).join(" ");

test("facts are shown latest first, each once, and only so many", () => {
  const tail = all({ kind: "start" }, { kind: "open" }, fact("1"), fact("2"), { kind: "wait" }, { kind: "open" }, fact("2"), fact("3"));
  assert.equal(ids(tail.facts), "3 2 1");
  assert.equal(tail.link, "live");
  const many = all(...Array.from({ length: MOST + 5 }, (_, at) => fact(String(at))));
  assert.equal(many.facts.length, MOST);
  assert.equal(many.facts[0]?.id, String(MOST + 4));
});

test("what comes while it is held back is shown afterwards, in its order", () => {
  const paused = all({ kind: "start" }, fact("1"), { kind: "pause" }, fact("2"), fact("1"), fact("3"));
  assert.deepEqual([ids(paused.facts), ids(paused.held)], ["1", "3 2"]);
  for (const kind of ["go-on", "stop"] as const) {
    const on = after(paused, { kind });
    assert.deepEqual([ids(on.facts), ids(on.held), on.paused], ["3 2 1", "", false], kind);
  }
});

test("another beginning forgets what was shown, and what was cut off is told", () => {
  assert.deepEqual(all(fact("1"), { kind: "cut" }, { kind: "lost" }, { kind: "start" }), { ...OFF, link: "connecting" });
  assert.equal(all({ kind: "cut" }, fact("1")).cut, true);
});

test("the file and the tail ask for what the list shows", () => {
  const filter = { person: "anna rossi", activity: "", success: "failure", since: "2026-11-01", until: "" };
  assert.equal(address("tail", filter), "/api/v1/audit/tail?person=anna+rossi&success=failure&since=2026-11-01");
  assert.equal(address("export", { person: "", activity: "", success: "", since: "", until: "" }, { format: "csv" }), "/api/v1/audit/export?format=csv");
  assert.equal(address("tail", { person: "", activity: "", success: "", since: "", until: "" }), "/api/v1/audit/tail");
});

test("every activity of the server can be chosen", async () => {
  const source = await readFile("../crates/identity/src/audit.rs", "utf8");
  const list = source.slice(source.indexOf("activities! {"));
  const names = [...list.slice(0, list.indexOf("\n}")).matchAll(/^ +[A-Z]\w+ = "([^"]+)";$/gm)].map(([, name]) => name);
  assert.ok(names.length > 40);
  assert.deepEqual(ACTIVITIES, names);
});
