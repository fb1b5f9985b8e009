// The page that asks for the current password in a real Chromium, against a server of this file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { encode } from "../src/seal/bytes.ts";
import type { Envelope } from "../src/seal/envelope.ts";
import { authority, NOW, TENANT, type Authority } from "./authority.ts";
import { open } from "./receiver.ts";

const CURRENT = "Attuale-Passw0rd-€";
const FIRST = "1309ac3f-4e41-4128-a0fb-f259ae492bb6";
const SECOND = "78382582-2a6f-4e62-9a21-90e828e4c9d3";

let browser: Browser;
let server: Server;
let origin: string;
let agent: Authority;
let page: Page;
let bodies: string[];
let answers: object[];

function context(request: string): object {
  const anchor = "AAECAwQFBgcICQoLDA0ODw==";
  return { tenant: TENANT, operation: "verify", anchor, request, expires_at: NOW + 600_000 };
}

before(async () => {
  agent = await authority();
  const files: Record<string, string> = { "/portal.js": "text/javascript", "/portal.css": "text/css" };
  server = createServer(async (request, response) => {
    const url = request.url ?? "";
    if (url === "/verify") {
      let body = "";
      for await (const part of request) body += String(part);
      bodies.push(body);
      const answer = answers.shift();
      if (answer === undefined) response.destroy();
      else response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    } else if (files[url] !== undefined) {
      response.setHeader("content-type", files[url]).end(await readFile(`dist${url}`));
    } else if (url === "/") {
      const root = encode(agent.root.point);
      const handed = { root, server_time: NOW, context: context(FIRST), recipients: [agent.chain] };
      const value = JSON.stringify({ ...handed, submit: "/verify", next: "/address" }).replaceAll('"', "&quot;");
      const html = (await readFile("test/verify.html", "utf8")).replace("CONTEXT", () => value);
      response.setHeader("content-type", "text/html").end(html);
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
  await page?.close();
  bodies = [];
  answers = [];
  page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(origin);
});

/** Types a password and sends it. */
async function send(password: string): Promise<void> {
  await page.fill("#current-password", password);
  await page.keyboard.press("Enter");
}

/** What the agent reads out of an envelope. */
async function opened(index: number): Promise<{ new?: string; old?: string }> {
  const envelope = JSON.parse(bodies[index] ?? "") as Envelope;
  const wrap = envelope.recipients[0];
  assert.ok(wrap);
  return open(envelope, wrap.key, agent.sealing.pair.privateKey);
}

test("the password is sealed as the typed one, and the next try goes under a new request", async () => {
  answers = [
    { state: "refused", message: "Not confirmed.", context: context(SECOND) },
    { state: "done", location: "/address" },
  ];
  await send("Wrong-Passw0rd");
  await page.waitForSelector("#password-error:not([hidden])");
  assert.equal(await page.textContent("#password-error"), "Not confirmed.");
  assert.equal(await page.inputValue("#current-password"), "");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "current-password");
  await send(CURRENT);
  await page.waitForURL(`${origin}/address`);
  assert.deepEqual(bodies.map((sent) => (JSON.parse(sent) as Envelope).request), [FIRST, SECOND]);
  const sealed = await opened(1);
  assert.equal(sealed.old, CURRENT);
  assert.ok(!sealed.new, "it is no new password");
  assert.ok(!bodies.some((sent) => sent.includes(CURRENT)));
});

test("without another context nothing more is sent", async () => {
  answers = [{ state: "refused", message: "Too many.", location: "/register" }];
  await send(CURRENT);
  await page.waitForSelector("#password-error:not([hidden])");
  assert.equal(await page.isDisabled("#submit-password"), true);
  await send(CURRENT);
  assert.equal(bodies.length, 1);
});

test("a lost connection is said so, and an empty field sends nothing", async () => {
  await page.click("#submit-password");
  assert.equal(bodies.length, 0);
  await send(CURRENT);
  await page.waitForSelector("#password-error:not([hidden])");
  assert.equal(await page.textContent("#password-error"), "The connection was lost.");
  assert.equal(await page.inputValue("#current-password"), "");
  assert.equal(await page.isDisabled("#submit-password"), true);
});
