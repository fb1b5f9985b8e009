// Codes by text message, in a browser, against the whole running system and a gateway. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   sms_port: where the gateway is looked for
//   people: `mobile` registers a number, and `directory` has one in the directory; each {upn, address, current, password}
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { walks } from "./walks.mjs";
import { choose, gateway, named, toMethods } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "methods");

/** Passes the gate with a code by text message. */
async function bySms(walk, code, number) {
  const { page } = walk;
  await named(walk);
  await page.click('form[action="/reset/sms/send"] button');
  await page.waitForSelector('form[action="/reset/sms"]');
  await look(walk, "sms");
  await page.fill("#code", "00000000");
  await page.click('form[action="/reset/sms"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "sms-wrong");
  await page.fill("#code", await code(number));
  await page.click('form[action="/reset/sms"] button');
  await choose(walk);
}

walking("a mobile number is registered, and its code opens the gate", "mobile", "it", async (walk) => {
  await gateway(job.sms_port, async (code) => {
    const { page } = walk;
    await toMethods(walk);
    await look(walk, "list-sms");
    await page.click("#to-mobile");
    await page.waitForSelector("#number");
    await look(walk, "mobile");
    await page.fill("#number", "333 1234567");
    await page.click('form[action="/register/mobile"] button');
    await page.waitForSelector('[role="alert"] #fault');
    await look(walk, "mobile-wrong");
    await page.fill("#number", "+39 333 1234567");
    await page.click('form[action="/register/mobile"] button');
    await page.waitForSelector("#code");
    await look(walk, "mobile-code");
    await page.fill("#code", await code("+393331234567"));
    await page.click('form[action="/register/mobile/code"] button');
    await page.waitForSelector(".notice-ok");
    await look(walk, "mobile-registered");
    await bySms(walk, code, "+393331234567");
  });
});

walking("a number from the directory opens the gate", "directory", "en", async (walk) => {
  await gateway(job.sms_port, (code) => bySms(walk, code, "+393337654321"));
});
