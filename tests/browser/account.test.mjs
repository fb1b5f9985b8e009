// Signing in to one's own page in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   phase: `open`, or `must` once the tenant leads whoever lacks something to what they lack
//   people: `owner` and `keyboard`, who come from the directory, each {upn, current, name}; `cloud`, who is the tenant's own and has no
//     password yet: {upn, address, name, first}
// The harness proves afterwards, at the directory, that nobody's password there has changed.

import assert from "node:assert/strict";
import { mailAfter } from "./mailbox.mjs";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking: walkingNow, look } = walks(job, "account");

/** One test of a phase. */
function walking(phase, ...test) {
  if (job.phase === phase) walkingNow(...test);
}

/** From the first page to the one that asks for the password. */
async function toPassword(walk) {
  await walk.front();
  await walk.page.click('a[href="/signin"]');
  await walk.page.fill("#name", walk.person.upn);
  await walk.page.click('form button[type="submit"]');
  await walk.page.waitForSelector("#submit-password:not([disabled])");
}

/** Signs in; ends on the page that follows. */
async function signIn(walk, password = walk.person.current, place = "**/account") {
  await toPassword(walk);
  await walk.page.fill("#current-password", password);
  await walk.page.click("#submit-password");
  await walk.page.waitForURL(place, { waitUntil: "domcontentloaded" });
}

const WORDS = {
  en: { account: /Your account/, must: /Before you can go on/, out: /Sign in/, wrong: /did not confirm/ },
  it: { account: /Il tuo account/, must: /Prima di andare avanti/, out: /Accedi/, wrong: /non ha confermato/ },
};

for (const [person, language, options] of [
  ["owner", "en", {}],
  ["keyboard", "it", { viewport: { width: 360, height: 740 } }],
]) {
  walking("open", "whoever comes from the directory signs in by it", person, language, async (walk) => {
    const { page } = walk;
    await walk.front();
    await page.click('a[href="/signin"]');
    await look(walk, "signin");
    await toPassword(walk);
    await page.fill("#current-password", "Not-My-Passw0rd");
    await page.click("#submit-password");
    await page.waitForSelector("#password-error:not([hidden])");
    assert.match(await page.innerText("#password-error"), WORDS[language].wrong);
    await page.fill("#current-password", walk.person.current);
    await page.click("#submit-password");
    await page.waitForURL("**/account", { waitUntil: "domcontentloaded" });
    assert.match(await page.innerText("h1"), WORDS[language].account);
    assert.equal(await page.innerText("#account-name"), walk.person.name);
    await look(walk, "account");
    // To what is registered and to another password without a further proof, and back.
    await page.click("#to-methods");
    await page.waitForSelector("#to-address");
    await look(walk, "methods");
    await page.click("#to-account");
    await page.click("#change-password");
    await page.waitForSelector("#current-password");
    await page.goto(`${job.url}/account`);
    await page.click("#sign-out");
    await page.waitForURL("**/signin", { waitUntil: "domcontentloaded" });
    assert.match(await page.innerText("h1"), WORDS[language].out);
    await page.goto(`${job.url}/account`);
    assert.equal(new URL(page.url()).pathname, "/signin");
  }, options);

  walking("must", "whoever lacks something registers it first", person, language, async (walk) => {
    const { page } = walk;
    await signIn(walk, walk.person.current, "**/register/methods");
    assert.match(await page.innerText("#required"), WORDS[language].must);
    assert.equal(await page.locator("#to-account").count(), 0);
    await look(walk, "required");
    await page.goto(`${job.url}/account`);
    assert.equal(new URL(page.url()).pathname, "/register/methods");
    await page.click("#to-recovery-codes");
    await page.click('form[action="/register/recovery-codes"] button');
    await page.waitForSelector("#recovery-codes");
    await page.goto(`${job.url}/account`);
    assert.match(await page.innerText("h1"), WORDS[language].account);
    await look(walk, "registered");
  }, options);
}

for (const [language, password] of [
  ["en", "first"],
  ["it", "second"],
]) {
  // The tenant itself is their directory, so that nothing is sealed: these pages are plain forms.
  walking("open", "whoever is the tenant's own resets a password and signs in", "cloud", language, async (walk) => {
    const { page, person } = walk;
    await walk.front();
    await walk.name();
    await walk.give(await walk.code());
    await page.waitForSelector("#cloud-password-form");
    const rejected = async (typed, again) => {
      await walk.type(typed, again);
      await page.click("#submit-password");
      await page.waitForSelector("#fault");
    };
    await rejected(person[password], "something else");
    await rejected("carla carla", "carla carla");
    await look(walk, "cloud-password");
    await walk.type(person[password]);
    await walk.submit();
    await page.waitForSelector(".notice-ok");
    await look(walk, "cloud-done");
    assert.ok(await mailAfter(job.mail, person.address, walk.after), "no notice came");
    await page.click("#to-signin");
    await page.fill("#name", person.upn);
    await page.click('form button[type="submit"]');
    await page.waitForSelector("#cloud-verify-form");
    await page.fill("#current-password", "not hers at all");
    await page.click("#submit-password");
    await page.waitForSelector("#fault");
    await look(walk, "cloud-signin");
    await page.fill("#current-password", person[password]);
    await page.click("#submit-password");
    await page.waitForURL("**/account", { waitUntil: "domcontentloaded" });
    assert.equal(await page.innerText("#account-name"), person.name);
    await page.click("#change-password");
    await page.waitForSelector("#cloud-password-form #current-password");
    await look(walk, "cloud-change");
  });
}
