// The console's catalogues: what is checked when they are built, and how a message is said.

import assert from "node:assert/strict";
import { before, test } from "node:test";
// @ts-expect-error: a script of the build, without types
import { catalogues, differences, messages, said } from "../generate-words.mjs";
import { known, moment, number, speak, spoken, t } from "../src/console/words.ts";

before(() => speak("it"));

test("a message is said in the page's language, with what goes into it", async () => {
  assert.equal(t("app-menu"), "Menu");
  assert.equal(t("app-shown", { number: 3 }), "3 in elenco");
  assert.match(moment("2026-11-28T01:02:03Z"), /nov 2026/);
  assert.equal(number(12345.6, 1), "12.345,6");
  assert.equal(known("doctor-check-no-such"), undefined);
  await speak("xx");
  assert.equal(spoken(), "en");
  assert.equal(t("app-shown", { number: 3 }), "3 shown");
  await speak("it");
});

test("a key that the catalogue has not does not compile", () => {
  // @ts-expect-error: `npm run check` is what this is about
  assert.equal(t("app-no-such-key"), "app-no-such-key");
  // @ts-expect-error: nor one without what goes into it
  assert.match(t("app-shown"), /number|in elenco/);
});

test("what a language lacks ends the build", () => {
  const english = messages("one = One\ntwo = { $n }\n    and more\n");
  assert.deepEqual(english.get("two").lines, ["two = { $n }", "    and more"]);
  assert.deepEqual(differences("it", messages("two = { $n }\n"), english), ["locales/it lacks the message 'one'"]);
  assert.deepEqual(differences("it", messages("one = Uno\ntwo = Due\n"), english), [
    "the message 'two' has other parts in locales/it than in locales/en",
  ]);
  assert.throws(() => messages("one = One\none = One\n"), /there twice/);
  const languages = (italian: string) =>
    new Map([
      ["en", new Map([["console-app.ftl", "app-one = One\n"]])],
      ["it", new Map([["console-app.ftl", italian]])],
    ]);
  assert.throws(() => catalogues(languages(""), ['t("app-one")']), /locales\/it lacks the message 'app-one'/);
  assert.throws(() => catalogues(languages("app-one = Uno\n"), []), /nobody says the message 'app-one'/);
});

test("only what is said is shipped", () => {
  const isSaid = said(['t("one")', "t(`state-${agent.state}`)"]);
  assert.deepEqual(["one", "state-away", "two"].map(isSaid), [true, true, false]);
  const languages = new Map([["en", new Map([["console.ftl", "one = One\ntwo = Two\n"]])]]);
  const files = new Map<string, string>(catalogues(languages, ['t("one")']));
  assert.ok(files.get("words-en.ts")?.includes("one = One"));
  assert.ok(!files.get("words-en.ts")?.includes("Two"));
  assert.ok(files.get("words.ts")?.includes('"two"'));
});
