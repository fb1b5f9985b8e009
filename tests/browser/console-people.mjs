// What an administrator does in the console for people, and with what holds for all of them: the pages of `console-app.test.mjs` that are about
// people, the audit, licences, the self-service policy and the look.

import assert from "node:assert/strict";
import { mailAfter, newest } from "./mailbox.mjs";

/** What the help desk's code looks like: eight letters without vowels. */
const CODE = /\b[B-DF-HJ-NP-TV-Z]{4}-[B-DF-HJ-NP-TV-Z]{4}\b/;

/** What these pages are called, by their place in the menu. */
export const PEOPLE_TITLES = {
  en: { "/people": "People", "/audit": "Audit", "/licences": "Licences", "/sspr": "Self-service policy", "/look": "How the pages look" },
  it: { "/people": "Persone", "/audit": "Registro", "/licences": "Licenze", "/sspr": "Criteri self-service", "/look": "Aspetto delle pagine" },
};

/** Waits until nothing is on its way. */
const rest = (page) => page.waitForFunction(() => document.querySelector(".loading") === null);

/**
 * Finds a person by a part of their name, sends a code to them, reads it out, and makes a temporary pass.
 *
 * @param {{page, hands, go, look, turned}} way how the test moves and looks
 * @param {{upn: string, address: string}} person whom it is about
 * @param {string} mail the page of what was sent
 */
export async function helpPerson({ page, hands, go, look }, person, mail) {
  await go("/people");
  await look("people");
  await hands.fill("#search", person.upn.slice(0, person.upn.indexOf("@")));
  await page.waitForURL("**/people?search=*");
  await page.waitForFunction((upn) => document.querySelector("main tbody")?.textContent.includes(upn), person.upn);
  await hands.press("main tbody a");
  await page.waitForSelector("#desk");
  await rest(page);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
  await look("person");

  const before = await newest(mail, person.address);
  await hands.fill("#desk-reason", "No telephone");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#desk-code");
  await look("person-code");
  await page.fill("#desk-code", "BCDF-BCDF");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#desk-code[aria-invalid=true]");
  const message = await mailAfter(mail, person.address, before);
  const code = CODE.exec(message?.text ?? "")?.[0];
  assert.ok(code, `no code in ${message?.text}`);
  await hands.fill("#desk-code", code);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#desk-make");
  await look("person-cleared");
  return code;
}

/** Makes the pass of a case that is cleared. It is shown once, and kept nowhere. */
export async function makePass({ page, hands, look }, code) {
  await hands.press("#desk-make");
  await page.waitForSelector("#pass");
  const pass = await page.innerText("#pass");
  assert.match(pass, CODE);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "pass-title");
  await look("person-pass");
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href]));
  assert.ok(![pass, code].some((secret) => kept.includes(secret)), kept);
  await page.reload();
  await page.waitForSelector("#desk");
  await rest(page);
  assert.ok(!(await page.innerText("body")).includes(pass));
}

/** Filters the audit, takes it as a file, and finds what was done for a person. */
export async function readAudit({ page, go, look, hands }, person) {
  await go("/audit");
  await page.selectOption("#activity", "Create temporary pass");
  await page.waitForURL("**/audit?activity=*");
  await page.waitForFunction((upn) => document.querySelector("main tbody")?.textContent.includes(upn), person.upn);
  await look("audit");
  const activities = await page.locator("main tbody tr td:nth-child(2)").allInnerTexts();
  assert.deepEqual([...new Set(activities)], ["Create temporary pass"]);
  const [file] = await Promise.all([page.waitForEvent("download"), hands.press("a[download]")]);
  assert.equal(file.suggestedFilename(), "audit.csv");
}

/** Makes licences a condition and takes that back, and buys some. */
export async function buyLicences({ page, go, look, hands }) {
  await go("/licences");
  const gate = page.locator("#app .panel .row").first();
  const before = await gate.innerText();
  await gate.locator("button").press("Enter");
  await page.waitForFunction((text) => document.querySelector("#app .panel .row").innerText !== text, before);
  await gate.locator("button").press("Enter");
  await page.waitForFunction((text) => document.querySelector("#app .panel .row").innerText === text, before);
  await hands.fill("#country", "IT");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".toast .notice-ok");
  await page.click(".toast button");
  await page.selectOption("#bought", { index: 0 });
  await hands.fill("#units", "25");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".toast .notice-ok");
  await page.waitForFunction(() => /\b25\b/.test(document.querySelector("main tbody")?.innerText ?? ""));
  await page.click(".toast button");
  await rest(page);
  await look("licences");
}

/** Saves the self-service policy with another number of days and puts it back. */
export async function changePolicy({ page, go, look, turned }) {
  await go("/sspr");
  await look("sspr");
  const was = await page.inputValue("#reconfirm");
  for (const days of ["123", was]) {
    await page.fill("#reconfirm", days);
    await page.press("#reconfirm", "Enter");
    await page.waitForSelector(".toast .notice-ok");
    await page.reload();
    await turned("/sspr");
    assert.equal(await page.inputValue("#reconfirm"), days);
  }
}

/** Sees a colour before it is saved; one that can't be read is not sent. */
export async function seeLook({ page, go, look }) {
  await go("/look");
  await look("look");
  await page.fill("#accent", "#ffcc00");
  await page.waitForSelector("#accent-error");
  await page.fill("#accent", "#123456");
  await page.waitForFunction(() => getComputedStyle(document.querySelector(".preview-light .link")).color === "rgb(18, 52, 86)");
  await look("look-preview");
}
