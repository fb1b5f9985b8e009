// The back button, the reload button and two tabs, at each step of a reset: nobody is left at a dead end, nothing is applied twice, and
// whoever is elsewhere than they think is told. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   people: for each test and language one, `back-en` and so on, each {upn, address, password}
// The harness proves afterwards, at the directory, that `password` is the person's password.

import assert from "node:assert/strict";
import { READY, WORKS, choose } from "./ways.mjs";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "tabs");

const WORDS = {
  en: { latest: /latest mail/, other: /first counts/, begun: /Another reset was begun/, earlier: /earlier reset/ },
  it: { latest: /più recente/, other: /mandata per prima/, begun: /un'altra richiesta/, earlier: /richiesta precedente/ },
};

/** Where the browser is, without what the address asks. */
const at = (walk) => new URL(walk.page.url()).pathname;

/** Gives a code that is wrong whatever the right one is. */
async function giveWrong(walk, right) {
  await walk.give(right === "00000000" ? "00000001" : "00000000");
  await walk.page.waitForSelector('[role="alert"] #fault');
}

for (const language of ["en", "it"]) {
  walking("back and reload at each step", `back-${language}`, language, async (walk) => {
    const { page } = walk;
    await walk.front();
    await page.fill("#name", "not a name");
    await page.click('form button[type="submit"]');
    await page.waitForSelector('[role="alert"] #fault');
    // The page that answered is the first page again, and nothing is sent by that.
    await page.reload();
    assert.deepEqual([at(walk), await page.locator("#fault").count()], ["/", 0]);
    await walk.name();
    await page.goBack();
    assert.equal(await page.locator("#name").count(), 1);
    await page.goForward();
    assert.equal(at(walk), "/reset/code");
    const right = await walk.code();
    await giveWrong(walk, right);
    await page.reload();
    assert.equal(at(walk), "/reset/code");
    assert.equal(await page.locator("#fault").count(), 0);
    await giveWrong(walk, right);
    await walk.give(right);
    await page.waitForSelector(READY);
    // What was answered with 'wrong' lies behind: the reset goes on where it stands.
    for (let steps = 0; steps < 3; steps += 1) {
      await page.goBack();
      await page.waitForSelector(READY);
      assert.equal(at(walk), "/reset/password");
    }
    await page.reload();
    await choose(walk);
    for (const again of [() => page.goBack(), () => page.reload()]) {
      await again();
      await page.waitForSelector(".notice-ok");
      assert.equal(at(walk), "/reset/outcome");
    }
    assert.equal(walk.sent, 1);
  });

  walking("two tabs of one reset", `tabs-${language}`, language, async (walk) => {
    await walk.front();
    await walk.name();
    const second = await walk.tab();
    await second.page.goto(`${job.url}/reset/code`);
    const right = await walk.code();
    await walk.give(right);
    await walk.page.waitForSelector(READY);
    // The code is used up: whoever types it once more is let on, and not told that it is wrong.
    await second.give(right);
    await second.page.waitForSelector(READY);
    await choose(second);
    // This tab still has its page. What it sends is sealed well, and is not taken.
    await walk.type("Di-Troppo-Passw0rd-9");
    await walk.submit(() => walk.page.click("#submit-password"));
    assert.match(await walk.page.innerText("#other-tab"), WORDS[language].other);
    assert.match(await walk.page.innerText(".notice-ok"), WORKS[language]);
    await look(walk, "other-done");
    assert.deepEqual([walk.sent, second.sent], [1, 1]);
    for (const tab of [walk, second]) {
      await tab.page.goto(`${job.url}/reset/password`);
      assert.equal(at(tab), "/reset/outcome");
    }
  });

  walking("a second reset is begun in another tab", `again-${language}`, language, async (walk) => {
    const { page } = walk;
    const words = WORDS[language];
    await walk.front();
    await walk.name();
    const former = await walk.code();
    const second = await walk.tab();
    await second.front();
    await second.name();
    const latest = await second.code();
    // The code of the first mail belongs to a reset that this browser has left.
    if (former !== latest) {
      await walk.give(former);
      await page.waitForSelector('[role="alert"] #fault');
      assert.match(await page.innerText("#fault"), words.latest);
    }
    await walk.give(latest);
    await page.waitForSelector(READY);

    // Once more: this tab can choose a password, the other one begins anew.
    await second.front();
    await second.name();
    const third = await second.code();
    await walk.type("Di-Troppo-Passw0rd-9");
    await page.click("#submit-password");
    await page.waitForSelector("#other-tab");
    assert.equal(at(walk), "/reset/code");
    assert.match(await page.innerText("#other-tab"), words.begun);
    await look(walk, "other-begun");
    await walk.give(third);
    await page.waitForSelector(READY);

    await choose(walk);
  });

  // Somebody who has asked for fewer codes in this hour: three go to a browser that is not known yet.
  walking("two resets could both choose a password", `tabs-${language}`, language, async (walk) => {
    const { page } = walk;
    await walk.front();
    await walk.name();
    await walk.give(await walk.code());
    await page.waitForSelector(READY);
    // Only the latest reset's page is taken.
    const second = await walk.tab();
    await second.front();
    await second.name();
    await second.give(await second.code());
    await second.page.waitForSelector(READY);
    await walk.type("Di-Troppo-Passw0rd-9");
    await walk.submit();
    assert.match(await page.innerText('[role="alert"]'), WORDS[language].earlier);
    await look(walk, "other-earlier");
  });
}
