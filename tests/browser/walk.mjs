// A person's way through the pages, step by step, so that every test walks it the same way.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessibilityFaults } from "./chromium.mjs";
import { code, mailAfter, newest } from "./mailbox.mjs";

/** No fault of accessibility in light and dark, and nothing wider than the smallest phone, written from left to right or the other way. */
export async function sound({ page }) {
  const size = page.viewportSize();
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await accessibilityFaults(page), [], page.url());
  }
  await page.setViewportSize({ width: 320, height: 800 });
  for (const direction of ["rtl", "ltr"]) {
    const width = await page.evaluate((dir) => {
      document.documentElement.dir = dir;
      return document.documentElement.scrollWidth;
    }, direction);
    assert.ok(width <= 320, `${page.url()} is ${width} px wide on a phone of 320 px (${direction})`);
  }
  await page.setViewportSize(size);
}

/** A page of the portal for one person, and what its script measured. */
export class Walk {
  /**
   * @param page a page of Playwright's
   * @param {{url: string, mail: string, artifacts?: string}} place the portal, the mail page, where pictures go
   * @param {{upn: string, address: string}} person who walks
   * @param {string} language `en` or `it`
   */
  constructor(page, place, person, language) {
    Object.assign(this, { page, place, person, language, measured: {}, sent: 0 });
    page.setDefaultTimeout(20_000);
    page.on("request", (request) => {
      if (request.method() === "POST" && new URL(request.url()).pathname === "/reset/submit") this.sent += 1;
    });
  }

  /** Starts to collect what the page's script measures (`seal`, `submit`), across pages. */
  async measure() {
    await this.page.exposeFunction("ritornoMeasured", (name, ms) => {
      this.measured[name] = ms;
    });
    await this.page.addInitScript(() => {
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.ritornoMeasured(entry.name, entry.duration);
      }).observe({ type: "measure", buffered: true });
    });
  }

  /** Keeps a picture of the page. */
  async picture(name) {
    if (this.place.artifacts === undefined) return;
    mkdirSync(this.place.artifacts, { recursive: true });
    await this.page.screenshot({ path: join(this.place.artifacts, `${this.language}-${name}.png`), fullPage: true });
  }

  /** Adds to an error where the walk stood and what was to be read there, and keeps a picture of it. */
  async broken(error) {
    const seen = await this.page.evaluate(() => document.body.innerText).catch(() => "");
    await this.picture("broken").catch(() => {});
    const where = `at ${this.page.url()}, where this is to be read:\n${seen.slice(0, 1500)}`;
    // What is shown of an error is its stack, which has kept the message of its making.
    error.stack = `${where}\n${error.stack}`;
    return error;
  }

  /** Opens the first page in the walk's language. */
  async front() {
    await this.page.goto(`${this.place.url}/?lang=${this.language}`);
  }

  /** Gives the name; ends on the page that asks for the code. */
  async name() {
    this.after = await newest(this.place.mail, this.person.address);
    await this.page.fill("#name", this.person.upn);
    await this.page.click('form button[type="submit"]');
    await this.page.waitForSelector("#code");
  }

  /** The code that came by mail. */
  async code() {
    const message = await this.nextMail();
    return code(message);
  }

  /** The next message that comes to the person; `undefined` if none does in time. */
  async nextMail() {
    const message = await mailAfter(this.place.mail, this.person.address, this.after);
    this.after = message?.number ?? this.after;
    return message;
  }

  /** Types a code and sends it. */
  async give(value) {
    await this.page.fill("#code", value);
    await this.page.click('form[action="/reset/code"] button[type="submit"]');
  }

  /** From the first page to the one that asks for the new password. */
  async toPassword() {
    await this.front();
    await this.name();
    await this.give(await this.code());
    await this.page.waitForSelector("#submit-password:not([disabled])");
  }

  /** Types a new password twice. */
  async type(password, again = password) {
    await this.page.fill("#new-password", password);
    await this.page.fill("#again-password", again);
  }

  /** Sends it and waits for the outcome; returns how long a person waited, in milliseconds. */
  async submit(act = () => this.page.click("#submit-password")) {
    const started = performance.now();
    await act();
    // Chromium gives up what is under way whenever an interface of this host comes or goes, as other tests make them do. The page looks
    // up then how it ended; nothing is sent again by that.
    await this.page.waitForURL("**/reset/outcome", { waitUntil: "domcontentloaded" });
    return performance.now() - started;
  }

  /** Sends it and waits for a refusal on the page; returns its words. */
  async refused() {
    await this.page.click("#submit-password");
    await this.page.waitForSelector("#password-error:not([hidden])");
    return (await this.page.textContent("#password-error")).trim();
  }

  /** The state of a rule, and its line as it is read. */
  async rule(name) {
    const line = this.page.locator(`[data-rule="${name}"]`);
    return { state: await line.getAttribute("data-state"), text: (await line.innerText()).replace(/\s+/g, " ") };
  }
}
