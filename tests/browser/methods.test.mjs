// The gates in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   phase: "register": `people.owner`, `people.keyboard` register an app and recovery codes, `people.passkey` a passkey; then
//       `people.owner` resets with the app, `people.keyboard` with a recovery code, `people.passkey` with the passkey
//     "two": the tenant demands two gates, mail and app; `people.both` passes both
//   people: each {upn, address, current, password}: `current` is their password at the directory, `password` the one they choose
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { App } from "./authenticator.mjs";
import { linkIn, mailAfter, newest } from "./mailbox.mjs";
import { sound } from "./walk.mjs";
import { walks } from "./walks.mjs";
import { choose, device, named, registerApp, toMethods } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking: walkingNow, look } = walks(job, "methods");

/** One test of a phase. */
function walking(phase, ...test) {
  if (job.phase === phase) walkingNow(...test);
}

walking("register", "an app is registered, and opens the gate when the password is forgotten", "owner", "en", async (walk) => {
  const { page, person } = walk;
  const before = await newest(job.mail, person.address);
  await toMethods(walk);
  await look(walk, "list");
  await page.click("#to-app");
  // The picture is there, and is one.
  const seen = page.locator(".picture img");
  await seen.evaluate((image) => image.complete || new Promise((loaded) => image.addEventListener("load", loaded)));
  assert.ok((await seen.evaluate((image) => image.naturalWidth)) > 100);
  await look(walk, "app");
  const app = new App(await page.innerText("#app-key"));
  await page.fill("#code", "00 00 00");
  await page.click('form[action="/register/app"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "app-wrong");
  await page.fill("#code", await app.code());
  await page.click('form[action="/register/app"] button');
  await page.waitForSelector(".notice-ok");
  await look(walk, "app-registered");
  // In the language that the directory has for them.
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /è stata registrata un'app/, "no notice came");
  // Its link leads to the person's own page.
  await page.goto(linkIn(told));
  await page.waitForSelector("#account-name");

  await named(walk);
  await look(walk, "code");
  await page.click('.ways a[href="/reset/app"]');
  await look(walk, "app-gate");
  await page.fill("#code", "000000");
  await page.click('form[action="/reset/app"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "app-gate-wrong");
  await page.fill("#code", await app.code());
  // Clicked twice, it is sent once: the second one would come with a token that the gate has replaced.
  await page.dblclick('form[action="/reset/app"] button');
  await choose(walk);
});

walking("register", "recovery codes, with nothing but a keyboard, on a phone", "keyboard", "it", async (walk) => {
  const { page, person } = walk;
  const to = async (selector) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`no way to ${selector} by the Tab key`);
  };
  const press = async (selector) => {
    await page.waitForSelector(selector);
    await to(selector);
    await page.keyboard.press("Enter");
  };
  const fill = async (id, text) => {
    await page.waitForSelector(`#${id}:not([disabled])`);
    await to(`#${id}`);
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  };
  await page.goto(`${job.url}/register?lang=it`);
  await fill("name", person.upn);
  await page.waitForSelector("#submit-password:not([disabled])");
  await fill("current-password", person.current);
  await page.waitForSelector("#to-recovery-codes");
  await look(walk, "list");
  await press("#to-recovery-codes");
  await page.waitForSelector('form[action="/register/recovery-codes"]');
  await look(walk, "recovery-codes");
  await press('form[action="/register/recovery-codes"] button');
  await page.waitForSelector("#recovery-codes");
  await look(walk, "recovery-codes-shown");
  const codes = await page.locator("#recovery-codes .code").allInnerTexts();
  assert.equal(codes.length, 10);
  await press('a[href="/register/methods"]');
  await page.waitForSelector("#to-app");
  await press("#to-app");
  await page.waitForSelector("#app-key");
  await look(walk, "app");

  await walk.front();
  await fill("name", person.upn);
  await press('.ways a[href="/reset/recovery-code"]');
  await page.waitForSelector('form[action="/reset/recovery-code"]');
  await look(walk, "recovery-gate");
  await fill("code", "0000-0000-0000-0000");
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "recovery-gate-wrong");
  await fill("code", codes[7].toLowerCase());
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });

walking("register", "a passkey is registered on a phone, and opens the gate", "passkey", "it", async (walk) => {
  const { page, person } = walk;
  const phone = await device(page);
  const before = await newest(job.mail, person.address);
  await toMethods(walk);
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await look(walk, "passkey");
  // Whoever can't unlock the phone makes none.
  await phone.verifies(false);
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  await look(walk, "passkey-cancelled");
  await phone.verifies(true);
  await page.click("#use-passkey");
  await page.waitForSelector(".notice-ok");
  assert.match(await page.innerText("#passkey-state"), /1 passkey/);
  await look(walk, "passkey-registered");
  const [made] = await phone.keys();
  assert.equal(made?.isResidentCredential, true);
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /passkey/, "no notice came");

  // The same phone makes no second one; the list has the first, which can be removed.
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  assert.match(await page.innerText("#passkey-error"), /già/);
  await look(walk, "passkey-already");
  await page.click('form[action="/register/passkey/remove"] button');
  await page.waitForSelector(".notice-ok");
  assert.doesNotMatch(await page.innerText("#passkey-state"), /1 passkey/);
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await page.click("#use-passkey");
  await page.waitForSelector(".notice-ok");

  // It is one person's: for another name it is wrong, as everything is that does not fit.
  const other = job.people.both;
  await walk.front();
  await page.fill("#name", other.upn);
  await page.click('form button[type="submit"]');
  await page.click('.ways a[href="/reset/passkey"]');
  await page.waitForSelector("#use-passkey:not([disabled])");
  await look(walk, "passkey-gate");
  await page.click("#use-passkey");
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "passkey-gate-wrong");

  await named(walk);
  await page.click('.ways a[href="/reset/passkey"]');
  await page.waitForSelector("#use-passkey:not([disabled])");
  await phone.verifies(false);
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  await phone.verifies(true);
  await page.focus("#use-passkey");
  await page.keyboard.press("Enter");
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });

walking("two", "two gates that differ: a code by mail, then the app", "both", "en", async (walk) => {
  const { page } = walk;
  await toMethods(walk);
  await look(walk, "list-wanted");
  assert.match(await page.innerText("#wanted"), /asks you to have 2.*You have 1/s);
  const before = await newest(job.mail, walk.person.address);
  const app = await registerApp(walk);
  assert.equal(await page.locator("#wanted").count(), 0);
  // The notice of it comes before the mail with the code.
  assert.ok(await mailAfter(job.mail, walk.person.address, before), "no notice came");
  await walk.front();
  await walk.name();
  await walk.give(await walk.code());
  await page.waitForSelector('.ways a[href="/reset/app"]');
  await look(walk, "second-gate");
  // Nothing but the second gate leads on.
  await page.goto(`${job.url}/reset/password`);
  await page.waitForSelector('.ways a[href="/reset/app"]');
  await page.click('.ways a[href="/reset/app"]');
  await page.fill("#code", await app.code());
  await page.click('form[action="/reset/app"] button');
  await choose(walk);
});

walking("two", "the second gate in Italian, and the same page for a name that is nobody's", "both", "it", async (walk) => {
  const { page } = walk;
  const shown = [];
  for (const upn of [walk.person.upn, "nobody.at.all@contoso.test"]) {
    walk.person = { ...walk.person, upn };
    await named(walk);
    const names = await page.locator(".ways").innerText();
    await page.click('.ways a[href="/reset/app"]');
    await page.fill("#code", "000000");
    await page.click('form[action="/reset/app"] button');
    await page.waitForSelector('[role="alert"] #fault');
    await sound(walk);
    shown.push([names, await page.innerText("#fault")]);
  }
  assert.deepEqual(shown[1], shown[0]);
});

walking("two", "a support code is copied by a button, and the help desk's link is there", "both", "en", async (walk) => {
  const { page } = walk;
  await walk.front();
  await walk.name();
  await page.click("#support-code + .copy");
  await page.waitForFunction(() => document.querySelector(".copy")?.textContent === "Copied");
  await sound(walk);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.innerText("#support-code"));
  assert.equal(await page.getAttribute(".bottom a", "href"), "mailto:aiuto@contoso.test");
}, { permissions: ["clipboard-read", "clipboard-write"] });
