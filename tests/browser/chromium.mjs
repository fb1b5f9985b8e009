// Debian's Chromium, headless, with an empty profile, trusting the lab's authority the way a person's browser would: by an
// entry in its certificate store. No certificate error is ignored.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The packages are installed in web/, once for its tests and for these.
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AxeBuilder = require("@axe-core/playwright").default;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser that trusts the authority in the PEM file `ca`; `close` ends it and leaves nothing behind. */
export async function openBrowser(ca) {
  const home = mkdtempSync(join(tmpdir(), "ritorno-browser-"));
  const tidy = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  try {
    // Chromium has looked in the second place since it moved to the XDG folders.
    for (const store of [join(home, ".pki/nssdb"), join(home, ".local/share/pki/nssdb")]) {
      mkdirSync(store, { recursive: true });
      execFileSync("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
      execFileSync("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "lab", "-i", ca]);
    }
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: FLAGS,
      env: { ...process.env, HOME: home, XDG_DATA_HOME: join(home, ".local/share") },
    });
    const foreign = watchHosts(browser);
    const close = async () => {
      await browser.close();
      tidy();
      if (foreign.length > 0) throw new Error(`pages asked other hosts: ${foreign.join(", ")}`);
    };
    return { browser, close };
  } catch (error) {
    tidy();
    throw error;
  }
}

/** What pages ask of hosts other than the server's own, as it goes on. */
function watchHosts(browser) {
  const foreign = [];
  const open = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await open(options);
    context.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && hostname !== "localhost") foreign.push(request.url());
    });
    return context;
  };
  return foreign;
}

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds wrong with the page, one line each; empty when nothing. By all rules, or by those named alone. */
export async function accessibilityFaults(page, ...rules) {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules.length > 0 ? axe.withRules(rules) : axe.withTags(RULES)).analyze();
  return violations.map((fault) => `${fault.id}: ${fault.help} (${fault.nodes.map((node) => node.html).join(" ")})`);
}
