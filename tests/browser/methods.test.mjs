// The gates in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   phase: "register": `people.owner`, `people.keyboard` register an app and recovery codes, `people.passkey` a passkey; then
//       `people.owner` resets with the app, `people.keyboard` with a recovery code, `people.passkey` with the passkey
//     "two": the tenant demands two gates, mail and app; `people.both` passes both
//     "change": `people.change` changes a known password, `people.must` has to, `people.expired` too since it has expired
//     "desk": the one gate is opened by a temporary pass too; `administrator` makes one for `people.caller`, and gives `people.given`
//       and `people.handed` a generated password, which is written to their `file`
//     "sms": the tenant allows codes by text message, whose gateway is at `sms_port`: `people.mobile` registers a number, and
//       `people.directory` has one in the directory; both reset with it
//     "questions": two gates, mail and then security questions; four questions are registered, one of them the tenant's own:
//       `people.answers` registers them, and passes both
//   people: each {upn, address, current, password}: `current` is their password at the directory, `password` the one they choose
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { App } from "./authenticator.mjs";
import { mailAfter, newest } from "./mailbox.mjs";
import { sound } from "./walk.mjs";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const WORKS = { en: /works/i, it: /funziona/i };

const { walking: walkingNow, look } = walks(job, "methods");

/** One test of a phase. */
function walking(phase, ...test) {
  if (job.phase === phase) walkingNow(...test);
}

/** From the first page to the list of what is registered. */
async function toMethods(walk) {
  const { page, person } = walk;
  await page.goto(`${job.url}/register?lang=${walk.language}`);
  await page.fill("#name", person.upn);
  await page.click('form button[type="submit"]');
  await page.waitForSelector("#submit-password:not([disabled])");
  await page.fill("#current-password", person.current);
  await page.click("#submit-password");
  await page.waitForSelector("#to-app");
}

/** Registers an app; ends on the list. */
async function registerApp(walk) {
  const { page } = walk;
  await page.click("#to-app");
  const app = new App(await page.innerText("#app-key"));
  await page.fill("#code", await app.code());
  await page.click('form[action="/register/app"] button');
  await page.waitForSelector(".notice-ok");
  return app;
}

/** Gives the name; ends where another way can be chosen. */
async function named(walk) {
  const { page, person } = walk;
  await walk.front();
  await page.fill("#name", person.upn);
  await page.click('form button[type="submit"]');
  await page.waitForSelector(".ways");
}

/** Chooses a new password, and reads that it works. */
async function choose(walk) {
  await walk.page.waitForSelector("#submit-password:not([disabled])");
  await walk.type(walk.person.password);
  await walk.submit();
  assert.match(await walk.page.innerText(".notice-ok"), WORKS[walk.language]);
}

walking("register", "an app is registered, and opens the gate when the password is forgotten", "owner", "en", async (walk) => {
  const { page, person } = walk;
  const before = await newest(job.mail, person.address);
  await toMethods(walk);
  await look(walk, "list");
  await page.click("#to-app");
  // The picture is there, and is one.
  const seen = page.locator(".picture img");
  await seen.evaluate((image) => image.complete || new Promise((loaded) => image.addEventListener("load", loaded)));
  assert.ok((await seen.evaluate((image) => image.naturalWidth)) > 100);
  await look(walk, "app");
  const app = new App(await page.innerText("#app-key"));
  await page.fill("#code", "00 00 00");
  await page.click('form[action="/register/app"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "app-wrong");
  await page.fill("#code", await app.code());
  await page.click('form[action="/register/app"] button');
  await page.waitForSelector(".notice-ok");
  await look(walk, "app-registered");
  // In the language that the directory has for them.
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /è stata registrata un'app/, "no notice came");

  await named(walk);
  await look(walk, "code");
  await page.click('.ways a[href="/reset/app"]');
  await look(walk, "app-gate");
  await page.fill("#code", "000000");
  await page.click('form[action="/reset/app"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "app-gate-wrong");
  await page.fill("#code", await app.code());
  // Clicked twice, it is sent once: the second one would come with a token that the gate has replaced.
  await page.dblclick('form[action="/reset/app"] button');
  await choose(walk);
});

walking("register", "recovery codes, with nothing but a keyboard, on a phone", "keyboard", "it", async (walk) => {
  const { page, person } = walk;
  const to = async (selector) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`no way to ${selector} by the Tab key`);
  };
  const press = async (selector) => {
    await page.waitForSelector(selector);
    await to(selector);
    await page.keyboard.press("Enter");
  };
  const fill = async (id, text) => {
    await page.waitForSelector(`#${id}:not([disabled])`);
    await to(`#${id}`);
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  };
  await page.goto(`${job.url}/register?lang=it`);
  await fill("name", person.upn);
  await page.waitForSelector("#submit-password:not([disabled])");
  await fill("current-password", person.current);
  await page.waitForSelector("#to-recovery-codes");
  await look(walk, "list");
  await press("#to-recovery-codes");
  await page.waitForSelector('form[action="/register/recovery-codes"]');
  await look(walk, "recovery-codes");
  await press('form[action="/register/recovery-codes"] button');
  await page.waitForSelector("#recovery-codes");
  await look(walk, "recovery-codes-shown");
  const codes = await page.locator("#recovery-codes .code").allInnerTexts();
  assert.equal(codes.length, 10);
  await press('a[href="/register/methods"]');
  await page.waitForSelector("#to-app");
  await press("#to-app");
  await page.waitForSelector("#app-key");
  await look(walk, "app");

  await walk.front();
  await fill("name", person.upn);
  await press('.ways a[href="/reset/recovery-code"]');
  await page.waitForSelector('form[action="/reset/recovery-code"]');
  await look(walk, "recovery-gate");
  await fill("code", "0000-0000-0000-0000");
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "recovery-gate-wrong");
  await fill("code", codes[7].toLowerCase());
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });

/** A phone or computer that keeps passkeys, as the browser plays it (W3C, Web Authentication, automation). */
async function device(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const keys = async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  return {
    keys,
    /** Whether the fingerprint fits. */
    verifies: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}

walking("register", "a passkey is registered on a phone, and opens the gate", "passkey", "it", async (walk) => {
  const { page, person } = walk;
  const phone = await device(page);
  const before = await newest(job.mail, person.address);
  await toMethods(walk);
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await look(walk, "passkey");
  // Whoever can't unlock the phone makes none.
  await phone.verifies(false);
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  await look(walk, "passkey-cancelled");
  await phone.verifies(true);
  await page.click("#use-passkey");
  await page.waitForSelector(".notice-ok");
  assert.match(await page.innerText("#passkey-state"), /1 passkey/);
  await look(walk, "passkey-registered");
  const [made] = await phone.keys();
  assert.equal(made?.isResidentCredential, true);
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /passkey/, "no notice came");

  // The same phone makes no second one; the list has the first, which can be removed.
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  assert.match(await page.innerText("#passkey-error"), /già/);
  await look(walk, "passkey-already");
  await page.click('form[action="/register/passkey/remove"] button');
  await page.waitForSelector(".notice-ok");
  assert.doesNotMatch(await page.innerText("#passkey-state"), /1 passkey/);
  await page.click("#to-passkey");
  await page.waitForSelector("#use-passkey:not([disabled])");
  await page.click("#use-passkey");
  await page.waitForSelector(".notice-ok");

  // It is one person's: for another name it is wrong, as everything is that does not fit.
  const other = job.people.both;
  await walk.front();
  await page.fill("#name", other.upn);
  await page.click('form button[type="submit"]');
  await page.click('.ways a[href="/reset/passkey"]');
  await page.waitForSelector("#use-passkey:not([disabled])");
  await look(walk, "passkey-gate");
  await page.click("#use-passkey");
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "passkey-gate-wrong");

  await named(walk);
  await page.click('.ways a[href="/reset/passkey"]');
  await page.waitForSelector("#use-passkey:not([disabled])");
  await phone.verifies(false);
  await page.click("#use-passkey");
  await page.waitForSelector("#passkey-error:not([hidden])");
  await phone.verifies(true);
  await page.focus("#use-passkey");
  await page.keyboard.press("Enter");
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });

walking("two", "two gates that differ: a code by mail, then the app", "both", "en", async (walk) => {
  const { page } = walk;
  await toMethods(walk);
  await look(walk, "list-wanted");
  assert.match(await page.innerText("#wanted"), /asks you to have 2.*You have 1/s);
  const before = await newest(job.mail, walk.person.address);
  const app = await registerApp(walk);
  assert.equal(await page.locator("#wanted").count(), 0);
  // The notice of it comes before the mail with the code.
  assert.ok(await mailAfter(job.mail, walk.person.address, before), "no notice came");
  await walk.front();
  await walk.name();
  await walk.give(await walk.code());
  await page.waitForSelector('.ways a[href="/reset/app"]');
  await look(walk, "second-gate");
  // Nothing but the second gate leads on.
  await page.goto(`${job.url}/reset/password`);
  await page.waitForSelector('.ways a[href="/reset/app"]');
  await page.click('.ways a[href="/reset/app"]');
  await page.fill("#code", await app.code());
  await page.click('form[action="/reset/app"] button');
  await choose(walk);
});

walking("two", "the second gate in Italian, and the same page for a name that is nobody's", "both", "it", async (walk) => {
  const { page } = walk;
  const shown = [];
  for (const upn of [walk.person.upn, "nobody.at.all@contoso.test"]) {
    walk.person = { ...walk.person, upn };
    await named(walk);
    const names = await page.locator(".ways").innerText();
    await page.click('.ways a[href="/reset/app"]');
    await page.fill("#code", "000000");
    await page.click('form[action="/reset/app"] button');
    await page.waitForSelector('[role="alert"] #fault');
    await sound(walk);
    shown.push([names, await page.innerText("#fault")]);
  }
  assert.deepEqual(shown[1], shown[0]);
});

walking("two", "a support code is copied by a button, and the help desk's link is there", "both", "en", async (walk) => {
  const { page } = walk;
  await walk.front();
  await walk.name();
  await page.click("#support-code + .copy");
  await page.waitForFunction(() => document.querySelector(".copy")?.textContent === "Copied");
  await sound(walk);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.innerText("#support-code"));
  assert.equal(await page.getAttribute(".bottom a", "href"), "mailto:aiuto@contoso.test");
}, { permissions: ["clipboard-read", "clipboard-write"] });

/** Types the current password and a new one, and sends both. */
async function changeTo(walk) {
  const { page, person } = walk;
  await page.waitForSelector("#submit-password:not([disabled])");
  await page.fill("#current-password", person.current);
  await walk.type(person.password);
  await walk.submit();
  assert.match(await page.innerText(".notice-ok"), WORKS[walk.language]);
}

/** Names oneself and proves the current password, on the page that is open. */
async function prove(walk) {
  const { page, person } = walk;
  await page.fill("#name", person.upn);
  await page.click('form button[type="submit"]');
  await page.waitForSelector("#submit-password:not([disabled])");
  await page.fill("#current-password", person.current);
  await page.click("#submit-password");
  await page.waitForSelector("#new-password");
}

walking("change", "a known password is changed, from where password managers look", "change", "en", async (walk) => {
  const { page, person } = walk;
  const bodies = [];
  page.on("request", (request) => bodies.push(request.postData() ?? ""));
  await page.goto(`${job.url}/.well-known/change-password`);
  await look(walk, "change-front");
  await prove(walk);
  await look(walk, "change");
  // A wrong one is told, and costs nothing but another try.
  await page.waitForSelector("#submit-password:not([disabled])");
  await page.fill("#current-password", "Not-My-Passw0rd");
  await walk.type(person.password);
  await walk.submit();
  assert.match(await page.innerText('[role="alert"]'), /current password was not right/);
  await look(walk, "change-wrong");
  await page.click(".actions a.button");
  await changeTo(walk);
  await look(walk, "changed");
  const all = bodies.join("\n");
  assert.ok(!all.includes(person.current) && !all.includes(person.password), "a password left the page unsealed");
});

walking("change", "whoever has to change it is led there, from wherever they come", "must", "it", async (walk) => {
  await walk.page.goto(`${job.url}/register?lang=it`);
  await prove(walk);
  await look(walk, "must-change");
  await changeTo(walk);
}, { viewport: { width: 360, height: 740 } });

walking("change", "an expired password is changed", "expired", "it", async (walk) => {
  await walk.page.goto(`${job.url}/change?lang=it`);
  await look(walk, "change-front");
  await prove(walk);
  await changeTo(walk);
});

/** An administrator signs in, and the caller reads out the code that goes to them; ends where it is cleared who they are. The mail with the code. */
async function cleared(walk) {
  const { page, person } = walk;
  const after = await newest(job.mail, person.address);
  await page.goto(`${job.url}/console/sign-in?lang=${walk.language}`);
  await page.fill("#name", job.administrator.administrator);
  await page.fill("#password", job.administrator.password);
  await page.click('form button[type="submit"]');
  await page.goto(`${job.url}/console/people?name=${encodeURIComponent(person.upn)}`);
  await look(walk, "desk-person");
  await page.fill("#reason", "Her phone is lost");
  await page.click('form[action="/console/people/code"] button');
  await page.waitForSelector("#code");
  await look(walk, "desk-code");
  const mail = await mailAfter(job.mail, person.address, after);
  assert.match(mail?.text ?? "", /Her phone is lost/);
  await page.fill("#code", /[B-Z]{4}-[B-Z]{4}/.exec(mail.text)[0]);
  await page.click('form[action="/console/people/code/check"] button');
  await page.waitForSelector('form[action="/console/people/pass"]');
  await look(walk, "desk-cleared");
  return mail;
}

walking("desk", "the help desk makes a temporary pass for a caller who reads out a code", "caller", "en", async (walk) => {
  const { page, person } = walk;
  const mail = await cleared(walk);
  await page.click('form[action="/console/people/pass"] button');
  await page.waitForSelector("#pass");
  await look(walk, "desk-pass");
  const pass = await page.innerText("#pass");
  assert.ok(await mailAfter(job.mail, person.address, mail.number), "the person is not told");

  await named(walk);
  await page.click('.ways a[href="/reset/pass"]');
  await look(walk, "pass-gate");
  await page.fill("#code", "BCDF-BCDF");
  await page.click('form[action="/reset/pass"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await page.fill("#code", pass);
  await page.click('form[action="/reset/pass"] button');
  await choose(walk);
});

/** Gives them a password, which is read aloud. */
async function given(walk) {
  const { page, person } = walk;
  const mail = await cleared(walk);
  const bodies = [];
  page.on("request", (request) => bodies.push(request.postData() ?? ""));
  await page.click("#give-password");
  await page.waitForSelector("#give:not([disabled])");
  await look(walk, "give");
  await page.focus("#give");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#given:not([hidden])");
  assert.equal(await page.locator("#password-error:not([hidden])").count(), 0, await page.innerText("main"));
  await look(walk, "given");
  const password = await page.innerText("#given-password");
  assert.match(password, /^[A-Z][a-z]{4}(-[a-z]{5})+-[0-9]{5}$/);
  assert.equal(await page.locator("#given-spelled li").count(), password.split("-").length);
  assert.ok(!bodies.join("\n").includes(password), "a password left the page unsealed");
  const told = await mailAfter(job.mail, person.address, mail.number);
  assert.match(told?.text ?? "", /password/, "the person is not told");
  writeFileSync(person.file, password, { mode: 0o600 });
}

walking("desk", "a caller is given a password, which is spelled", "given", "it", async (walk) => {
  await given(walk);
  assert.match(await walk.page.innerText("#progress"), /cambiata/);
  assert.match(await walk.page.innerText("#given-spelled"), /^maiuscola [A-Z]/);
}, { viewport: { width: 360, height: 740 } });

walking("desk", "a password is given, in English", "handed", "en", async (walk) => {
  await given(walk);
  assert.match(await walk.page.innerText("#progress"), /has to be changed at the next sign-in/);
});

/** A gateway for text messages, which keeps them. */
async function gateway(work) {
  const messages = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    messages.push(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(202).end();
  });
  await new Promise((resolve) => server.listen(job.sms_port, "127.0.0.1", resolve));
  /** The code of the next message, which went to `number`. */
  const code = async (number) => {
    for (let tries = 0; tries < 100 && messages.length === 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 200));
    const message = messages.shift();
    assert.equal(message?.to, number, "no text message came");
    return message.text.split("#").at(-1).trim();
  };
  try {
    await work(code);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

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

walking("sms", "a mobile number is registered, and its code opens the gate", "mobile", "it", async (walk) => {
  await gateway(async (code) => {
    const { page } = walk;
    await page.goto(`${job.url}/register?lang=${walk.language}`);
    await page.fill("#name", walk.person.upn);
    await page.click('form button[type="submit"]');
    await page.waitForSelector("#submit-password:not([disabled])");
    await page.fill("#current-password", walk.person.current);
    await page.click("#submit-password");
    await page.waitForSelector("#to-mobile");
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

walking("sms", "a number from the directory opens the gate", "directory", "en", async (walk) => {
  await gateway((code) => bySms(walk, code, "+393337654321"));
});

walking("questions", "security questions are chosen, answered, and asked at the second gate", "answers", "it", async (walk) => {
  const { page, person } = walk;
  const before = await newest(job.mail, person.address);
  await page.goto(`${job.url}/register?lang=it`);
  await page.fill("#name", person.upn);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#submit-password:not([disabled])");
  await page.fill("#current-password", person.current);
  await page.click("#submit-password");
  await page.waitForSelector("#to-questions");
  await look(walk, "list-questions");
  await page.click("#to-questions");
  await page.waitForSelector("#question-4");
  assert.equal(await page.locator("#question-5").count(), 0);
  await look(walk, "questions");
  const answers = new Map();
  /** Chooses the question of that place in the list, and answers it. */
  const answered = async (slot, place, text) => {
    const list = page.locator(`#question-${slot}`);
    await list.selectOption({ index: place });
    answers.set((await list.locator("option:checked").innerText()).trim(), text);
    await page.fill(`#answer-${slot}`, text);
  };
  await answered(1, 1, "Scuola Manzoni");
  await answered(2, 2, "Bianchi");
  await answered(3, 3, "scuola  manzoni");
  await answered(4, 21, "Una quercia");
  await page.click('form[action="/register/questions"] button');
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "questions-same");
  // What was chosen stays, what was answered does not.
  assert.notEqual(await page.inputValue("#question-4"), "");
  assert.equal(await page.inputValue("#answer-4"), "");
  answers.clear();
  await answered(1, 1, "Scuola Manzoni");
  await answered(2, 2, "Bianchi");
  await answered(3, 3, "Caffè");
  await answered(4, 21, "Una quercia");
  assert.ok(answers.has("Quale albero c'è nel cortile?"), [...answers.keys()].join(", "));
  await page.click('form[action="/register/questions"] button');
  await page.waitForSelector(".notice-ok");
  await look(walk, "questions-registered");
  const told = await mailAfter(job.mail, person.address, before);
  assert.match(told?.text ?? "", /domande di sicurezza/, "no notice came");

  await walk.front();
  await walk.name();
  // Nothing of them is seen before a gate is passed.
  assert.equal(await page.locator('a[href="/reset/questions"]').count(), 0);
  await walk.give(await walk.code());
  await page.waitForURL("**/reset/gate");
  await page.click('a[href="/reset/questions"]');
  await page.waitForSelector("#answer-3");
  await look(walk, "questions-gate");
  /** Answers what is asked, by the keyboard alone. */
  const answer = async (change) => {
    const asked = await page.locator("label.question").allInnerTexts();
    assert.equal(asked.length, 3);
    await page.focus("#answer-1");
    for (const question of asked) {
      await page.keyboard.type(change(answers.get(question.trim())));
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
  };
  await answer(() => "qualcos'altro");
  await page.waitForSelector('[role="alert"] #fault');
  await look(walk, "questions-gate-wrong");
  await answer((text) => `  ${text.toUpperCase()} `);
  await choose(walk);
}, { viewport: { width: 360, height: 740 } });
