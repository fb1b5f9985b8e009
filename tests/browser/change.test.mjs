// Changing a password that is known, in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   people: `change` changes it, `must` and `must-en` have to, `expired` and `expired-en` too since theirs has expired; each {upn, current, password}:
//     `current` is their password at the directory, `password` the one they choose
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { walks } from "./walks.mjs";
import { READY, WORKS, prove } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "methods");

/** Types the current password and a new one, and sends both. */
async function changeTo(walk) {
  const { page, person, hands } = walk;
  await page.waitForSelector("#new-password");
  await page.waitForSelector(READY);
  await hands.fill("#current-password", person.current);
  await walk.type(person.password);
  await walk.submit();
  assert.match(await page.innerText(".notice-ok"), WORKS[walk.language]);
}

walking("a known password is changed, from where password managers look", "change", "en", async (walk) => {
  const { page, person } = walk;
  const bodies = [];
  page.on("request", (request) => bodies.push(request.postData() ?? ""));
  await page.goto(`${job.url}/.well-known/change-password`);
  await look(walk, "change-front");
  await prove(walk);
  await page.waitForSelector("#new-password");
  await look(walk, "change");
  // A wrong one is told, and costs nothing but another try.
  await page.waitForSelector(READY);
  await walk.hands.fill("#current-password", "Not-My-Passw0rd");
  await walk.type(person.password);
  await walk.submit();
  assert.match(await page.innerText('[role="alert"]'), /current password was not right/);
  await look(walk, "change-wrong");
  await walk.hands.press(".actions a.button");
  await changeTo(walk);
  await look(walk, "changed");
  const all = bodies.join("\n");
  assert.ok(!all.includes(person.current) && !all.includes(person.password), "a password left the page unsealed");
}, { keyboard: true });

for (const [person, language, place] of [
  ["must", "it", "/register"],
  ["must-en", "en", "/signin"],
]) {
  walking("whoever has to change it is led there, from wherever they come", person, language, async (walk) => {
    await walk.page.goto(`${job.url}${place}?lang=${language}`);
    await prove(walk);
    await walk.page.waitForSelector("#new-password");
    await look(walk, "must-change");
    await changeTo(walk);
  }, { viewport: { width: 360, height: 740 } });
}

for (const [person, language] of [
  ["expired", "it"],
  ["expired-en", "en"],
]) {
  walking("an expired password is changed", person, language, async (walk) => {
    await walk.page.goto(`${job.url}/change?lang=${language}`);
    await look(walk, "change-front");
    await prove(walk);
    await changeTo(walk);
  }, { keyboard: language === "it", viewport: { width: 360, height: 740 } });
}
