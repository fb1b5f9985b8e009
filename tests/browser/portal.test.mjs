// The pages against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   phase: which tests run, by what the harness has prepared:
//     "all": everything runs; `people` names who may be used, each {upn, address, password, used}
//     "names": the tenant forbids names in passwords; `people.names`
//     "down": the only agent was stopped at `stopped_at` (milliseconds since 1970)
// The harness proves afterwards, at the directory, that `password` is the person's password.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./chromium.mjs";
import { linkIn, newest } from "./mailbox.mjs";
import { sound, Walk } from "./walk.mjs";
import { READY } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const WORDS = {
  en: { done: /works/i, short: /character/i, classes: /upper case/i, used: /used|last \d+/i, age: /from|since|soon|until/i, name: /name/i, banned: /contoso, milano/, soon: /Two minutes are left/, script: /needs JavaScript.*encrypts the new password here/ },
  it: { done: /funziona/i, short: /caratter/i, classes: /maiuscole/i, used: /usat|ultim/i, age: /partire|presto|prima/i, name: /nome/i, banned: /contoso, milano/, soon: /Restano due minuti/, script: /ha bisogno di JavaScript.*cifra la nuova password/ },
};

let session;

before(async () => {
  session = await openBrowser(job.ca);
});

after(() => session.close());

/** One test in a browser context of its own, for each reader's language in `languages`. */
function walking(phase, name, person, languages, work, options = {}) {
  if (job.phase !== phase) return;
  for (const language of languages) {
    test(`${name} (${language})`, async () => {
      const context = await session.browser.newContext({ locale: language, ...options });
      const walk = new Walk(await context.newPage(), job, job.people?.[person], language);
      try {
        await work(walk, WORDS[language]);
      } catch (error) {
        throw await walk.broken(error);
      } finally {
        await context.close();
      }
    });
  }
}

const done = async (walk, words) => {
  assert.match(await walk.page.innerText(".notice-ok"), words.done);
};

walking("all", "a forgotten password is reset", "happy", ["en"], async (walk, words) => {
  await walk.front();
  await sound(walk);
  await walk.picture("front");
  await walk.name();
  // What takes long is told in time.
  assert.match(await walk.page.innerText("#time-left"), /within 1[345] minutes/);
  await sound(walk);
  await walk.picture("code");
  await walk.give("00000000");
  await walk.page.waitForSelector('[role="alert"] #fault');
  await sound(walk);
  await walk.picture("code-wrong");
  await walk.give(await walk.code());
  await walk.page.waitForSelector("#submit-password:not([disabled])");
  await sound(walk);
  await walk.picture("password");
  await walk.type("short");
  assert.equal((await walk.rule("minimum_length")).state, "broken");
  await sound(walk);
  await walk.picture("password-broken");
  await walk.type(walk.person.password);
  assert.equal((await walk.rule("minimum_length")).state, "met");
  await sound(walk);
  await walk.picture("password-met");
  await walk.submit();
  await done(walk, words);
  await sound(walk);
  await walk.picture("outcome-done");

  // Coming back shows the same, and asks the directory for nothing.
  await walk.page.reload();
  await done(walk, words);
  assert.equal(walk.sent, 1);
  const told = await walk.nextMail();
  assert.ok(told, "no mail tells the person that the password was changed");
  assert.ok(!told.text.includes(walk.person.password));
  // Its link leads to the person's own page, for which one signs in.
  await walk.page.goto(linkIn(told));
  assert.equal(new URL(walk.page.url()).pathname, "/signin");
});

walking("all", "a suggested password is judged and taken", "suggested", ["it"], async (walk, words) => {
  const { page } = walk;
  /** What the browser has loaded for this page, as it came over the wire. */
  const loaded = () =>
    page.evaluate(() =>
      [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((entry) => ({
        path: new URL(entry.name).pathname,
        bytes: entry.transferSize,
      })),
    );
  const weight = (entries) => entries.reduce((sum, entry) => sum + entry.bytes, 0);
  await walk.front();
  const first = await loaded();
  assert.ok(first.length >= 3 && weight(first) > 1_000 && weight(first) < 60_000, JSON.stringify(first));
  await walk.toPassword();
  const before = await loaded();
  assert.ok(weight(before) < 60_000 && !before.some(({ path }) => path.endsWith("strength.js")), JSON.stringify(before));
  await page.fill("#new-password", "Password1");
  await page.waitForFunction(() => ["0", "1"].includes(document.getElementById("strength").dataset.score));
  await sound(walk);
  await walk.picture("password-weak");
  await page.click("#suggest-password");
  await page.waitForFunction(() => document.getElementById("strength").dataset.score === "4");
  for (const rule of ["minimum_length", "complexity"]) assert.equal((await walk.rule(rule)).state, "met");
  assert.notEqual((await page.innerText("#suggested")).trim(), "");
  await sound(walk);
  await walk.picture("password-suggested");
  await walk.submit();
  await done(walk, words);
});

walking("all", "with nothing but a keyboard", "keyboard", ["it"], async (walk, words) => {
  const { page } = walk;
  const type = (text) => page.keyboard.type(text);
  const to = async (id) => {
    for (let presses = 0; presses < 30; presses += 1) {
      if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`no way to #${id} by the Tab key`);
  };
  await walk.front();
  walk.after = await newest(job.mail, walk.person.address);
  await to("name");
  await type(walk.person.upn);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#code");
  await to("code");
  await type(await walk.code());
  await page.keyboard.press("Enter");
  await page.waitForSelector("#submit-password:not([disabled])");
  await to("new-password");
  await type(walk.person.password);
  await to("again-password");
  await type(walk.person.password);
  assert.ok(await page.evaluate(() => matchMedia("(forced-colors: active)").matches), "the browser keeps its own colours");
  await sound(walk);
  await walk.picture("password-forced-colours");
  // Whoever wants nothing to move sees no wheel that turns.
  const turns = await page.evaluate(() => {
    const progress = document.getElementById("progress");
    progress.textContent = "…";
    const { animationName } = getComputedStyle(progress, "::before");
    progress.textContent = "";
    return animationName;
  });
  assert.equal(turns, "none");
  await to("again-password");
  await walk.submit(() => page.keyboard.press("Enter"));
  await done(walk, words);
  await sound(walk);
  await walk.picture("outcome-done");
}, { reducedMotion: "reduce", forcedColors: "active" });

walking("all", "a double click applies once", "twice", ["en"], async (walk, words) => {
  await walk.toPassword();
  await walk.type(walk.person.password);
  await walk.submit(() => walk.page.dblclick("#submit-password"));
  await done(walk, words);
  assert.equal(walk.sent, 1);
});

walking("all", "an answer that is lost is looked up by the page itself, and nothing is sent again", "lost", ["en", "it"], async (walk, words) => {
  const { page } = walk;
  await walk.toPassword();
  // First the connection is gone before anything arrives: that shows as nothing that was changed.
  await page.route("**/reset/submit", (route) => route.abort("connectionreset"), { times: 1 });
  await walk.type(walk.person.password);
  await page.click("#submit-password");
  await page.waitForSelector("#password-error a");
  await sound(walk);
  await walk.picture("password-lost");
  await page.waitForSelector("#not-arrived", { timeout: 60_000 });
  await sound(walk);
  await walk.picture("password-not-arrived");
  assert.equal(walk.sent, 1);
  // The last language's goes through, and only its answer is lost.
  if (walk.language === "it") {
    const wire = await page.context().newCDPSession(page);
    wire.on("Fetch.requestPaused", ({ requestId, responseStatusCode }) => {
      assert.equal(responseStatusCode, 200, "the server has answered");
      void wire.send("Fetch.failRequest", { requestId, errorReason: "ConnectionReset" });
    });
    await wire.send("Fetch.enable", { patterns: [{ urlPattern: "*/reset/submit", requestStage: "Response" }] });
    await walk.type(walk.person.password);
    await walk.submit();
    await done(walk, words);
    assert.equal(walk.sent, 2);
  }
});

walking("all", "a password used before is refused with that rule, and another goes through", "history", ["en", "it"], async (walk, words) => {
  await walk.toPassword();
  await walk.type(walk.person.used);
  assert.match(await walk.refused(), words.used);
  assert.equal((await walk.rule("history")).state, "broken");
  await sound(walk);
  await walk.picture("password-used");
  // The last language's goes through, and is what the harness looks for.
  if (walk.language === "it") {
    await walk.type(walk.person.password);
    await walk.submit();
    await done(walk, words);
  }
});

walking("all", "too short and not complex are refused on the page, by name", "refused", ["en", "it"], async (walk, words) => {
  await walk.toPassword();
  await walk.type("Ab1");
  assert.match(await walk.refused(), words.short);
  await walk.type("solominuscole");
  assert.match(await walk.refused(), words.classes);
  assert.equal((await walk.rule("complexity")).state, "broken");
  await walk.type("Una-Passw0rd-nuova", "Una-Passw0rd-diversa");
  assert.ok(await walk.refused());
  assert.equal(walk.sent, 0);
});

walking("all", "the minimum age of a PSO is told before anything is typed, with its length", "young", ["en", "it"], async (walk, words) => {
  await walk.toPassword();
  const age = await walk.rule("minimum_age");
  assert.equal(age.state, "broken");
  assert.match(age.text, words.age);
  assert.match((await walk.rule("minimum_length")).text, /14/);
  await sound(walk);
  await walk.picture("password-young");
  await walk.type("Abbastanza-Lunga-2026!");
  assert.match(await walk.refused(), words.age);
  assert.equal(walk.sent, 0);
  // Whoever stays on the page for long is told before its time is over.
  const { page } = await walk.tab();
  await page.clock.install();
  await page.goto(`${job.url}/reset/password`);
  await page.waitForSelector(READY);
  assert.match(await page.innerText("#time-left"), /1[345] minut/);
  await page.clock.fastForward(14 * 60_000);
  assert.match(await page.innerText("#time-left"), words.soon);
  await page.close();
});

walking("names", "names and banned words are refused where the tenant demands it", "names", ["en", "it"], async (walk, words) => {
  await walk.toPassword();
  await walk.type(`X1-${walk.person.upn.split("@")[0]}-y`);
  assert.match(await walk.refused(), words.name);
  assert.equal((await walk.rule("contains_name")).state, "broken");
  assert.equal(walk.sent, 0);
  await walk.picture("password-name");
  // So is a word that the tenant bans: it is shown, and turns red while somebody types.
  assert.match((await walk.rule("banned_word")).text, words.banned);
  await walk.type("Viva-Roma-2031");
  assert.equal((await walk.rule("banned_word")).state, "met");
  await walk.type("Viva-C0nt0$o-2031");
  assert.equal((await walk.rule("banned_word")).state, "broken");
  await sound(walk);
  await walk.picture("password-banned");
  assert.match(await walk.refused(), words.banned);
  assert.equal(walk.sent, 0);
  // What is suggested keeps this rule too.
  await walk.page.click("#suggest-password");
  assert.equal((await walk.rule("banned_word")).state, "met");
});

walking("all", "five wrong codes end that code, and pages out of turn say what to do", "codes", ["en", "it"], async (walk) => {
  const { page } = walk;
  for (const path of ["/reset/password", "/reset/outcome", "/no/such/page"]) {
    await page.goto(`${job.url}${path}?lang=${walk.language}`);
    await sound(walk);
  }
  await walk.picture("no-such-page");
  await page.goto(`${job.url}/reset/code?lang=${walk.language}`);
  await sound(walk);
  await walk.picture("flow-ended");
  await walk.front();
  await page.fill("#name", "not a name");
  await page.click('form button[type="submit"]');
  await page.waitForSelector('[role="alert"] #fault');
  await sound(walk);
  await walk.picture("front-not-a-name");
  await walk.name();
  const right = await walk.code();
  const wrong = right === "00000000" ? "00000001" : "00000000";
  for (let tries = 0; tries < 5; tries += 1) {
    await walk.give(wrong);
    await page.waitForLoadState();
  }
  await sound(walk);
  await walk.picture("code-too-many");
  // Not even the right one is taken now.
  await walk.give(right);
  await page.waitForSelector('[role="alert"]');
  assert.equal(await page.locator("#password-form").count(), 0);
  await page.click('form[action="/reset/resend"] button[type="submit"]');
  await page.waitForSelector(".notice-ok");
  await sound(walk);
  await walk.picture("code-resent");
});

const scriptless = { javaScriptEnabled: false };
// Who is not asked for a code too often in this hour.
for (const [person, language] of [["refused", "en"], ["young", "it"]]) walking("all", "without a script all pages work but one, which says so", person, [language], async (walk, words) => {
  const { page } = walk;
  await walk.front();
  await walk.name();
  await walk.give(await walk.code());
  assert.match(await page.innerText("noscript .notice-error"), words.script);
  assert.equal(await page.isDisabled("#submit-password"), true);
  // A form sends only what has a name: no password can leave this page but sealed.
  assert.equal(await page.locator('input[type="password"][name]').count(), 0);
  assert.equal(await page.locator('input[type="password"]').count(), 2);
}, scriptless);

if (job.phase === "all") {
  test("an unknown name is answered as a known one is", async () => {
    const context = await session.browser.newContext({ locale: "en" });
    const answers = [];
    try {
      for (const name of [job.people.refused.upn, "nobody.at.all@contoso.test"]) {
        const page = await context.newPage();
        await page.goto(`${job.url}/?lang=en`);
        await page.fill("#name", name);
        const arrived = page.waitForResponse((response) => new URL(response.url()).pathname === "/reset/code");
        await page.click('form button[type="submit"]');
        const response = await arrived;
        await page.waitForSelector("#code");
        const headers = Object.keys(await response.allHeaders()).sort();
        answers.push({ status: response.status(), headers, body: withoutChance(await response.text()) });
        await page.close();
      }
    } finally {
      await context.close();
    }
    assert.deepEqual(answers[1], answers[0]);
  });
}

/** A page without what differs for every visit: the support code and the masked address. */
function withoutChance(html) {
  return html
    .replaceAll(/[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}/g, "SUPPORT")
    .replaceAll(/[^\s<>]*[*•…][^\s<>]*@[^\s<>]+/g, "ADDRESS");
}

walking("down", "without an agent it is told before any gate, within 15 s", "none", ["en", "it"], async (walk) => {
  const limit = job.stopped_at + 15_000;
  for (;;) {
    await walk.front();
    if ((await walk.page.innerText("main")).includes("SSPR_0030")) break;
    assert.ok(Date.now() < limit, `not told within 15 s: ${await walk.page.innerText("main")}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.equal(await walk.page.locator("#name").count(), 0);
  assert.match(await walk.page.innerText("#support-code"), /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  await sound(walk);
  await walk.picture("front-down");
});

/** Gives a name so often that it costs something from now on. */
async function pressed(page, name) {
  await page.evaluate(async (name) => {
    for (let times = 0; times < 6; times += 1) {
      await fetch("/reset/start", { method: "POST", body: new URLSearchParams({ name }) });
    }
  }, name);
}

walking("all", "where a name was given often, a browser computes and goes on by itself", "pressed", ["en", "it"], async (walk) => {
  const { page } = walk;
  const name = `nobody.pressed.${walk.language}@contoso.test`;
  await page.addInitScript(() => {
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    const gate = new Promise((resolve) => Object.assign(globalThis, { ritornoGo: resolve }));
    crypto.subtle.digest = async (...args) => {
      await gate;
      return digest(...args);
    };
  });
  await walk.front();
  await pressed(page, name);
  await page.fill("#name", name);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#work-running:not([hidden])");
  assert.equal(await page.isVisible("#work-waiting"), false);
  await sound(walk);
  await walk.picture("work");
  await page.evaluate(() => globalThis.ritornoGo());
  await page.waitForSelector("#code");
  assert.equal(new URL(page.url()).pathname, "/reset/code");
});

walking("all", "where a name was given often, a browser without a script is told to wait", "pressed", ["it"], async (walk) => {
  const { page } = walk;
  const name = "nobody.pressed.it@contoso.test";
  await walk.front();
  await page.fill("#name", name);
  await page.click('form button[type="submit"]');
  await page.waitForSelector("#work-waiting");
  assert.match(await page.innerText("#work-waiting"), /aspetta \d+ secondi/);
  assert.equal(await page.isVisible("#work-running"), false);
  await walk.picture("work-waiting");
  await page.click('#work-waiting button[type="submit"]');
  await page.waitForSelector('[role="alert"] #fault');
}, scriptless);
