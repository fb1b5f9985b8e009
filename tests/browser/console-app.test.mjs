// The console as an application in a real Chromium: every page of it that has moved there, in both languages, on what a real server and a real
// agent say. RITORNO_BROWSER as for portal.test.mjs, with `app_administrators` {en, it}, each {administrator, password}: global ones who never
// signed in.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./authenticator.mjs";
import { openBrowser } from "./chromium.mjs";
import { buyLicences, changePolicy, helpPerson, makePass, PEOPLE_TITLES, readAudit, seeLook } from "./console-people.mjs";
import { Hands } from "./hands.mjs";
import { sound, Walk } from "./walk.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job?.app_administrators, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

/** What the pages are called, by their place in the menu. */
const TITLES = {
  en: { "": "Overview", "/agents": "Agents", "/onboarding": "Confirm an agent's writeback", "/directories": "Directories", "/sync": "Synchronisation", "/doctor": "Doctor", "/guide": "First steps" },
  it: { "": "Riepilogo", "/agents": "Agenti", "/onboarding": "Conferma la riscrittura di un agente", "/directories": "Directory", "/sync": "Sincronizzazione", "/doctor": "Diagnosi", "/guide": "Primi passi" },
};
/** Who of the job's people calls the help desk: their passwords stay as they are. */
const WHO = { en: "refused", it: "codes" };
/** A phone's width in CSS pixels. */
const PHONE = 360;

let session;

before(async () => {
  session = await openBrowser(job.ca);
});

after(() => session.close());

/** Signs in for the first time: with the password, and an app that is set up. */
async function signIn(page, { administrator, password }, language) {
  await page.goto(`${job.url}/console/sign-in?lang=${language}`);
  await page.fill("#name", administrator);
  await page.fill("#password", password);
  await page.click('form[action="/console/sign-in"] button');
  await page.waitForURL(`${job.url}/console/second/app`);
  const app = new App(await page.textContent("#app-key"));
  await page.fill("#code", await app.code());
  await page.click('form[action="/console/second/app"] button');
  await page.waitForURL(`${job.url}/console`);
}

/** Waits until a page shows what it loads. */
async function shown(page, title) {
  await page.waitForFunction((wanted) => document.querySelector("h1")?.textContent === wanted, title);
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  assert.equal(await page.locator('[role="alert"]').count(), 0, await page.innerText("main"));
}

for (const language of ["en", "it"]) {
  test(`an administrator works in the console without a mouse (${language})`, async () => {
    const context = await session.browser.newContext({ locale: language });
    try {
      const page = await context.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
      });
      const walk = new Walk(page, job, job.people.refused, language);
      const hands = new Hands(page, true);
      const titles = { ...TITLES[language], ...PEOPLE_TITLES[language] };
      const link = (place) => `#app-menu a[href="/console/app${place}"]`;
      const turned = (place) => shown(page, titles[place]);
      const go = async (place) => {
        await hands.press(link(place));
        await turned(place);
        assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
      };
      const look = async (name) => {
        await sound(walk);
        await walk.picture(`console-app-${name}`);
        await page.setViewportSize({ width: PHONE, height: 800 });
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= PHONE, `${name} is ${width} px wide`);
        await page.emulateMedia({ colorScheme: "dark" });
        await walk.picture(`console-app-${name}-phone-dark`);
        await page.emulateMedia({ colorScheme: "light" });
        await page.setViewportSize({ width: 1280, height: 720 });
      };
      await signIn(page, job.app_administrators[language], language);
      await page.goto(`${job.url}/console/home`);
      assert.equal(page.url(), `${job.url}/console/app`);
      await turned("");
      await look("overview");
      assert.equal(await page.getAttribute("footer a[href='/console']", "href"), "/console");

      // A switch, there and back, is what the plain pages show too.
      const unlock = page.locator("#app .switches li").nth(2);
      const before = await unlock.innerText();
      await unlock.locator("button").press("Enter");
      await page.waitForFunction((text) => document.querySelectorAll("#app .switches li")[2].innerText !== text, before);
      await unlock.locator("button").press("Enter");
      await page.waitForFunction((text) => document.querySelectorAll("#app .switches li")[2].innerText === text, before);

      await go("/agents");
      await page.waitForSelector(".agent .badge-ok");
      const name = (await page.innerText(".agent h2")).trim();
      await look("agents");
      await hands.press(".agent summary");
      await page.fill(".agent details[open] input", `${name} ${language}`);
      await page.press(".agent details[open] input", "Enter");
      await page.waitForFunction((wanted) => document.querySelector(".agent h2").textContent === wanted, `${name} ${language}`);
      await page.waitForSelector(".toast .notice-ok");
      await look("agents-renamed");
      await page.click(".toast button");
      await hands.press(".agent summary");
      await page.fill(".agent details[open] input", name);
      await page.press(".agent details[open] input", "Enter");
      await page.waitForFunction((wanted) => document.querySelector(".agent h2").textContent === wanted, name);
      // What can't be taken back is asked about, and nothing happens to who says no.
      await page.click(".agent summary");
      await page.locator('.agent details[open] button[type="button"]').press("Enter");
      await page.waitForSelector("dialog[open]");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog:not([open])", { state: "attached" });
      await hands.press("#make-token");
      await page.waitForSelector("#token");
      assert.ok((await page.inputValue("#token")).length > 40);
      await look("agents-token");

      await go("/onboarding");
      await page.fill("#code", "BCDF-GHJK");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".field-error");
      assert.equal(await page.getAttribute("#code", "aria-invalid"), "true");
      await look("onboarding");

      await go("/directories");
      assert.ok((await page.locator("main tbody tr").count()) >= 2);
      await look("directories");

      await go("/sync");
      assert.ok((await page.locator("main tbody tr").count()) >= 3);
      await look("sync");
      const removals = page.locator('#app input[type="number"]').first();
      const most = await removals.inputValue();
      await removals.fill("400");
      await removals.press("Enter");
      await page.waitForSelector(".toast .notice-ok");
      await page.reload();
      await turned("/sync");
      assert.equal(await page.locator('#app input[type="number"]').first().inputValue(), "400");
      await page.locator('#app input[type="number"]').first().fill(most);
      await page.locator('#app input[type="number"]').first().press("Enter");
      await page.waitForSelector(".toast .notice-ok");

      await go("/doctor");
      await page.waitForSelector("main .notice, main section p");
      await look("doctor");

      await go("/guide");
      await page.waitForSelector(".steps > li.done");
      await look("guide");
      // Agent, writeback, synchronisation and who may reset are there in any whole system.
      assert.ok((await page.locator(".steps > li.done").count()) >= 4, await page.innerText(".steps"));

      await page.goBack();
      await turned("/doctor");

      const way = { page, hands, go, look, turned };
      const person = job.people[WHO[language]];
      await makePass(way, await helpPerson(way, person, job.mail));
      await readAudit(way, person);
      await buyLicences(way);
      await changePolicy(way);
      await seeLook(way);
      await page.goto(`${job.url}/console/app/no-such-place`);
      await page.waitForSelector("h1");
      await look("missing");
      assert.deepEqual(complaints, []);
      await page.click('form[action="/console/sign-out"] button');
      await page.waitForURL("**/console/sign-in*");
      // Without a session there is no page of it either.
      await page.goto(`${job.url}/console/app/agents`);
      assert.equal(new URL(page.url()).pathname, "/console/sign-in");
    } finally {
      await context.close();
    }
  });
}
