// The help desk, in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   administrator: who helps, {administrator, password}
//   people: `caller` gets a temporary pass and resets with it, {upn, address, password}; `given` and `handed` are given a generated password,
//     which is written to their `file`
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mailAfter } from "./mailbox.mjs";
import { walks } from "./walks.mjs";
import { choose, cleared, named } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "methods");

walking("the help desk makes a temporary pass for a caller who reads out a code", "caller", "en", async (walk) => {
  const { page, person } = walk;
  const mail = await cleared(walk, look);
  await page.click('form[action="/console/people/pass"] button');
  await page.waitForSelector("#pass");
  await look(walk, "desk-pass");
  const pass = await page.innerText("#pass");
  assert.ok(await mailAfter(job.mail, person.address, mail.number), "the person is not told");

  await named(walk);
  await page.click('.ways a[href="/reset/pass"]');
  await look(walk, "pass-gate");
  await page.fill("#code", "BCDF-BCDF");
  await page.click('form[action="/reset/pass"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await page.fill("#code", pass);
  await page.click('form[action="/reset/pass"] button');
  await choose(walk);
});

/** Gives them a password, which is read aloud. */
async function given(walk) {
  const { page, person, hands } = walk;
  const mail = await cleared(walk, look);
  const bodies = [];
  page.on("request", (request) => bodies.push(request.postData() ?? ""));
  await hands.press("#give-password");
  await page.waitForSelector("#give:not([disabled])");
  await look(walk, "give");
  await hands.press("#give");
  await page.waitForSelector("#given:not([hidden])");
  assert.equal(await page.locator("#password-error:not([hidden])").count(), 0, await page.innerText("main"));
  await look(walk, "given");
  const password = await page.innerText("#given-password");
  assert.match(password, /^[A-Z][a-z]{4}(-[a-z]{5})+-[0-9]{5}$/);
  assert.equal(await page.locator("#given-spelled li").count(), password.split("-").length);
  assert.ok(!bodies.join("\n").includes(password), "a password left the page unsealed");
  const told = await mailAfter(job.mail, person.address, mail.number);
  assert.match(told?.text ?? "", /password/, "the person is not told");
  writeFileSync(person.file, password, { mode: 0o600 });
}

walking("a caller is given a password, which is spelled", "given", "it", async (walk) => {
  await given(walk);
  assert.match(await walk.page.innerText("#progress"), /cambiata/);
  assert.match(await walk.page.innerText("#given-spelled"), /^maiuscola [A-Z]/);
}, { viewport: { width: 360, height: 740 } });

walking("a password is given, in English", "handed", "en", async (walk) => {
  await given(walk);
  assert.match(await walk.page.innerText("#progress"), /has to be changed at the next sign-in/);
}, { keyboard: true });
