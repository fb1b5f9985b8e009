// Resets one password through the pages. As a program: a job as JSON on standard input, measurements as JSON on standard
// output. `{"url", "ca", "upn", "address", "mail", "new_password", "language", "artifacts"}`.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./chromium.mjs";
import { Walk } from "./walk.mjs";

/** Resets the password of `job.upn`; throws unless the outcome page says that the new one works. */
export async function resetPassword(job) {
  const { browser, close } = await openBrowser(job.ca);
  try {
    const page = await browser.newPage({ locale: job.language });
    const walk = new Walk(page, job, job, job.language);
    try {
      return await walkThrough(walk, job.new_password);
    } catch (error) {
      await walk.picture("failed");
      const text = await page.innerText("body").catch(() => "nothing");
      throw new Error(`${error.message}\nat ${page.url()}, which shows:\n${text}`, { cause: error });
    }
  } finally {
    await close();
  }
}

async function walkThrough(walk, password) {
  await walk.measure();
  await walk.front();
  await walk.picture("1-front");
  const first = await transferred(walk.page);
  await walk.name();
  await walk.picture("2-code");
  await walk.give(await walk.code());
  await walk.page.waitForSelector("#submit-password:not([disabled])");
  await walk.type(password);
  await walk.picture("3-password");
  const felt = await walk.submit();
  await walk.picture("4-outcome");
  if ((await walk.page.locator(".notice-ok").count()) !== 1) {
    throw new Error(`the outcome page does not say that it is done: ${await walk.page.innerText("main")}`);
  }
  return {
    submit_to_answer_ms: round(felt),
    seal_ms: round(walk.measured.seal),
    request_ms: round(walk.measured.submit),
    first_page_bytes: first,
    ...effort([walk.person.upn, "00000000", password, password], felt),
  };
}

/** What a tired person on a phone is assumed to need: to type a sign, to read a page and press its button, to find the code in the mail, in seconds. */
const ASSUMED = { sign: 0.35, page: 3, mail: 10 };
/** How many pages with a form there are: the name, the code, the password. */
const STEPS = 3;

/** How many steps and fields the way has, and how long it takes by what is assumed. */
function effort(fields, felt) {
  const signs = fields.join("").length;
  const seconds = Math.round(signs * ASSUMED.sign + STEPS * ASSUMED.page + ASSUMED.mail + felt / 1_000);
  return { steps: STEPS, fields: fields.length, signs, person_seconds: seconds };
}

/** Bytes that the page and what belongs to it took on the wire, headers included. */
function transferred(page) {
  return page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce(
      (sum, entry) => sum + entry.transferSize,
      0,
    ),
  );
}

function round(ms) {
  if (typeof ms !== "number") throw new Error("the page's script measured nothing");
  return Math.round(ms * 10) / 10;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const measured = await resetPassword(JSON.parse(readFileSync(0, "utf8")));
  process.stdout.write(`${JSON.stringify(measured)}\n`);
}
