// The console in a real Chromium, for the tests of its pages: a server of theirs, a fresh browser for each test, and what every page has to be.

import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { consoleServer, RIGHTS, usual, type Came, type ConsoleServer, type Said } from "./console-server.ts";

/** The width of a small phone, and of a desktop at 400 %, in CSS pixels. */
const PHONE = 320;

/** One test's browser, and the server that it talks to. */
export class Visit {
  server!: ConsoleServer;
  page!: Page;
  /** What the browser itself complains of: scripts that failed, things that the page's policy forbids. */
  complaints: string[] = [];

  /** Who asks may all of it, but for what is named. */
  may(...not: string[]): void {
    const me = this.server.answers.get("GET /me");
    const rights = [...RIGHTS, "read-timeline"].filter((right) => !not.includes(right));
    this.server.answers.set("GET /me", { status: 200, body: { ...(me?.body as object), may: rights } });
  }

  /** Opens a page of the console, and waits until it shows what it loads. */
  async at(place: string, language = "en"): Promise<void> {
    const join = place.includes("?") ? "&" : "?";
    await this.page.goto(`${this.server.origin}/console/app${place}${language === "en" ? "" : `${join}lang=${language}`}`);
    await this.page.waitForSelector("h1");
    await this.page.waitForFunction(() => document.querySelector(".loading") === null);
  }

  /** The requests of that name which came. */
  asked(name: string): Came[] {
    return this.server.came.filter((came) => came.name === name);
  }

  /** Everything that was asked for to change something. */
  changes(): string[] {
    return this.server.came.map(({ name }) => name).filter((name) => !name.startsWith("GET "));
  }

  /** Sound in light and dark, as narrow as a phone, and with a word for everything. */
  async sound(what: string): Promise<void> {
    const { page } = this;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(faults, [], `${what} ${colorScheme}`);
    }
    assert.doesNotMatch(await page.innerText("body"), /\b(app|console|desk|give|licences|look|method|policy|revoke)-[a-z]+-[a-z]+\b|\{\$/, what);
    await page.setViewportSize({ width: PHONE, height: 800 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE, `${what} is ${width} px wide`);
    await page.setViewportSize({ width: 1280, height: 800 });
  }
}

/** Registers what the tests of a file share; `answers` is what the API says beside the usual. */
export function visits(answers: () => Map<string, Said>): Visit {
  const visit = new Visit();
  let browser: Browser;
  let context: BrowserContext | undefined;
  before(async () => {
    visit.server = await consoleServer();
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    });
  });
  after(async () => {
    await browser.close();
    visit.server.close();
  });
  beforeEach(async () => {
    await context?.close();
    visit.server.answers = new Map([...usual(), ...answers()]);
    visit.may();
    visit.server.came = [];
    visit.complaints = [];
    context = await browser.newContext({ reducedMotion: "reduce" });
    visit.page = await context.newPage();
    visit.page.setDefaultTimeout(15_000);
    visit.page.on("pageerror", (error) => visit.complaints.push(String(error)));
    visit.page.on("console", (message) => {
      // A refusal of the API is told in the page; that it also stands in the console is no fault.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) visit.complaints.push(message.text());
    });
  });
  return visit;
}
