// The console in a real Chromium: every page, in both languages. RITORNO_BROWSER as for portal.test.mjs, with
// `administrators` {en, it}, each {administrator, password}: global ones who never signed in; and `people.refused`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./authenticator.mjs";
import { openBrowser } from "./chromium.mjs";
import { sound, Walk } from "./walk.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job?.administrators, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

let session;

before(async () => {
  session = await openBrowser(job.ca);
});

after(() => session.close());

for (const language of ["en", "it"]) {
  test(`an administrator looks at everything (${language})`, async () => {
    const context = await session.browser.newContext({ locale: language });
    try {
      const page = await context.newPage();
      const walk = new Walk(page, job, job.people.refused, language);
      const look = async (name) => {
        await sound(walk);
        await walk.picture(`console-${name}`);
      };
      await page.goto(`${job.url}/console?lang=${language}`);
      await page.goto(`${job.url}/console/sign-in?lang=${language}`);
      await look("sign-in");
      const { administrator, password } = job.administrators[language];
      const signIn = async (typed) => {
        await page.fill("#name", administrator);
        await page.fill("#password", typed);
        await page.click('form[action="/console/sign-in"] button');
      };
      await signIn("not-the-password");
      await page.waitForSelector(".notice-error");
      await look("sign-in-refused");

      // For the first time: an app is set up.
      await signIn(password);
      await page.waitForURL(`${job.url}/console/second/app`);
      await look("second-app");
      await page.waitForFunction(() => document.querySelector("img").naturalWidth > 0);
      const app = new App(await page.textContent("#app-key"));
      await page.fill("#code", "000 000");
      await page.click('form[action="/console/second/app"] button');
      await page.waitForSelector(".notice-error");
      await look("second-app-refused");
      await page.fill("#code", await app.code());
      await page.click('form[action="/console/second/app"] button');
      await page.waitForURL(`${job.url}/console`);
      await page.click('form[action="/console/sign-out"] button');

      // From then on it is asked for, here without a mouse.
      await page.waitForURL("**/console/sign-in*");
      await signIn(password);
      await page.waitForURL("**/console/second");
      await look("second");
      await page.focus("#code");
      await page.keyboard.type("000000");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".notice-error");
      await look("second-refused");
      await page.focus("#code");
      await page.keyboard.type(await app.code());
      await page.keyboard.press("Enter");
      await page.waitForURL(`${job.url}/console`);
      assert.equal(await page.locator("tbody tr").count(), 1);
      await look("overview");

      await page.goto(`${job.url}/console/people`);
      await page.fill("main #name", walk.person.upn);
      await page.click("main form button");
      await page.waitForSelector(".facts");
      await look("person");
      await page.goto(`${job.url}/console/people?name=nobody.at.all`);
      await page.waitForSelector('main [role="status"]');
      await look("person-unknown");

      await page.goto(`${job.url}/console/sspr`);
      await look("sspr-policy");
      await page.fill("#days", "90");
      await page.click('form[action="/console/sspr/reconfirm"] button');
      await page.waitForURL(`${job.url}/console/sspr`);
      assert.equal(await page.inputValue("#days"), "90");
      // What nobody could fulfil is said, and changes nothing.
      await page.selectOption("#gates-tenant", "2");
      for (const method of ["app", "passkey", "recovery-code", "temporary-pass"]) await page.uncheck(`#tenant-${method}`);
      await page.click('form[action="/console/sspr/gates"] button');
      await page.waitForSelector(".notice-error #told");
      await look("sspr-policy-refused");
      assert.equal(await page.inputValue("#gates-tenant"), "1");

      await page.goto(`${job.url}/console/look`);
      await look("look");
      await page.fill("#accent", "#ffcc00");
      await page.click("#save");
      await page.waitForSelector(".notice-error #fault");
      assert.match(await page.innerText("#fault"), /1\.34:1/);
      await look("look-refused");
      // The preview is seen before anything is stored, on light and on dark; the logo that is there stays.
      await page.fill("#accent", "#5b2a86");
      await page.click("#show-preview");
      await page.waitForSelector("#preview");
      const ground = (kind) =>
        page.locator(`.preview-${kind} .button`).evaluate((button) => getComputedStyle(button).backgroundColor);
      assert.equal(await ground("light"), "rgb(91, 42, 134)");
      assert.notEqual(await ground("dark"), await ground("light"));
      assert.ok((await page.locator(".preview-dark img").evaluate((image) => image.naturalWidth)) > 0);
      await look("look-preview");
      await page.click("#save");
      await page.waitForURL(`${job.url}/console/look`);
      await page.waitForSelector("#contrasts");
      assert.equal(await page.inputValue("#accent"), "#5b2a86");
      await look("look-saved");

      await page.goto(`${job.url}/console/audit`);
      assert.ok((await page.locator("tbody tr").count()) > 0);
      await look("audit");
      for (const place of ["licences", "sync", "doctor", "doctor/manual"]) {
        await page.goto(`${job.url}/console/${place}`);
        await look(place.replace("/", "-"));
      }
      await page.goto(`${job.url}/console/onboarding`);
      await look("onboarding");
      await page.goto(`${job.url}/console`);
      await page.click('form[action="/console/enrolment-tokens"] button');
      await page.waitForSelector("textarea");
      await look("token");
      await page.click('form[action="/console/sign-out"] button');
      await page.waitForURL("**/console/sign-in*");
    } finally {
      await context.close();
    }
  });
}
