import assert from "node:assert/strict";
import { test } from "node:test";
import { supportCode } from "../src/console/support-code.ts";

test("a support code is known as it is written, typed or heard", () => {
  for (const typed of ["7K2QM-9XW4D", "7k2qm9xw4d", " 7k2qm 9xw4d ", "7K2QM–9XW4D"]) assert.equal(supportCode(typed), "7K2QM-9XW4D", typed);
  assert.equal(supportCode("oiLoo-abcde"), "01100-ABCDE");
});

test("what people search for otherwise is none", () => {
  // `U` is no letter of a code.
  for (const typed of ["", "rossi", "anna.rossi@contoso.test", "CONTOSO\\anna", "7K2QM-9XW4", "7K2QM-9XW4DD", "ursularossi", "UUUUU-AAAAA", "7-K2QM9XW4D"]) {
    assert.equal(supportCode(typed), undefined, typed);
  }
});
