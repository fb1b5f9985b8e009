// The console in a real Chromium, against a server of this file's own kind: where one gets to and how, and what becomes of what was typed.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { consoleServer, problem, usual, type ConsoleServer } from "./console-server.ts";

const PAGES = ["", "/agents", "/onboarding", "/directories", "/sync", "/doctor", "/guide", "/removals/1309ac3f-4e41-4128-a0fb-f259ae492bb6"];
/** The width of a small phone, and of a desktop at 400 %, in CSS pixels. */
const PHONE = 320;

let server: ConsoleServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser itself complains of: scripts that failed, things that the page's policy forbids. */
let complaints: string[];

before(async () => {
  server = await consoleServer();
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  });
});

after(async () => {
  await browser.close();
  server.close();
});

beforeEach(async () => {
  await context?.close();
  server.answers = usual();
  server.came = [];
  server.delay = 0;
  complaints = [];
  context = await browser.newContext({ reducedMotion: "reduce" });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // A refusal of the API is told in the page; that it also stands in the console is no fault.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
});

async function at(place: string, language = "en"): Promise<void> {
  await page.goto(`${server.origin}/console/app${place}${language === "en" ? "" : `?lang=${language}`}`);
  await page.waitForSelector("h1");
  await page.waitForFunction(() => document.querySelector(".loading") === null);
}

const heading = () => page.innerText("h1");

test("every page is sound in both languages, light and dark, as narrow as a phone", async () => {
  for (const language of ["en", "it"]) {
    for (const place of PAGES) {
      await at(place, language);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await new AxeBuilder({ page }).analyze();
        const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        assert.deepEqual(faults, [], `${place} ${language} ${colorScheme}`);
      }
      assert.doesNotMatch(await page.innerText("body"), /\b(app|console|sync|doctor)-[a-z]+-[a-z]+\b|\{\$/, `${place} ${language}`);
      await page.setViewportSize({ width: PHONE, height: 800 });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE, `${place} is ${width} px wide`);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
  }
  assert.deepEqual(complaints, []);
});

test("a chart has its numbers as a table too", async () => {
  await at("");
  await page.click(".chart details summary");
  const last = page.locator(".chart details tbody tr").last();
  assert.deepEqual(await last.locator("th, td").allInnerTexts(), ["Nov 30", "19", "1", "0"]);
  assert.equal(await page.locator(".chart details tbody tr").count(), 30);
  assert.match(await page.innerText(".chart:last-of-type"), /used before\s+12/);
});

test("a link leads on without a new document, with the focus on the heading, its name in the title, and read out", async () => {
  await at("");
  await page.evaluate(() => Object.assign(window, { same: true }));
  assert.notEqual(await page.evaluate(() => document.activeElement?.tagName), "H1");
  await page.click('#app-menu a[href="/console/app/agents"]');
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Agents");
  const focused = () => page.waitForFunction(() => document.activeElement?.tagName === "H1");
  await focused();
  assert.equal(await page.title(), "Agents · Contoso");
  assert.equal(await page.innerText("#app > [role=status]"), "Agents");
  assert.equal(await page.getAttribute('#app-menu [aria-current="page"]', "href"), "/console/app/agents");
  assert.equal(await page.getAttribute("a.language", "href"), "/console/app/agents?lang=it");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Overview");
  await focused();
  assert.ok(await page.evaluate(() => "same" in window));
});

test("a missing proof is fetched, and what was typed is there again", async () => {
  server.answers.set("PUT /agents/1309ac3f-4e41-4128-a0fb-f259ae492bb6/name", problem("fresh-proof", 403, { proof: "/console/second" }));
  await at("/agents");
  await page.click(".agent summary");
  await page.fill(".agent details[open] input", "Verona due");
  await page.click('.agent details[open] button[type="submit"]');
  await page.waitForURL(`${server.origin}/console/second?then=%2Fconsole%2Fapp%2Fagents`);
  await at("/agents");
  assert.equal(await page.inputValue(".agent details[open] input"), "Verona due");
  // Once: who comes another time finds what is there.
  await at("/agents");
  assert.equal(await page.locator(".agent details[open]").count(), 0);
});

test("a code that an agent shows is kept nowhere", async () => {
  server.answers.set("POST /onboarding/confirmations", problem("fresh-proof", 403, { proof: "/console/second" }));
  await at("/onboarding");
  await page.fill("#code", "BCDF-GHJK");
  await page.click('main button[type="submit"]');
  await page.waitForURL("**/console/second?then=*");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.doesNotMatch(kept, /BCDF/);
});

test("a slow answer is waited for, and not asked for again", async () => {
  await page.clock.install();
  await at("/agents");
  server.delay = 1_500;
  server.came = [];
  // In the page's time three looks would be due before the first is answered.
  await page.clock.runFor(12_000);
  await page.waitForLoadState("networkidle");
  assert.equal(server.came.filter(({ name }) => name === "GET /agents").length, 1);
});

test("a page that nobody touches lets the session end", async () => {
  await page.clock.install();
  await at("/agents");
  const asked = () => server.came.filter(({ name }) => name === "GET /agents").length;
  /** Lets so much time pass, and then what was asked come to its answer. */
  const pass = async (seconds: number) => {
    server.came = [];
    await page.clock.runFor(seconds * 1_000);
    // The page's time was let pass; what it asked meanwhile comes in our own.
    for (let tries = 0; tries < 20 && asked() === 0; tries += 1) await new Promise((over) => setTimeout(over, 50));
    return asked();
  };
  // One that is still underway is not asked again: in so long at least one is.
  const soon = async () => (await pass(12)) >= 1 || (await pass(12)) >= 1 || (await pass(12)) >= 1;
  for (let times = 0; times < 3; times += 1) assert.ok(await soon());
  await page.clock.fastForward(11 * 60_000);
  await pass(8);
  await pass(8);
  assert.equal(await pass(60), 0);
  await page.keyboard.press("Tab");
  assert.ok(await soon());
});

test("whose session has ended is led to the sign-in", async () => {
  server.answers.set("GET /me", problem("sign-in", 401, { sign_in: "/console/sign-in" }));
  await page.goto(`${server.origin}/console/app/sync`);
  await page.waitForURL(`${server.origin}/console/sign-in`);
});

test("what somebody else changed meanwhile is not changed, and told with both faces", async () => {
  server.answers.set("PUT /deletion-guard", problem("changed", 412));
  await at("/sync");
  await page.fill('#app input[type="number"]', "400");
  await page.click('main button[type="submit"]');
  await page.waitForSelector('[role="alert"]');
  assert.match(await page.innerText('[role="alert"]'), /Somebody else changed this/);
  const asked = server.came.find(({ name }) => name === "PUT /deletion-guard");
  assert.equal(asked?.headers["if-match"], '"g1"');
  assert.deepEqual(asked?.body, { removals: 400, percent: 10, memberships: 5000 });
  await page.click('[role="alert"] summary');
  assert.match(await page.innerText('[role="alert"]'), /Because it is so\./);
});

test("a field says what is wrong with it, and nothing is sent", async () => {
  await at("/sync");
  await page.fill('#app input[type="number"]', "-1");
  const field = page.locator('#app input[type="number"]').first();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  const described = await field.getAttribute("aria-describedby");
  assert.match(await page.innerText(`[id="${described}"]`), /from 0 to 1,000,000/);
  await page.click('main button[type="submit"]');
  assert.equal(server.came.filter(({ name }) => name.startsWith("PUT")).length, 0);
});

test("who may do nothing here sees no button for it, and no way to it", async () => {
  const me = server.answers.get("GET /me")!;
  server.answers.set("GET /me", { ...me, body: { ...(me.body as object), may: ["read-tenant", "read-audit"] } });
  await at("/agents");
  assert.equal(await page.locator("main .agent button").count(), 0);
  assert.equal(await page.locator("#make-token").count(), 0);
  assert.equal(await page.locator('#app-menu a[href="/console/app/onboarding"]').count(), 0);
});

test("an agent is revoked only once it is confirmed, by keyboard as well", async () => {
  server.answers.set("DELETE /agents/1309ac3f-4e41-4128-a0fb-f259ae492bb6", { status: 204 });
  await at("/agents");
  await page.click(".agent summary");
  const revoke = page.locator('.agent details[open] button[type="button"]');
  const sent = () => server.came.filter(({ name }) => name.startsWith("DELETE")).length;
  await revoke.press("Enter");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
  assert.equal(sent(), 0);
  assert.ok(await revoke.evaluate((button) => button === document.activeElement));
  await revoke.press("Enter");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".toast .notice-ok");
  assert.equal(sent(), 1);
  // It is about this page, and not the next one.
  await page.waitForTimeout(1_100);
  await page.click('#app-menu a[href="/console/app/guide"]');
  await page.waitForFunction(() => document.querySelector(".toast .notice-ok") === null);
});

test("a held list is approved by what was shown of it, and one that was not shown whole is not", async () => {
  const agent = "1309ac3f-4e41-4128-a0fb-f259ae492bb6";
  server.answers.set(`POST /agents/${agent}/held-exports/approvals`, { status: 204 });
  server.answers.set(`POST /agents/${agent}/removals/approvals`, problem("another-list", 409));
  await at(`/removals/${agent}`);
  const buttons = page.locator("main .actions button");
  assert.equal(await buttons.count(), 2);
  for (const index of [0, 1]) {
    await buttons.nth(index).click();
    await page.waitForSelector("dialog[open]");
    await page.click("dialog[open] button:not(.quiet)");
    await page.waitForSelector("dialog:not([open])", { state: "attached" });
  }
  // Another list waits by then: it is said, and what waits now is shown.
  await page.waitForSelector('[role="alert"]');
  assert.match(await page.innerText('[role="alert"]'), /the list has changed since you saw it/);
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  const sent = server.came.filter(({ name }) => name.startsWith("POST")).map(({ body }) => body);
  assert.deepEqual(sent, [{ digest: "d1" }, { digest: "d2", since: "2026-11-28T00:00:00Z" }]);
});

test("a token is shown once, and gone with the page", async () => {
  server.answers.set("POST /enrolment-tokens", { status: 201, body: { token: "rt-secret", expires_at: "2026-11-28T00:15:00Z" } });
  await at("/agents");
  await page.click("#make-token");
  await page.waitForSelector("#token");
  assert.equal(await page.inputValue("#token"), "rt-secret");
  assert.ok(server.came.some(({ name, headers }) => name === "POST /enrolment-tokens" && headers["idempotency-key"] !== undefined));
  await page.click('#app-menu a[href="/console/app/sync"]');
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Synchronisation");
  await page.click('#app-menu a[href="/console/app/agents"]');
  await page.waitForSelector("#make-token");
  assert.equal(await page.locator("#token").count(), 0);
});

test("the first steps know what is done", async () => {
  await at("/guide");
  assert.equal(await page.locator(".steps > li.done").count(), 4);
  // A reset counts once it is written; that one was tried is nothing.
  const audit = new URLSearchParams(server.came.find(({ name }) => name === "GET /audit")?.query);
  assert.deepEqual([audit.get("activity"), audit.get("success")], ["Reset password (self-service)", "success"]);
  server.answers.set("GET /agents", { status: 200, body: [] });
  server.answers.set("GET /audit", { status: 200, body: { items: [] } });
  await at("/guide");
  assert.match(await page.innerText("main .notice"), /Next: Enrol an agent/);
  assert.equal(await page.locator(".steps > li.done").count(), 2);
});

test("a place that there is not is told, and one that is not theirs leads to what is", async () => {
  await at("/nowhere");
  assert.equal(await heading(), "Not found");
  const me = server.answers.get("GET /me")!;
  server.answers.set("GET /me", { ...me, body: { ...(me.body as object), may: ["read-audit"] } });
  await page.goto(`${server.origin}/console/app`);
  await page.waitForURL(`${server.origin}/console/app/audit`);
});
