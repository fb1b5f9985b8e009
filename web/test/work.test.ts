// Proof of work: the digests, and the page in a real Chromium, against a server of this file.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { solve, zeroBits } from "../src/work.ts";

const CHALLENGE = "dGhlLXNlcnZlcidzLW93bi13b3Jkcw";
const PIECES = 8;

let browser: Browser;
let server: Server;
let origin: string;
let bodies: URLSearchParams[];
let bits: number;

/** Counts them in another way, one bit after the other. */
function zeros(text: string, piece: number, number: number): number {
  const digest = createHash("sha256").update(`${text}.${piece}.${number}`).digest();
  const all = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return all.indexOf("1");
}

function right(challenge: string, answer: string): boolean {
  const numbers = answer.split(".");
  return numbers.length === PIECES && numbers.every((number, piece) => zeros(challenge, piece, Number(number)) >= bits);
}

before(async () => {
  const files: Record<string, string> = { "/portal.js": "text/javascript", "/portal.css": "text/css" };
  server = createServer(async (request, response) => {
    const url = request.url ?? "";
    response.setHeader("content-security-policy", "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'");
    if (request.method === "POST") {
      let body = "";
      for await (const part of request) body += String(part);
      bodies.push(new URLSearchParams(body));
      response.setHeader("content-type", "text/html").end("<!doctype html><title>code</title><p id=code>code</p>");
    } else if (files[url] !== undefined) {
      response.setHeader("content-type", files[url]).end(await readFile(`dist${url}`));
    } else {
      const html = (await readFile("test/work.html", "utf8")).replace("CHALLENGE", CHALLENGE).replace("BITS", String(bits));
      response.setHeader("content-type", "text/html").end(html);
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

beforeEach(() => {
  bodies = [];
  bits = 9;
});

/** Opens the page, with its digests held back until `go` is called. */
async function held(): Promise<{ page: Page; go: () => Promise<void> }> {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.addInitScript(() => {
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    const gate = new Promise<void>((resolve) => Object.assign(globalThis, { ritornoGo: resolve }));
    crypto.subtle.digest = async (...args) => {
      await gate;
      return digest(...args);
    };
  });
  await page.goto(origin);
  return { page, go: () => page.evaluate("ritornoGo()") };
}

test("zero bits are counted as the server counts them", async () => {
  // The same values are in crates/identity/src/work.rs.
  assert.equal(await zeroBits("abc", 0, 0), 0);
  assert.equal(await zeroBits("abc", 3, 408), 13);
  for (let number = 0; number < 2_000; number += 1) {
    assert.equal(await zeroBits(CHALLENGE, number % PIECES, number), zeros(CHALLENGE, number % PIECES, number));
  }
});

test("each piece is solved, one after the other", async () => {
  const told: number[] = [];
  const answer = await solve(CHALLENGE, bits, PIECES, (solved) => told.push(solved));
  assert.ok(right(CHALLENGE, answer), answer);
  assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("the page says what it does, and goes on by itself", async () => {
  const { page, go } = await held();
  await page.waitForSelector("#work-running:not([hidden])");
  assert.equal(await page.isVisible("#work-waiting"), false);
  assert.equal(await page.innerText("#work-status"), "Your browser is computing.");
  // The status is said at once: nothing around it is busy.
  assert.equal(await page.getAttribute("#work-progress", "aria-busy"), "true");
  assert.equal(await page.locator('[aria-busy="true"] #work-status').count(), 0);
  assert.equal(await page.locator('[aria-busy="true"]').count(), 1);
  assert.equal(await page.getByRole("progressbar", { name: "How far it is" }).count(), 1);
  assert.equal(bodies.length, 0);
  await go();
  await page.waitForSelector("#code");
  assert.equal(bodies.length, 1);
  const [sent] = bodies;
  assert.deepEqual([sent?.get("name"), sent?.get("challenge")], ["anna@contoso.test", CHALLENGE]);
  assert.ok(right(CHALLENGE, sent?.get("answer") ?? ""), sent?.toString());
  await page.close();
});

test("the hardest there is leaves the page alive, and takes seconds at most", async () => {
  bits = 13;
  const page = await browser.newPage();
  const began = performance.now();
  await page.goto(origin);
  await page.waitForSelector("#code", { timeout: 30_000 });
  console.log(`65,536 digests on the average: ${Math.round(performance.now() - began)} ms`);
  assert.ok(right(CHALLENGE, bodies[0]?.get("answer") ?? ""));
  await page.close();
});

for (const without of ["JavaScript", "WebCrypto"]) {
  test(`without ${without} it says how long to wait`, async () => {
    const context = await browser.newContext({ javaScriptEnabled: without !== "JavaScript" });
    const page = await context.newPage();
    await page.addInitScript(() => Object.defineProperty(crypto, "subtle", { value: undefined }));
    await page.goto(origin);
    await page.waitForLoadState();
    await page.waitForSelector("#work-waiting:not([hidden])");
    assert.equal(await page.isVisible("#work-running"), false);
    await page.click("button");
    await page.waitForSelector("#code");
    assert.deepEqual([bodies[0]?.get("challenge"), bodies[0]?.get("answer")], [CHALLENGE, ""]);
    await context.close();
  });
}
