// A person's way through the pages, step by step, so that every test walks it the same way.

import assert from "node:assert/strict";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { accessibilityFaults } from "./chromium.mjs";
import { Hands } from "./hands.mjs";
import { code, mailAfter, newest } from "./mailbox.mjs";

/** The smallest side of what is pressed, in CSS pixels (WCAG 2.2, 2.5.8). */
const TARGET = 24;
/** The width of the smallest phone, in CSS pixels. */
const PHONE = 320;

/** How far a page may move by itself once it is there, as browsers count it: below what anybody sees. */
const STILL = 0.01;

/** Has a page count how far it moves by itself: not within half a second of what a person does. Starts before the page's first picture. */
function countShifts() {
  if (window.ritornoShifts !== undefined) return;
  const shifts = { sum: 0, what: [], observer: undefined };
  const take = (entries) => {
    for (const { hadRecentInput, value, sources } of entries) {
      if (hadRecentInput) continue;
      shifts.sum += value;
      shifts.what.push(...sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? String(node?.textContent ?? "").slice(0, 40)));
    }
  };
  shifts.observer = new PerformanceObserver((list) => take(list.getEntries()));
  shifts.observer.observe({ type: "layout-shift", buffered: true });
  shifts.taken = () => take(shifts.observer.takeRecords());
  window.ritornoShifts = shifts;
}

/** How far the page has moved by itself since it came, or since it was looked at; it is counted anew from here on. */
async function moved(page) {
  try {
    return await movedSoFar(page);
  } catch (error) {
    // What was pressed just now leads to another page: that one is looked at.
    if (!/context was destroyed/.test(String(error))) throw error;
    await page.waitForLoadState("load");
    return movedSoFar(page);
  }
}

function movedSoFar(page) {
  return page.evaluate(async () => {
    const shifts = window.ritornoShifts;
    if (shifts === undefined) return { sum: 0, what: [] };
    // What is drawn is told of a picture later.
    for (let pictures = 0; pictures < 2; pictures += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
    shifts.taken();
    const { sum, what } = shifts;
    shifts.sum = 0;
    shifts.what = [];
    return { sum, what };
  });
}

/**
 * Nothing moved by itself. No fault of accessibility in light and dark, written from left to right and the other way; nothing wider than the smallest phone there, and
 * nothing smaller than a finger hits. The page is noted as met, in the language that it is in.
 */
export async function sound({ page, place }) {
  const { sum, what } = await moved(page);
  // What people reset with stands still. The console's application fills up as the API answers.
  const fills = new URL(page.url()).pathname.startsWith("/console/app");
  assert.ok(fills || sum < STILL, `${page.url()} moved by ${sum}: ${what.join(" ")}`);
  const size = page.viewportSize();
  const written = (direction) => page.evaluate((dir) => document.documentElement.setAttribute("dir", dir), direction);
  // Of what the rules look at, colours alone are others in the light.
  for (const [colorScheme, direction, ...rules] of [["dark", "rtl"], ["light", "ltr", "color-contrast"]]) {
    await page.emulateMedia({ colorScheme });
    await written(direction);
    assert.deepEqual(await accessibilityFaults(page, ...rules), [], page.url());
    if (direction === "rtl") assert.deepEqual(await turned(page), [], page.url());
  }
  await page.setViewportSize({ width: PHONE, height: 800 });
  for (const direction of ["rtl", "ltr"]) {
    await written(direction);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE, `${page.url()} is ${width} px wide on a phone of ${PHONE} px (${direction})`);
  }
  assert.deepEqual(await smallTargets(page), [], page.url());
  await page.setViewportSize(size);
  await moved(page);
  await met(page, place);
}

/** Codes, addresses and names that would be read the wrong way round within words that are written from right to left. */
function turned(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll(".code, bdi")]
      .filter((element) => {
        const { direction, unicodeBidi } = getComputedStyle(element);
        return !unicodeBidi.startsWith("isolate") || (element.matches(".code") && direction !== "ltr");
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

/** What is pressed and smaller than a finger hits; a box with a label is as large as the label. Links within a text are no targets of their own. */
function smallTargets(page) {
  return page.evaluate((least) => {
    const targets = document.querySelectorAll("button, select, textarea, input:not([type=hidden]), a.button, a.language");
    return [...targets]
      .filter((target) => target.checkVisibility() && !target.matches(".visually-hidden"))
      .filter((target) => {
        const boxes = [target, ...(target.labels ?? [])].map((element) => element.getBoundingClientRect());
        return !boxes.some(({ width, height }) => width >= least && height >= least);
      })
      .map((target) => target.outerHTML.slice(0, 120));
  }, TARGET);
}

/** Writes down that the page was met: which one, in which state, and in which language. The harness compares that with the pages that there are. */
async function met(page, place) {
  if (place.met === undefined) return;
  const [language, name, state] = await page.evaluate(() => [
    document.documentElement.lang,
    document.body.dataset.page,
    document.body.dataset.state?.trim(),
  ]);
  appendFileSync(place.met, `${language} ${name}\n`);
  if (state) appendFileSync(place.met, `${language} ${name}: ${state}\n`);
}

/** A page of the portal for one person, and what its script measured. */
export class Walk {
  /**
   * @param page a page of Playwright's
   * @param {{url: string, mail: string, artifacts?: string, met?: string}} place the portal, the mail page, where pictures go, and
   *   the file in which met pages are written down
   * @param {{upn: string, address: string}} person who walks
   * @param {string} language `en` or `it`
   * @param {boolean} keyboard whether the person has nothing but a keyboard
   */
  constructor(page, place, person, language, keyboard = false) {
    Object.assign(this, { page, place, person, language, hands: new Hands(page, keyboard), measured: {}, sent: 0 });
    page.setDefaultTimeout(20_000);
    // In order with whatever is asked of the page next.
    void page.addInitScript(countShifts);
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

  /** The same person in another tab of the same browser. */
  async tab() {
    const { place, person, language } = this;
    return new Walk(await this.page.context().newPage(), place, person, language);
  }

  /** Opens the first page in the walk's language. */
  async front() {
    await this.page.goto(`${this.place.url}/?lang=${this.language}`);
  }

  /** Gives the name; ends on the page that asks for the code. */
  async name() {
    this.after = await newest(this.place.mail, this.person.address);
    await this.hands.send([["#name", this.person.upn]], 'form button[type="submit"]');
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
    await this.hands.send([["#code", value]], 'form[action="/reset/code"] button[type="submit"]');
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
    await this.hands.fill("#new-password", password);
    await this.hands.fill("#again-password", again);
  }

  /** Sends it and waits for the outcome; returns how long a person waited, in milliseconds. */
  async submit(act = () => this.hands.press("#submit-password")) {
    const started = performance.now();
    await act();
    // Chromium gives up what is under way whenever an interface of this host comes or goes, as other tests make them do. The page looks
    // up then how it ended; nothing is sent again by that.
    await this.page.waitForURL((url) => url.pathname === "/reset/outcome", { waitUntil: "domcontentloaded" });
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
