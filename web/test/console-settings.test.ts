// The console's pages of licences, the self-service policy and the look in a real Chromium.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { visits } from "./console-browser.ts";
import { problem, type ConsoleServer, type Said } from "./console-server.ts";

const ok = (body: unknown, tag?: string): Said => ({ status: 200, body, ...(tag !== undefined && { headers: { ETag: tag } }) });
/** A ring and a bar would do as well: one black pixel as a PNG picture. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
const PROOFS = { gates: 1, methods: ["mail", "app"], to_register: 1, must_differ: true };
const POLICY = {
  only_groups: [{ id: "g1", name: "Staff" }, { id: "g2", name: null }], proofs: PROOFS, questions: { to_register: 3, to_ask: 3, own: [] }, reconfirm_days: 180, expiry_mail_days: [14, 1],
};
const LOOK = {
  name: "Contoso", accent: "#8a1538", accent_dark: null, helpdesk_url: null, contrast: { colour: "#8a1538", ratio: 8.5 }, contrast_dark: null, logo: null, logo_dark: null,
};

function settings(): Map<string, Said> {
  const method = (name: string, more: object = {}) => ({ name, available: true, registered: true, opens_first: true, for_administrators: false, ...more });
  return new Map<string, Said>([
    ["GET /licences", ok({ required: true, usage_location: "IT" }, '"l1"')],
    ["PUT /licences", ok({ required: false, usage_location: "IT" }, '"l2"')],
    ["GET /licences/products", ok([
      { product: "AAD_PREMIUM", id: "p1", title: "Premium P1", units: 50, consumed: 52 },
      { product: "AAD_PREMIUM_P2", id: "p2", title: "Premium P2", consumed: 0 },
    ])],
    ["GET /licences/products/AAD_PREMIUM", ok({ product: "AAD_PREMIUM", id: "p1", title: "Premium P1", units: 50 }, '"p1"')],
    ["GET /licences/assignments", ok({ items: [{ product: "AAD_PREMIUM", kind: "group", holder: "g1", name: "Staff", usage_location: "IT", without: "" }], next: null })],
    ["GET /licences/refused", ok({ items: ["luca.verdi@contoso.test"], next: "after-luca" })],
    ["GET /sspr-policy", ok(POLICY, '"s1"')],
    ["GET /sspr-policy/methods", ok([
      method("mail"), method("sms", { available: false, lacks: "no gateway" }), method("app", { for_administrators: true }), method("passkey", { for_administrators: true }),
      method("recovery-code"), method("questions", { opens_first: false }), method("temporary-pass", { registered: false }),
    ])],
    ["GET /sspr-policy/groups", ok([{ group: { id: "g3", name: "Board" }, proofs: { ...PROOFS, gates: 2 }, reconfirm_days: null }])],
    ["GET /look", ok(LOOK, '"k1"')],
  ]);
}

const visit = visits(settings);
let server: ConsoleServer;
let page: Page;

beforeEach(() => ({ server, page } = visit));

const told = () => page.waitForSelector(".toast .notice-ok");

test("every page of settings is sound in both languages", async () => {
  for (const language of ["en", "it"]) {
    for (const place of ["/licences", "/sspr", "/look"]) {
      await visit.at(place, language);
      for (const summary of await page.locator("main details > summary").all()) await summary.click();
      await visit.sound(`${place} ${language}`);
    }
  }
  assert.deepEqual(visit.complaints, []);
});

test("licences are bought, assigned, taken back, and made a condition, each as it was seen", async () => {
  await visit.at("/licences");
  assert.match(await page.innerText("main"), /52 more than were bought/);
  await page.click("main .panel .row button");
  for (let tries = 0; tries < 100 && visit.asked("PUT /licences").length === 0; tries += 1) await page.waitForTimeout(50);
  const put = visit.asked("PUT /licences")[0];
  assert.deepEqual([put?.body, put?.headers["if-match"]], [{ required: false, usage_location: "IT" }, '"l1"']);

  server.answers.set("PUT /licences/products/AAD_PREMIUM", ok({ product: "AAD_PREMIUM", id: "p1", title: "Premium P1", units: 60 }));
  await page.fill("#units", "60");
  await page.press("#units", "Enter");
  await told();
  const bought = visit.asked("PUT /licences/products/AAD_PREMIUM")[0];
  assert.deepEqual([bought?.body, bought?.headers["if-match"]], [{ units: 60 }, '"p1"']);

  server.answers.set("POST /licences/assignments", problem("licence", 422, { detail: "Nobody has this name." }));
  await page.fill("#whom", "anna@contoso.test");
  await page.press("#whom", "Enter");
  await page.waitForSelector("[aria-label='Assign'] [role=alert]");
  assert.equal(await page.inputValue("#whom"), "anna@contoso.test");
  server.answers.set("POST /licences/assignments", { status: 201, body: {} });
  await page.selectOption("#kind", "group");
  await page.press("#whom", "Enter");
  await page.waitForFunction(() => /is assigned/.test(document.querySelector(".toast")?.textContent ?? ""));
  assert.deepEqual(visit.asked("POST /licences/assignments").at(-1)?.body, { product: "AAD_PREMIUM", group: "anna@contoso.test", without: [] });

  server.answers.set("DELETE /licences/assignments/AAD_PREMIUM/group/g1", { status: 204 });
  await page.click("[aria-label='Who has what'] button");
  await page.click("dialog[open] button:last-of-type");
  await page.waitForFunction(() => /is taken back/.test(document.querySelector(".toast")?.textContent ?? ""));
  server.answers.set("GET /licences/refused", ok({ items: ["marta@contoso.test"], next: null }));
  await page.click(".paging button");
  await page.waitForFunction(() => /marta@contoso.test/.test(document.querySelector("main")?.textContent ?? ""));
  assert.match(visit.asked("GET /licences/refused").at(-1)?.query ?? "", /cursor=after-luca/);
});

test("the policy is sent whole, as it was seen; what can't be so is told where it stands", async () => {
  await visit.at("/sspr");
  assert.equal(await page.inputValue("#only"), "Staff\ng2");
  await page.check("text=Passkeys");
  await page.selectOption("#everybody-first", "app");
  await page.selectOption("#everybody-gates", "2");
  await page.fill("#expiry", "14 seven");
  await page.click("#save-policy");
  assert.equal(await page.getAttribute("#expiry", "aria-invalid"), "true");
  assert.deepEqual(visit.changes(), []);
  await page.fill("#expiry", "30, 7");
  server.answers.set("PUT /sspr-policy", problem("policy", 422, { member: "/only_groups/1", detail: "That group is gone." }));
  await page.click("#save-policy");
  await page.waitForSelector("#only-error");
  assert.equal(await page.innerText("#only-error"), "That group is gone.");
  const sent = visit.asked("PUT /sspr-policy")[0];
  assert.equal(sent?.headers["if-match"], '"s1"');
  assert.deepEqual(sent?.body, { ...POLICY, expiry_mail_days: [30, 7], proofs: { ...PROOFS, gates: 2, methods: ["app", "mail", "passkey"] } });
  server.answers.set("PUT /sspr-policy", ok(POLICY, '"s2"'));
  await page.click("#save-policy");
  await told();
  // What the server lacks something for can't be ticked.
  assert.equal(await page.locator("text=Codes by text message").locator("input").first().isDisabled(), true);
});

test("a group gets proofs of its own, and loses them after a question", async () => {
  await visit.at("/sspr");
  await page.click("main details > summary");
  server.answers.set("PUT /sspr-policy/groups/Sales%20north", problem("not-found", 404));
  await page.fill("#group", "Sales north");
  await page.press("#group", "Enter");
  await page.waitForSelector("#group-error");
  server.answers.set("PUT /sspr-policy/groups/Sales%20north", ok({ group: { id: "g4", name: "Sales north" }, proofs: PROOFS, reconfirm_days: null }));
  await page.press("#group", "Enter");
  await told();
  assert.deepEqual(visit.asked("PUT /sspr-policy/groups/Sales%20north").at(-1)?.body, { proofs: PROOFS, reconfirm_days: null });
  server.answers.set("DELETE /sspr-policy/groups/g3", { status: 204 });
  await page.click(".table button");
  await page.click("dialog[open] button:last-of-type");
  await page.waitForFunction(() => /no proofs of its own/.test(document.querySelector(".toast")?.textContent ?? ""));
});

test("a colour shows itself and its contrast before it is saved, and one that can't be read is not sent", async () => {
  await visit.at("/look");
  const colour = (sheet: string) => page.evaluate((of) => getComputedStyle(document.querySelector(`.preview-${of} .link`) ?? document.body).color, sheet);
  assert.equal(await colour("light"), "rgb(138, 21, 56)");
  await page.fill("#accent", "#ffcc00");
  await page.waitForSelector("#accent-error");
  assert.match(await page.innerText("#accent-error"), /1\.34:1 .*darker/);
  await page.click("#save-look");
  assert.deepEqual(visit.changes(), []);
  await page.fill("#accent", "#123456");
  await page.waitForFunction(() => getComputedStyle(document.querySelector(".preview-light .link") ?? document.body).color === "rgb(18, 52, 86)");
  assert.match(await page.innerText("#accent-hint"), /contrast of 1\d\.\d+:1/);
  assert.match(await page.innerText("#accent-dark-hint"), /contrast of \d/);
  server.answers.set("PUT /look", ok({ ...LOOK, accent: "#123456" }, '"k2"'));
  await page.click("#save-look");
  await told();
  const put = visit.asked("PUT /look")[0];
  assert.deepEqual([put?.body, put?.headers["if-match"]], [{ name: "Contoso", accent: "#123456", accent_dark: null, helpdesk_url: null }, '"k1"']);
  assert.deepEqual(visit.complaints, []);
});

test("a logo is seen before it is sent, as a picture and as it was seen", async () => {
  await visit.at("/look");
  await page.setInputFiles("#logo-light", { name: "logo.png", mimeType: "image/png", buffer: PNG });
  await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>(".preview-light canvas")?.width === 1);
  assert.equal(await page.locator(".preview-dark canvas.on-white").count(), 1);
  server.answers.set("PUT /look/logos/light", problem("look", 422, { detail: "It is no PNG picture." }));
  await page.click("#put-light");
  await page.waitForSelector("#logo-light-error");
  server.answers.set("PUT /look/logos/light", ok(LOOK, '"k2"'));
  await page.click("#put-light");
  await told();
  const put = visit.asked("PUT /look/logos/light").at(-1);
  assert.deepEqual([put?.headers["content-type"], put?.headers["if-match"]], ["image/png", '"k1"']);
  assert.deepEqual(visit.complaints, []);
});

test("who may not change it sees how it is", async () => {
  visit.may("change-tenant");
  for (const place of ["/licences", "/sspr", "/look"]) {
    await visit.at(place);
    assert.equal(await page.locator("main button:not([disabled]):not(.paging button)").count(), 0, place);
  }
});
