// The password page in a real Chromium, against a server of this file: what it shows, what it sends, what it keeps.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import vectors from "../../crates/protocol/vectors/policy.json" with { type: "json" };
import { encode } from "../src/seal/bytes.ts";
import type { Envelope } from "../src/seal/envelope.ts";
import { authority, NOW, TENANT, type Authority } from "./authority.ts";
import { open } from "./receiver.ts";

const GOOD = "Nuova-Passw0rd-€";
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'";
const FIRST = "1309ac3f-4e41-4128-a0fb-f259ae492bb6";
const SECOND = "78382582-2a6f-4e62-9a21-90e828e4c9d3";

let browser: Browser;
let server: Server;
let origin: string;
let agent: Authority;
let context: BrowserContext;
let page: Page;
/** The bodies that came in, and what the next ones are answered. */
let bodies: string[];
let answers: object[];
let wanted: (() => void) | undefined;
let release: Promise<void> | undefined;
let changes: object;
/** How the looks at the outcome are answered, one after another; the last for all that follow. */
let outcomes: ("lost" | "pending" | "nothing" | "told")[];
let looks: number;

function pageContext(request: string): object {
  const { policy } = vectors.find((entry) => entry.policy.forbid_names) ?? { policy: {} };
  return {
    root: encode(agent.root.point),
    server_time: NOW,
    context: {
      tenant: TENANT,
      operation: "reset",
      anchor: "AAECAwQFBgcICQoLDA0ODw==",
      request,
      expires_at: NOW + 600_000,
    },
    recipients: [agent.chain],
    policy,
    submit: "/submit",
    next: "/outcome",
  };
}

async function body(request: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

before(async () => {
  agent = await authority();
  const files: Record<string, [string, string]> = {
    "/portal.js": ["dist/portal.js", "text/javascript"],
    "/strength.js": ["dist/strength.js", "text/javascript"],
    "/portal.css": ["dist/portal.css", "text/css"],
  };
  server = createServer(async (request, response) => {
    const url = request.url ?? "";
    if (url === "/submit") {
      bodies.push(await body(request));
      wanted?.();
      await release;
      const answer = answers.shift();
      if (answer === undefined) response.destroy();
      else response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    } else if (files[url] !== undefined) {
      response.setHeader("content-type", files[url][1]).end(await readFile(files[url][0]));
    } else if (url === "/") {
      const value = JSON.stringify({ ...pageContext(FIRST), ...changes }).replaceAll('"', "&quot;");
      const html = (await readFile("test/page.html", "utf8")).replace("CONTEXT", () => value);
      response.setHeader("content-type", "text/html").setHeader("content-security-policy", CSP).end(html);
    } else if (url === "/outcome") {
      looks += 1;
      const how = outcomes.length > 1 ? outcomes.shift() : outcomes[0];
      const shown = how === "pending" ? '<p id="pending">Wait</p>' : "<p>Done</p>";
      if (how === "lost") response.destroy();
      else if (how === "nothing") response.writeHead(303, { location: "/fresh" }).end();
      else response.setHeader("content-type", "text/html").end(`<!doctype html><title>${url}</title>${shown}`);
    } else {
      response.setHeader("content-type", "text/html").end(`<!doctype html><title>${url}</title>`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  });
});

after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

beforeEach(async () => {
  await context?.close();
  bodies = [];
  answers = [];
  wanted = undefined;
  release = undefined;
  changes = {};
  outcomes = ["told"];
  looks = 0;
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
});

async function type(password: string, again = password): Promise<void> {
  await page.fill("#new-password", password);
  await page.fill("#again-password", again);
}

const state = (rule: string): Promise<string | null> =>
  page.getAttribute(`[data-rule="${rule}"]`, "data-state");

/** Opens what was sent, as the agent would. */
async function opened(index: number): Promise<string> {
  const envelope = JSON.parse(bodies[index] ?? "") as Envelope;
  const wrap = envelope.recipients[0];
  assert.ok(wrap);
  return (await open(envelope, wrap.key, agent.sealing.pair.privateKey)).new;
}

test("each rule turns while typing, in words as well as colour", async () => {
  await page.goto(origin);
  assert.equal(await state("minimum_length"), "unknown");
  await page.fill("#new-password", "rossi");
  assert.deepEqual(await Promise.all(["minimum_length", "complexity", "contains_name", "history"].map(state)), [
    "broken",
    "broken",
    "broken",
    "unknown",
  ]);
  assert.match((await page.textContent('[data-rule="minimum_length"]')) ?? "", /not met$/);
  await page.waitForFunction(() => document.getElementById("rules-status")?.textContent?.includes("At least 8"));
  await page.fill("#new-password", GOOD);
  assert.deepEqual(await Promise.all(["minimum_length", "complexity", "contains_name", "history"].map(state)), [
    "met",
    "met",
    "met",
    "unknown",
  ]);
});

test("how hard it is to guess is told once somebody types, with what is known of the person", async () => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await page.goto(origin);
  assert.ok(!loaded.includes("/strength.js"), "it is loaded when it is needed");
  const said = (words: string): Promise<unknown> =>
    page.waitForFunction((wanted) => document.querySelector(".strength-text")?.textContent === wanted, words);
  await page.fill("#new-password", "Password1!");
  await said("Easy to guess");
  await page.fill("#new-password", "Qz7-vhTm-4wXe-rK9d");
  await said("Very hard to guess");
  await page.waitForFunction(() => /Very hard/.test(document.getElementById("rules-status")?.textContent ?? ""));
  await page.fill("#new-password", "");
  await said("");
  assert.equal(loaded.filter((path) => path === "/strength.js").length, 1);
});

test("a meter that can't be had is no obstacle", async () => {
  answers = [{ state: "done", location: "/done" }];
  await page.route("**/strength.js", (route) => route.abort());
  await page.goto(origin);
  await type(GOOD);
  await page.waitForSelector("#strength", { state: "hidden" });
  await page.click("#submit-password");
  await page.waitForURL(`${origin}/done`);
});

test("a suggested password keeps the rules, can be seen, and is sent", async () => {
  answers = [{ state: "done", location: "/done" }];
  await page.goto(origin);
  await page.click("#suggest-password");
  const suggested = await page.inputValue("#new-password");
  assert.match(suggested, /^(\w{5}-){3}\w{5}$/);
  assert.equal(await page.inputValue("#again-password"), suggested);
  assert.equal(await page.getAttribute("#new-password", "type"), "text");
  assert.equal(await page.textContent("#suggested"), "Keep it before you go on.");
  const states = await Promise.all(["minimum_length", "complexity", "contains_name"].map(state));
  assert.deepEqual(states, ["met", "met", "met"]);
  await page.click("#suggest-password");
  assert.notEqual(await page.inputValue("#new-password"), suggested);
  assert.equal(await page.getAttribute("#new-password", "type"), "text", "it stays in sight");
  const last = await page.inputValue("#new-password");
  await page.click("#submit-password");
  await page.waitForURL(`${origin}/done`);
  assert.equal(await opened(0), last);
});

test("what is sent opens for the agent, and the page keeps nothing", async () => {
  answers = [{ state: "done", location: "/done" }];
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("request", (request) => said.push(request.url(), request.postData() ?? ""));
  let held = (): void => undefined;
  release = new Promise((resolve) => (held = resolve));
  const arrived = new Promise<void>((resolve) => (wanted = resolve));
  await page.goto(origin);
  await type(GOOD);
  await page.keyboard.press("Enter");
  await arrived;
  assert.equal(await page.isDisabled("#submit-password"), true);
  assert.equal(await page.textContent("#progress"), "Changing your password…");
  assert.deepEqual(
    await page.evaluate(() => [...document.querySelectorAll("input")].map((input) => input.value)),
    ["", ""],
  );
  const kept = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify(localStorage));
  assert.ok(!kept.includes(GOOD));
  assert.ok(Number(await page.getAttribute("html", "data-seal-ms")) > 0);
  held();
  await page.waitForURL(`${origin}/done`);
  assert.equal(await opened(0), GOOD);
  assert.ok(said.length > 3 && !said.some((text) => text.includes(GOOD)));
});

test("a password is sealed in less than 50 ms", async () => {
  const measured: number[] = [];
  for (let times = 0; times < 7; times += 1) {
    answers.push({ state: "refused", rule: { rule: "history", remembered: 24 }, message: "Used before." });
    await page.goto(origin);
    await type(GOOD);
    // The outcome's page takes its place: what was measured is read before.
    const sealed = page.waitForFunction(() => document.documentElement.dataset["sealMs"]);
    let held = (): void => undefined;
    release = new Promise((resolve) => (held = resolve));
    await page.click("#submit-password");
    measured.push(Number(await (await sealed).jsonValue()));
    held();
    await page.waitForURL(`${origin}/outcome`);
  }
  const middle = measured.sort((one, other) => one - other)[3] ?? Infinity;
  assert.ok(middle > 0 && middle < 50, `sealing took ${measured.join(", ")} ms`);
});

test("a refusal names its rule and the next try goes under a new request", async () => {
  const next = (pageContext(SECOND) as { context: object }).context;
  answers = [
    { state: "refused", rule: { rule: "history", remembered: 24 }, message: "Used before.", context: next },
    { state: "done", location: "/done" },
  ];
  await page.goto(origin);
  await type(GOOD);
  await page.click("#submit-password");
  await page.waitForSelector("#password-error:not([hidden])");
  assert.equal(await page.textContent("#password-error"), "Used before.");
  assert.equal(await state("history"), "broken");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "new-password");
  await type(GOOD + "2");
  assert.equal(await state("history"), "unknown");
  assert.equal(await page.isHidden("#password-error"), true);
  await page.click("#submit-password");
  await page.waitForURL(`${origin}/done`);
  assert.deepEqual(bodies.map((sent) => (JSON.parse(sent) as Envelope).request), [FIRST, SECOND]);
  assert.equal(await opened(1), GOOD + "2");
});

test("a refusal that allows no further try here leads to where it is told", async () => {
  answers = [{ state: "refused", rule: { rule: "unnamed" }, message: "Refused.", location: "/refused" }];
  await page.goto(origin);
  await type(GOOD);
  await page.click("#submit-password");
  await page.waitForURL(`${origin}/refused`);
});

test("what is done and can't be written down is told on the spot", async () => {
  answers = [{ state: "done", stay: true, message: "Changed; the mail comes later.", location: "/done" }];
  await page.goto(origin);
  await type(GOOD);
  await page.click("#submit-password");
  const told = page.locator(".notice-ok[role=status]");
  await told.waitFor();
  assert.equal(await told.textContent(), "Changed; the mail comes later.");
  assert.equal(await told.evaluate((element) => element === document.activeElement), true);
  assert.equal(await page.locator("form").count(), 0);
  // The devices that still have the old password lock the account as well where the page stays.
  for (const hint of ["Your phone has the old one.", "So has your laptop."]) assert.equal(await page.isVisible(`text=${hint}`), true, hint);
  assert.equal(new URL(page.url()).pathname, "/");
});

test("nothing is sent while a rule is broken or the two differ", async () => {
  await page.goto(origin);
  await type("Short1");
  await page.click("#submit-password");
  assert.match((await page.textContent("#password-error")) ?? "", /^At least 8 characters: not met$/);
  await type(GOOD, GOOD + "x");
  await page.click("#submit-password");
  assert.equal(await page.textContent("#password-error"), "The two passwords differ.");
  assert.equal(await page.getAttribute("#again-password", "aria-invalid"), "true");
  assert.equal(bodies.length, 0);
});

test("nothing is sealed for a chain that does not hold, or after the expiry", async () => {
  const stranger = await authority();
  const expired = { ...(pageContext(FIRST) as { context: object }).context, expires_at: NOW };
  const cases = [
    { recipients: [agent.chain, stranger.chain] },
    { root: encode(stranger.root.point) },
    { recipients: [] },
    { server_time: NOW + 86_400_000 },
    { context: expired },
  ];
  for (const bad of cases) {
    changes = bad;
    await page.goto(origin);
    await type(GOOD);
    await page.click("#submit-password");
    await page.waitForSelector("#password-error:not([hidden])");
    assert.match((await page.textContent("#password-error")) ?? "", /can't protect/);
    assert.equal(await page.inputValue("#new-password"), "");
  }
  assert.equal(bodies.length, 0);
});

test("a double click sends once", async () => {
  answers = [{ state: "done", location: "/done" }];
  await page.goto(origin);
  await type(GOOD);
  await page.dblclick("#submit-password");
  await page.waitForURL(`${origin}/done`);
  assert.equal(bodies.length, 1);
});

/** Sends a password whose answer is lost, on a page whose time goes as it is told. */
async function lost(): Promise<void> {
  await page.clock.install();
  await page.goto(origin);
  await type(GOOD);
  await page.click("#submit-password");
  await page.waitForSelector("#password-error a");
}

/** Lets the page's time go on until `reached`. */
async function later(reached: () => Promise<boolean>): Promise<void> {
  for (let seconds = 0; seconds < 120; seconds += 1) {
    if (await reached()) return;
    await page.clock.runFor(1_000).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`still at ${page.url()}: ${await page.innerText("body")}`);
}

const at = (path: string) => async (): Promise<boolean> => page.url() === `${origin}${path}`;

// Chromium itself repeats a POST whose kept-alive connection was reset. That is the same envelope with the same request
// id, which the server and the agent's journal answer once.
test("a broken connection is told, nothing new is sealed, and a link leads to the outcome", async () => {
  await lost();
  assert.equal(new Set(bodies).size, 1);
  assert.equal(await page.isDisabled("#submit-password"), true);
  assert.equal(await page.textContent("#progress"), "We are looking.");
  assert.equal(looks, 0, "it waits before it looks");
  await page.click("#password-error a");
  await page.waitForURL(`${origin}/outcome`);
});

test("after a broken connection the page goes on by itself, once there is an end, and sends nothing again", async () => {
  outcomes = ["lost", "nothing", "pending", "told"];
  await lost();
  await later(at("/outcome"));
  // Chromium repeats a GET whose connection was reset, too.
  assert.ok(looks >= 5, `four looks and the page itself, not ${looks}`);
  assert.equal(new Set(bodies).size, 1);
});

test("what has not arrived after the last look leads to where a password can be typed", async () => {
  outcomes = ["nothing"];
  await lost();
  await later(at("/fresh"));
  assert.equal(looks, 6, "five looks, and the way there");
  assert.equal(new Set(bodies).size, 1);
});

test("a connection that stays away leaves the link, and says so", async () => {
  outcomes = ["lost"];
  await lost();
  await later(async () => (await page.textContent("#progress")) === "It does not come back.");
  assert.equal(page.url(), `${origin}/`);
  assert.equal(await page.isVisible("#password-error a"), true);
  assert.equal(await page.isDisabled("#submit-password"), true);
  assert.equal(new Set(bodies).size, 1);
});

test("show and hide", async () => {
  await page.goto(origin);
  await page.click("#show-password");
  assert.equal(await page.getAttribute("#again-password", "type"), "text");
  assert.equal(await page.getAttribute("#show-password", "aria-pressed"), "true");
  await page.click("#show-password");
  assert.equal(await page.getAttribute("#new-password", "type"), "password");
});

test("no accessibility fault, in light and dark, narrow and wide, in every state", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [320, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(origin);
      for (const password of ["", "rossi", GOOD]) {
        await page.fill("#new-password", password);
        const { violations } = await new AxeBuilder({ page })
          .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
          .analyze();
        assert.deepEqual(violations.map((violation) => `${violation.id}: ${violation.help}`), []);
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${width} px: ${overflow} px too wide`);
    }
  }
});
