// Unlocking without a new password in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   phase: "off" as long as the tenant has it off, then "on"
//   people: `en` and `it`, each {upn, address}: wrong passwords have locked their accounts
// The harness proves afterwards, at the directory, that the accounts are unlocked and their passwords the ones they were.

import assert from "node:assert/strict";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "unlock");

const WORDS = {
  en: { locked: /Your account is locked/, unlocked: /sign in again with the password that you have/ },
  it: { locked: /Il tuo account è bloccato/, unlocked: /accedere di nuovo/ },
};

for (const [language, options] of [
  ["en", { viewport: { width: 360, height: 740 } }],
  ["it", { keyboard: true }],
]) {
  walking(`a locked account, where unlocking is ${job.phase}`, language, language, async (walk) => {
    const { page, hands } = walk;
    await walk.toPassword();
    if (job.phase === "off") {
      assert.equal(await page.locator("#unlock").count(), 0);
      return;
    }
    assert.match(await page.innerText("#unlock-title"), WORDS[language].locked);
    await look(walk, "offered");
    // By a mouse it is pressed twice, and asked for once.
    if (hands.keyboard) await hands.press("#unlock");
    else await page.dblclick("#unlock");
    await page.waitForURL("**/reset/outcome");
    assert.match(await page.innerText(".notice-ok"), WORDS[language].unlocked);
    await look(walk, "done");
    // Looked at once more it is the same, and there is nothing left to do.
    await page.reload();
    assert.match(await page.innerText(".notice-ok"), WORDS[language].unlocked);
    await page.goto(`${job.url}/reset/password`);
    assert.equal(new URL(page.url()).pathname, "/reset/outcome");
    assert.equal(walk.sent, 0);
  }, options);
}
