// Measures the portal in a headless Chromium: what the first page takes on the wire, and how long its script seals.
// A job as JSON on standard input, `{"url", "ca", "upn", "address", "mail", "runs"}`; measurements as JSON on standard
// output. No password is set: the envelopes end in this script, which answers as if the directory had refused.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { openBrowser } from "../../tests/browser/chromium.mjs";
import { Walk } from "../../tests/browser/walk.mjs";

const job = JSON.parse(readFileSync(0, "utf8"));
const { browser, close } = await openBrowser(job.ca);
try {
  const first = [];
  for (let run = 0; run < job.runs; run += 1) first.push(await firstPage(browser));
  process.stdout.write(`${JSON.stringify({ first_page_bytes: first, seal_ms: await seals(browser) })}\n`);
} finally {
  await close();
}

/** Bytes of the first page and all that belongs to it, in an empty browser, as they went over the wire. */
async function firstPage(browser) {
  const context = await browser.newContext({ locale: "en" });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
  await page.goto(job.url, { waitUntil: "networkidle" });
  await context.close();
  return bytes;
}

/** Milliseconds of each sealing by the page's own script, as it measures itself. */
async function seals(browser) {
  const page = await browser.newPage({ locale: "en" });
  const walk = new Walk(page, job, job, "en");
  let sealed;
  await page.route("**/reset/submit", async (route) => {
    sealed = JSON.parse(route.request().postData());
    const { tenant, operation, anchor, expires_at } = sealed;
    const context = { tenant, operation, anchor, expires_at, request: randomUUID() };
    await route.fulfill({ json: { state: "refused", rule: { rule: "history" }, message: "again", context } });
  });
  await walk.toPassword();
  const times = [];
  // The first seal also compiles the script's functions: it is what a person feels, so it counts like the others.
  for (let run = 0; run < job.runs; run += 1) {
    sealed = undefined;
    await walk.type(`Misura-${run}-abcdefgh`);
    await walk.refused();
    if (sealed === undefined) throw new Error("no envelope was sent");
    times.push(Number(await page.getAttribute("html", "data-seal-ms")));
  }
  if (times.some((ms) => !(ms > 0))) throw new Error(`the page's script measured nothing: ${times}`);
  return times;
}
