// Passkeys of administrators in a real Chromium, with the authenticator that it plays, and without a mouse. RITORNO_BROWSER as for
// console.test.mjs: `administrators` {en, it} are global ones who never signed in.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./authenticator.mjs";
import { openBrowser } from "./chromium.mjs";
import { sound, Walk } from "./walk.mjs";
import { device } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job?.administrators, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

let session;

before(async () => {
  session = await openBrowser(job.ca);
});

after(() => session.close());

for (const language of ["en", "it"]) {
  test(`an administrator signs in with a passkey (${language})`, async () => {
    const context = await session.browser.newContext({ locale: language });
    try {
      const page = await context.newPage();
      const walk = new Walk(page, job, job.people.refused, language);
      const look = async (name) => {
        await sound(walk);
        await walk.picture(`console-passkeys-${name}`);
      };
      const press = async (selector) => {
        await page.focus(selector);
        await page.keyboard.press("Enter");
      };
      const authenticator = await device(page);
      const { administrator, password } = job.administrators[language];

      // For the first time: a passkey in the place of an app.
      await page.goto(`${job.url}/console/sign-in?lang=${language}`);
      await page.fill("#name", administrator);
      await page.fill("#password", password);
      await press('form[action="/console/sign-in"] button');
      await page.waitForURL(`${job.url}/console/second/app`);
      await press("#to-passkey");
      await page.waitForURL(`${job.url}/console/second/passkey`);
      await look("first");
      // It has a name, and its owner has to be there.
      await press("#use-passkey");
      assert.equal((await authenticator.keys()).length, 0);
      await page.fill("#passkey-name", "Laptop");
      await authenticator.verifies(false);
      await press("#use-passkey");
      await page.waitForSelector("#passkey-error:not([hidden])");
      await look("first-refused");
      await authenticator.verifies(true);
      await press("#use-passkey");
      await page.waitForURL(`${job.url}/console`);
      const [key] = await authenticator.keys();
      assert.ok(key.isResidentCredential);
      await press('form[action="/console/sign-out"] button');

      // By the passkey alone, and not without the finger.
      await page.waitForURL("**/console/sign-in*");
      await look("sign-in");
      await authenticator.verifies(false);
      await press("#use-passkey");
      await page.waitForSelector("#passkey-error:not([hidden])");
      await look("sign-in-refused");
      await authenticator.verifies(true);
      await press("#use-passkey");
      await page.waitForURL(`${job.url}/console`);

      // One's own: the device has one, which is the last factor, until there is an app.
      await press('a[href="/console/passkeys"]');
      await page.waitForURL(`${job.url}/console/passkeys`);
      await look("own");
      assert.equal(await page.locator('form[action="/console/passkeys/remove"]').count(), 0);
      await page.fill("#passkey-name", "Again");
      await press("#use-passkey");
      await page.waitForSelector("#passkey-error:not([hidden])");
      await look("there-already");
      await press("#to-app");
      await page.waitForURL(`${job.url}/console/second/app`);
      const app = new App(await page.textContent("#app-key"));
      await page.fill("#code", await app.code());
      await press('form[action="/console/second/app"] button');
      await page.waitForURL(`${job.url}/console`);
      await press('form[action="/console/sign-out"] button');

      // After the password: the passkey, or the app.
      await page.waitForURL("**/console/sign-in*");
      await page.fill("#name", administrator);
      await page.fill("#password", password);
      await press('form[action="/console/sign-in"] button');
      await page.waitForURL("**/console/second");
      await page.waitForSelector("#code");
      await look("second");
      await press("#use-passkey");
      await page.waitForURL(`${job.url}/console`);
      await page.goto(`${job.url}/console/passkeys`);
      await press('form[action="/console/passkeys/remove"] button');
      await page.waitForFunction(() => document.querySelector(".passkeys") === null);
      await look("none");

      // It opens nothing any more.
      await press('form[action="/console/sign-out"] button');
      await page.waitForURL("**/console/sign-in*");
      await press("#use-passkey");
      // The device still has it, and the server does not.
      await page.waitForSelector(".notice-error");
      assert.equal(new URL(page.url()).pathname, "/console/sign-in");
      await look("removed");
    } finally {
      await context.close();
    }
  });
}
