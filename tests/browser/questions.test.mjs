// Security questions, in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   people: `answers` registers four questions, one of them the tenant's own, and passes two gates, mail and then three of them
// The harness proves afterwards, at the directory, that their password is the one they choose.

import assert from "node:assert/strict";
import { mailAfter, newest } from "./mailbox.mjs";
import { walks } from "./walks.mjs";
import { answerAsked, answerNew, choose, toMethods } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "methods");

walking("security questions are chosen, answered, and asked at the second gate", "answers", "it", async (walk) => {
  const { page, person } = walk;
  const before = await newest(job.mail, person.address);
  await toMethods(walk);
  await look(walk, "list-questions");
  await page.click("#to-questions");
  await page.waitForSelector("#question-4");
  assert.equal(await page.locator("#question-5").count(), 0);
  await look(walk, "questions");
  const chosen = (third) => [[1, "Scuola Manzoni"], [2, "Bianchi"], [3, third], [21, "Una quercia"]];
  await answerNew(walk, chosen("scuola  manzoni"));
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "questions-same");
  // What was chosen stays, what was answered does not.
  assert.notEqual(await page.inputValue("#question-4"), "");
  assert.equal(await page.inputValue("#answer-4"), "");
  const answers = await answerNew(walk, chosen("Caffè"));
  assert.ok(answers.has("Quale albero c'è nel cortile?"), [...answers.keys()].join(", "));
  await page.waitForSelector(".notice-ok");
  await look(walk, "questions-registered");
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /domande di sicurezza/, "no notice came");

  await walk.front();
  await walk.name();
  // Nothing of them is seen before a gate is passed.
  assert.equal(await page.locator('a[href="/reset/questions"]').count(), 0);
  await walk.give(await walk.code());
  await page.waitForURL("**/reset/gate");
  await page.click('a[href="/reset/questions"]');
  await page.waitForSelector("#answer-3");
  await look(walk, "questions-gate");
  assert.equal(await answerAsked(walk, () => "qualcos'altro"), 3);
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "questions-gate-wrong");
  await answerAsked(walk, (question) => `  ${answers.get(question).toUpperCase()} `);
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });
