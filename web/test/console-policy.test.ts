// The forms of the self-service policy and of the look, without a browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { MethodView, SsprPolicy } from "../src/console/generated/api.ts";
import { contrast, isColour, nearestDark, TEXT, worst } from "../src/console/contrast.ts";
import { days, firsts, gateFields, gates, groupLines, groupsOf, ticked } from "../src/console/policy-form.ts";

test("gates come out of the form as they went in, with what the pages begin with first", () => {
  const of = { gates: 2, methods: ["app", "mail", "passkey"], to_register: 2, must_differ: true } as const;
  assert.deepEqual(gates(gateFields(of)), of);
  assert.deepEqual(gates({ ...gateFields(of), first: "passkey", sameTwice: "on" }), { ...of, methods: ["passkey", "app", "mail"], must_differ: false });
  // What was the first one and is not ticked any more begins nothing.
  assert.deepEqual(gates({ ...gateFields(of), methods: ticked("app mail", "app", false) }).methods, ["mail"]);
  assert.equal(ticked("mail", "sms", true), "mail sms");
  assert.equal(ticked("mail sms", "sms", true), "mail sms");
});

test("the pages begin with what is ticked and opens the first gate", () => {
  const known = (["mail", "questions", "app"] as const).map((name) => ({ name, opens_first: name !== "questions" }) as MethodView);
  assert.deepEqual(firsts("questions mail", known), ["mail"]);
});

test("groups that are named already stay the very same, also where they are gone", () => {
  const before: SsprPolicy["only_groups"] = [{ id: "g1", name: "Staff" }, { id: "g2", name: null }];
  assert.equal(groupLines(before), "Staff\ng2");
  assert.deepEqual(groupsOf("g2\n Board \nStaff\n", before), [{ id: "g2", name: null }, { id: null, name: "Board" }, { id: "g1", name: "Staff" }]);
  assert.equal(groupsOf(" \n", before), null);
});

test("days are numbers, however they are divided", () => {
  assert.deepEqual(days("14 7, 1"), [14, 7, 1]);
  assert.deepEqual(days(" "), []);
  for (const wrong of ["14 x", "-1", "1.5"]) assert.equal(days(wrong), undefined, wrong);
});

test("a colour is judged as the server judges it", async () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.ok(contrast("#767676", "#ffffff") >= TEXT && contrast("#777777", "#ffffff") < TEXT);
  assert.deepEqual(["#ffcc00", "#767676", "#6f6f6f"].map((colour) => worst("light", colour)), [1.34, 4.03, 4.46]);
  assert.ok(worst("dark", "#0b5d4e") < TEXT && worst("dark", nearestDark("#0b5d4e")) >= TEXT);
  assert.equal(nearestDark("#ffffff"), "#ffffff");
  for (const wrong of ["", "red", "#fff", "#12345g", "#1234567", "0b5d4e"]) assert.equal(isColour(wrong), false, wrong);
  // What links stand on is the style sheet's.
  const source = await readFile("src/console/contrast.ts", "utf8");
  const sheet = await readFile("styles/portal.css", "utf8");
  for (const [scheme, part] of [["light", sheet.slice(0, sheet.indexOf("@media"))], ["dark", sheet.slice(sheet.indexOf("@media"))]] as const) {
    const grounds = ["paper", "ground", "note-ground", "error-ground"].map((name) => new RegExp(`--${name}: (#\\w{6})`).exec(part)?.[1]);
    assert.ok(source.includes(`${scheme}: [${grounds.map((ground) => `"${ground}"`).join(", ")}]`), `${scheme} ${grounds}`);
  }
});
