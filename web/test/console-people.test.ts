// The console's pages about people in a real Chromium: who is found and how, what is done for them, and what is shown once.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { visits } from "./console-browser.ts";
import { ANNA, CASE, CODE, facts, open, people } from "./console-people-answers.ts";
import { problem, type ConsoleServer } from "./console-server.ts";

const DESK = `/people/${ANNA}/help-desk`;

const visit = visits(people);
const at = (place: string, language?: string) => visit.at(place, language);
const asked = (name: string) => visit.asked(name);
const sound = (what: string) => visit.sound(what);
const may = (...not: string[]) => visit.may(...not);
let server: ConsoleServer;
let page: Page;

beforeEach(() => ({ server, page } = visit));

test("every page about people is sound in both languages", async () => {
  for (const language of ["en", "it"]) {
    for (const place of ["/people", `/people/${ANNA}`, `/support-codes/${CODE}`, "/audit", `/audit?code=${CODE}`]) {
      await at(place, language);
      await sound(`${place} ${language}`);
    }
    for (const more of [{}, { cleared: true }, { own: false, by_code: false }, { by_code: false }]) {
      server.answers.set(`GET ${DESK}/case`, open(more));
      await at(`/people/${ANNA}`, language);
      await sound(`${JSON.stringify(more)} ${language}`);
    }
    server.answers.set(`GET ${DESK}/case`, problem("not-found", 404));
  }
  assert.deepEqual(visit.complaints, []);
});

test("people are looked for by the server while one types, once for a word, and going back finds it again", async () => {
  await at("/people");
  server.came = [];
  await page.type("#search", "rossi", { delay: 20 });
  await page.waitForURL("**/people?search=rossi");
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  assert.deepEqual(asked("GET /people").map(({ query }) => query), ["?search=rossi&limit=50"]);
  await page.click(`main a[href="/console/app/people/${ANNA}"]`);
  await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Anna Rossi");
  await page.goBack();
  await page.waitForSelector("#search");
  assert.equal(await page.inputValue("#search"), "rossi");
});

/** Waits until people were asked for so. */
async function arrived(query: string): Promise<void> {
  for (let tries = 0; tries < 100 && !asked("GET /people").some((came) => came.query.includes(query)); tries += 1) await page.waitForTimeout(50);
  assert.match(asked("GET /people").at(-1)?.query ?? "", new RegExp(query));
}

test("the next page begins where the one before ended, and one that nobody is on leads further", async () => {
  await at("/people");
  server.answers.set("GET /people", { status: 200, body: { items: [], next: "further" } });
  await page.click(".paging button");
  await arrived("cursor=after-luca");
  assert.equal(await page.locator("tbody tr").count(), 2);
  await at("/people?search=zz");
  await page.click("main .actions button:not([type=submit])");
  await arrived("cursor=further");
});

test("a support code in the box leads to what is under it, as it was heard; a name that looks like one is looked for", async () => {
  await at("/people");
  await page.fill("#search", " 7k2qm9xw4d");
  await page.press("#search", "Enter");
  await page.waitForURL(`**/support-codes/${CODE}`);
  await page.waitForFunction(() => /1 of 2 shown/.test(document.querySelector("main")?.textContent ?? ""));
  assert.match(await page.innerText("main"), /Anna Rossi, anna\.rossi@contoso\.test/);
  assert.match(await page.innerText("main"), /too short/);
  await at("/people");
  await page.fill("#search", "mariarossa");
  await page.press("#search", "Enter");
  await page.waitForURL("**/people?search=mariarossa");
  assert.equal(asked("GET /support-codes/MAR1A-R0SSA").length, 1);
});

test("what was registered is taken back after a question, and only that", async () => {
  server.answers.set(`DELETE /people/${ANNA}/methods/app`, { status: 204 });
  await at(`/people/${ANNA}`);
  assert.match(await page.innerText("[aria-labelledby=methods]"), /Passkeys: 2/);
  await page.click('#revoke-app');
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
  await page.click('#revoke-app');
  await page.click("dialog[open] button:last-of-type");
  await page.waitForSelector(".toast .notice-ok");
  assert.deepEqual(visit.changes(), [`DELETE /people/${ANNA}/methods/app`]);
  assert.equal(await page.locator('#revoke-sms').count(), 0);
});

test("how the account stands in the directory is asked once, and again by a button", async () => {
  const account = `GET /people/${ANNA}/directory`;
  await at(`/people/${ANNA}`);
  assert.match(await page.innerText("[aria-labelledby=account]"), /locked[\s\S]*Staff[\s\S]*14/);
  const there = server.answers.get(account);
  server.answers.set(account, { ...problem("no-agent", 503), headers: { "Retry-After": "0" } });
  server.came = [];
  await page.click("#ask-directory");
  await page.waitForSelector("[aria-labelledby=account] [role=alert]");
  assert.equal(asked(account).length, 1);
  assert.match(await page.innerText("[aria-labelledby=account]"), /No agent can be asked/);
  if (there !== undefined) server.answers.set(account, { ...there, body: { ...(there.body as object), locked: false } });
  await page.click("#ask-directory");
  await page.waitForFunction(() => /not locked/.test(document.querySelector("[aria-labelledby=account]")?.textContent ?? ""));
});

test("a stop is lifted", async () => {
  server.answers.set(`POST /people/${ANNA}/lift`, { status: 204 });
  await at(`/people/${ANNA}`);
  await page.click("#lift");
  await page.waitForSelector(".toast .notice-ok");
  assert.equal(asked(`POST /people/${ANNA}/lift`).length, 1);
});

test("a caller reads out the code, and the pass is shown once and kept nowhere", async () => {
  server.answers.set(`POST ${DESK}/codes`, { ...open(), status: 201 });
  await at(`/people/${ANNA}`);
  await page.fill("#desk-reason", "lost her telephone");
  server.answers.set(`GET ${DESK}/case`, open());
  await page.press("#desk-reason", "Enter");
  await page.waitForSelector("#desk-code");
  assert.deepEqual(asked(`POST ${DESK}/codes`)[0]?.body, { reason: "lost her telephone" });

  const check = `POST ${DESK}/cases/${CASE}/check`;
  server.answers.set(check, { status: 200, body: { right: false } });
  await page.fill("#desk-code", "BCDF-GHJK");
  await page.press("#desk-code", "Enter");
  await page.waitForSelector(".field-error");
  server.answers.set(check, { status: 200, body: { right: true } });
  await page.fill("#desk-code", "LMNP-QRST");
  assert.equal(await page.locator(".field-error").count(), 0);
  // Not before: the page asks by itself how far the case is.
  server.answers.set(`GET ${DESK}/case`, open({ cleared: true }));
  await page.press("#desk-code", "Enter");
  await page.waitForSelector("#desk-make");

  server.answers.set(`POST ${DESK}/cases/${CASE}/pass`, { status: 201, body: { pass: "VWXZ-BCDF", expires_at: "2026-11-28T01:15:00Z" } });
  server.answers.set(`GET ${DESK}/case`, open({ cleared: true, passed: true }));
  await page.click("#desk-make");
  await page.waitForSelector("#pass");
  assert.equal(await page.innerText("#pass"), "VWXZ-BCDF");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "pass-title");
  // The page asks on, and takes the focus once.
  await page.focus("#lift");
  const before = asked(`GET ${DESK}/case`).length;
  for (let tries = 0; tries < 200 && asked(`GET ${DESK}/case`).length < before + 2; tries += 1) await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "lift");
  await sound("the pass");
  assert.equal(await page.locator("#desk-reason").count(), 0, "nothing takes the pass off the screen");
  await page.reload();
  await page.waitForSelector("#desk-reason");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.body.innerText]));
  assert.doesNotMatch(kept, /VWXZ|LMNP/);
});

test("whom no code reaches, a colleague approves; the own case waits, and its page finds out", async () => {
  const anna = server.answers.get(`GET /people/${ANNA}`)?.body as object;
  server.answers.set(`GET /people/${ANNA}`, { status: 200, body: { ...anna, addresses: [] } });
  server.answers.set(`POST ${DESK}/approvals`, { ...open({ by_code: false }), status: 201 });
  await at(`/people/${ANNA}`);
  await page.fill("#desk-reason", "no address");
  server.answers.set(`GET ${DESK}/case`, open({ by_code: false }));
  await page.press("#desk-reason", "Enter");
  await page.waitForFunction(() => /You asked for an approval/.test(document.querySelector("main")?.textContent ?? ""));
  assert.equal(await page.locator("#desk-approve").count(), 0);
  server.answers.set(`GET ${DESK}/case`, open({ by_code: false, cleared: true }));
  await page.waitForSelector("#desk-make");
  // And as the colleague sees it.
  server.answers.set(`GET ${DESK}/case`, open({ own: false, by_code: false }));
  server.answers.set(`POST ${DESK}/cases/${CASE}/approval`, { status: 204 });
  await at(`/people/${ANNA}`);
  await page.click("#desk-approve");
  await page.waitForSelector(".toast .notice-ok");
  may("approve-case");
  await at(`/people/${ANNA}`);
  assert.equal(await page.locator("#desk-approve").count(), 0);
});

test("a generated password is shown once it works, spelled, and kept nowhere", async () => {
  server.answers.set(`GET ${DESK}/case`, open({ cleared: true }));
  server.answers.set(`GET /people/${ANNA}/password`, {
    status: 200,
    body: {
      user_principal_name: "anna", display_name: "Anna Rossi", sealed: false, request: "r1", submit: `/api/v1/people/${ANNA}/password/kept`, support_code: CODE,
      policy: { source: { kind: "domain" }, vendor: "samba", minimum_length: 12, history: 0, hints: false, not_before: null, forbid_names: false, complexity: true, account_name: "anna", display_name: "Anna Rossi" },
    },
  });
  server.answers.set(`POST /people/${ANNA}/password/kept`, { status: 200, body: { state: "done", message: "The password is set." } });
  await at(`/people/${ANNA}`);
  await page.click("#desk-give");
  await page.click("#give");
  await page.waitForSelector("#given-password");
  const shown = await page.innerText("#given-password");
  const sent = asked(`POST /people/${ANNA}/password/kept`);
  assert.deepEqual(sent.map(({ body }) => body), [{ request: "r1", new: shown }]);
  assert.equal(asked(`GET /people/${ANNA}/password`)[0]?.query, `?case=${CASE}`);
  assert.equal(await page.locator("#given-spelled li").count(), shown.split("-").length);
  assert.equal(await page.locator("#give").count(), 0);
  await sound("the password");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href]));
  assert.ok(!kept.includes(shown));
});

const told = (...facts: { id: string }[]) => facts.map((one, at) => `id: ${at + 1}\nevent: fact\ndata: ${JSON.stringify(one)}\n\n`).join("");

test("the audit is filtered by its address, handed out as a file, and followed", async () => {
  await at("/audit?success=failure");
  assert.equal(await page.inputValue("#success"), "failure");
  await page.selectOption("#activity", "Create temporary pass");
  await page.waitForURL("**/audit?activity=Create+temporary+pass&success=failure");
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  assert.match(asked("GET /audit").at(-1)?.query ?? "", /activity=Create\+temporary\+pass&success=failure/);
  const files = await page.locator("a[download]").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  assert.deepEqual(files, ["csv", "jsonl"].map((format) => `/api/v1/audit/export?format=${format}&activity=Create+temporary+pass&success=failure`));
  server.answers.set("GET /audit", { status: 200, body: { items: facts(2, 50), next: null } });
  await page.click(".paging button");
  await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 5);
  assert.match(asked("GET /audit").at(-1)?.query ?? "", /cursor=older/);

  server.answers.set("GET /audit/tail", { status: 200, events: told(...facts(3, 100)) });
  await page.click("#live-on");
  await page.waitForSelector("#live-panel .badge-ok");
  await page.waitForFunction(() => document.querySelectorAll("#live-panel tbody tr").length === 3);
  assert.match(asked("GET /audit/tail")[0]?.query ?? "", /success=failure/);
  assert.equal(await page.locator("#live-panel [role=status], #live-panel [aria-live]").count(), 0, "not every fact is read out");
  await page.click("#live-pause");
  assert.equal(await page.getAttribute("#live-pause", "aria-pressed"), "true");
  await page.waitForFunction(() => /New in the audit: 3/.test(document.querySelector("#app > [role=status]")?.textContent ?? ""), undefined, { timeout: 15_000 });
  await sound("the live audit");
});

test("a tail that the server refuses is told, and asked for again by hand alone", async () => {
  server.answers.set("GET /audit/tail", problem("too-many", 429));
  await at("/audit");
  await page.click("#live-on");
  await page.waitForSelector("#live-panel [role=alert]");
  assert.equal(asked("GET /audit/tail").length, 1);
  server.answers.set("GET /audit/tail", { status: 200, events: told(...facts(1)) });
  await page.click("#live-panel [role=alert] button");
  await page.waitForSelector("#live-panel tbody tr");
});

test("a tail that nobody watches ends, so that the session does too", async () => {
  server.answers.set("GET /audit/tail", { status: 200, events: told(...facts(1)) });
  await page.clock.install();
  await at("/audit");
  await page.click("#live-on");
  await page.waitForSelector("#live-panel tbody tr");
  await page.clock.fastForward(11 * 60_000);
  await page.clock.runFor(20_000);
  await page.waitForFunction(() => /nobody was here/.test(document.querySelector("#live-panel")?.textContent ?? ""));
  assert.equal(await page.locator("#live-pause").count(), 0);
  assert.equal(await page.locator("#live-panel tbody tr").count(), 1, "what was seen stays");
});

test("who may only look gets nothing to press", async () => {
  may("lift-stop", "revoke-methods", "help-person", "approve-case", "reset-password", "read-timeline");
  await at(`/people/${ANNA}`);
  assert.equal(await page.locator("#lift, #desk, #timeline, [aria-labelledby=methods] button").count(), 0);
  assert.deepEqual(server.came.filter(({ name }) => /help-desk|timeline/.test(name)), []);
});
