// Signing in to one's own page in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   phase: `open`, or `must` once the tenant leads whoever lacks something to what they lack, or `change`
//   people: `owner` and `keyboard`, who come from the directory, each {upn, current, password, name}: `password` is what they choose in
//     `change`; `cloud`, who is the tenant's own and has no password yet: {upn, address, name}, and the passwords that they choose
// The harness proves at the directory that nobody's password there has changed before `change`, and that it is `password` then.

import assert from "node:assert/strict";
import { mailAfter } from "./mailbox.mjs";
import { walks } from "./walks.mjs";
import { READY, choose } from "./ways.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking: walkingNow, look } = walks(job, "account");

/** One test of a phase. */
function walking(phase, ...test) {
  if (job.phase === phase) walkingNow(...test);
}

/** From the first page to the one that asks for the password. */
async function toPassword(walk) {
  const { page, person, hands } = walk;
  await walk.front();
  await hands.press('a[href="/signin"]');
  await hands.send([["#name", person.upn]], 'form button[type="submit"]');
  await page.waitForSelector(READY);
}

/** Signs in; ends on the page that follows. */
async function signIn(walk, password = walk.person.current, place = "**/account") {
  await toPassword(walk);
  await walk.hands.send([["#current-password", password]], "#submit-password");
  await walk.page.waitForURL(place, { waitUntil: "domcontentloaded" });
}

const WORDS = {
  en: {
    account: /Your account/, must: /Before you can go on/, out: /Sign in/, wrong: /did not confirm/, differ: /not the same/,
    name: /your name/, known: /list of passwords/, current: /current password/, other: /first counts/, devices: /phone, Wi-Fi and VPN/,
  },
  it: {
    account: /Il tuo account/, must: /Prima di andare avanti/, out: /Accedi/, wrong: /non ha confermato/, differ: /non sono uguali/,
    name: /tuo nome/, known: /elenco di password/, current: /password attuale/i, other: /mandata per prima/, devices: /Telefono, Wi-Fi e VPN/,
  },
};

/** Sends the right password, with a mouse by a double click: it is handed over once. And back is no dead end. */
async function signInAgain(walk) {
  const { page, person, hands } = walk;
  let posts = 0;
  page.on("request", (request) => (posts += Number(new URL(request.url()).pathname === "/register/verify")));
  await hands.fill("#current-password", person.current);
  await page.waitForSelector(READY);
  if (hands.keyboard) await page.keyboard.press("Enter");
  else await page.dblclick("#submit-password");
  await page.waitForURL("**/account", { waitUntil: "domcontentloaded" });
  assert.equal(posts, 1);
  await page.goBack();
  await page.waitForURL((url) => ["/account", "/register/methods"].includes(url.pathname), { waitUntil: "domcontentloaded" });
  await page.goto(`${job.url}/account`);
}

for (const [person, language, options] of [
  ["owner", "en", {}],
  ["keyboard", "it", { keyboard: true, viewport: { width: 360, height: 740 } }],
]) {
  walking("open", "whoever comes from the directory signs in by it", person, language, async (walk) => {
    const { page, hands } = walk;
    await walk.front();
    await hands.press('a[href="/signin"]');
    await page.waitForSelector("#name");
    await look(walk, "signin");
    await toPassword(walk);
    await hands.send([["#current-password", "Not-My-Passw0rd"]], "#submit-password");
    await page.waitForSelector("#password-error:not([hidden])");
    assert.match(await page.innerText("#password-error"), WORDS[language].wrong);
    await signInAgain(walk);
    assert.match(await page.innerText("h1"), WORDS[language].account);
    assert.equal(await page.innerText("#account-name"), walk.person.name);
    await look(walk, "account");
    // To what is registered and to another password without a further proof, and back.
    await hands.press("#to-methods");
    await page.waitForSelector("#to-address");
    await look(walk, "methods");
    await hands.press("#to-account");
    await hands.press("#change-password");
    await page.waitForSelector("#current-password");
    await page.goto(`${job.url}/account`);
    await hands.press("#sign-out");
    await page.waitForURL("**/signin", { waitUntil: "domcontentloaded" });
    assert.match(await page.innerText("h1"), WORDS[language].out);
    await page.goto(`${job.url}/account`);
    assert.equal(new URL(page.url()).pathname, "/signin");
  }, options);

  walking("must", "whoever lacks something registers it first", person, language, async (walk) => {
    const { page } = walk;
    await signIn(walk, walk.person.current, "**/register/methods");
    assert.match(await page.innerText("#required"), WORDS[language].must);
    assert.equal(await page.locator("#to-account").count(), 0);
    await look(walk, "required");
    await page.goto(`${job.url}/account`);
    assert.equal(new URL(page.url()).pathname, "/register/methods");
    await page.click("#to-recovery-codes");
    await page.click('form[action="/register/recovery-codes"] button');
    await page.waitForSelector("#recovery-codes");
    await page.goto(`${job.url}/account`);
    assert.match(await page.innerText("h1"), WORDS[language].account);
    await look(walk, "registered");
  }, options);
}

/** The rules of the page turn while somebody types; what is typed can be pasted and shown, and is judged; one is suggested. */
async function live(walk) {
  const { page } = walk;
  const states = async () => Object.fromEntries(
    await page.locator("[data-rule]").evaluateAll((lines) => lines.map(({ dataset }) => [dataset.rule, dataset.state])),
  );
  const unknown = { breached_password: "unknown", maximum_length: "unknown" };
  assert.deepEqual(await states(), { ...unknown, minimum_length: "unknown", contains_name: "unknown" });
  const loaded = () => page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.ok(!(await loaded()).some((name) => name.endsWith("strength.js")), "it is loaded when it is needed");
  await page.focus("#new-password");
  await page.keyboard.type("carla");
  const typed = { breached_password: "unknown", maximum_length: "met" };
  assert.deepEqual(await states(), { ...typed, minimum_length: "broken", contains_name: "broken" });
  await page.waitForFunction(() => ["0", "1"].includes(document.getElementById("strength").dataset.score));
  await look(walk, "cloud-password-broken");
  // Pasted, with a sign that keyboards write in two ways: it is counted as the server counts it.
  await page.evaluate(() => navigator.clipboard.writeText("perche\u0301 no, noo"));
  await page.focus("#new-password");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+V");
  assert.equal(await page.inputValue("#new-password"), "perche\u0301 no, noo");
  assert.deepEqual(await states(), { ...typed, minimum_length: "broken", contains_name: "met" });
  await page.keyboard.type("!!!");
  assert.deepEqual(await states(), { ...typed, minimum_length: "met", contains_name: "met" });
  const kinds = () => page.locator("#new-password, #again-password").evaluateAll((fields) => fields.map(({ type }) => type));
  await page.click("#show-password");
  assert.deepEqual(await kinds(), ["text", "text"]);
  await page.click("#show-password");
  assert.deepEqual(await kinds(), ["password", "password"]);
  await page.click("#suggest-password");
  const suggested = await page.inputValue("#new-password");
  assert.match(suggested, /^(\w{5}-){3}\w{5}$/);
  assert.equal(await page.inputValue("#again-password"), suggested);
  assert.deepEqual([await states(), await kinds()], [{ ...typed, minimum_length: "met", contains_name: "met" }, ["text", "text"]]);
  await page.waitForFunction(() => document.getElementById("strength").dataset.score === "4");
  await look(walk, "cloud-password-suggested");
  await page.click("#show-password");
}

/** From one's own page to another password, in two tabs: the one that is sent first counts, and signs in. */
async function changeCloud(walk, current, changed) {
  const { page, person, language } = walk;
  await page.click("#change-password");
  await page.waitForSelector("#cloud-password-form #current-password");
  await look(walk, "cloud-change");
  const second = await walk.tab();
  await second.page.goto(`${job.url}/reset/password`);
  await page.fill("#current-password", "not hers at all");
  await walk.type(changed);
  await page.click("#submit-password");
  await page.waitForSelector("#fault");
  assert.match(await page.innerText("#fault"), WORDS[language].current);
  await look(walk, "cloud-change-wrong");
  // Reloaded it is the page itself, and sends nothing again.
  await page.reload();
  assert.deepEqual([new URL(page.url()).pathname, await page.locator("#fault").count()], ["/reset/password", 0]);
  await page.fill("#current-password", current);
  await walk.type(changed);
  await walk.submit();
  await page.waitForSelector(".notice-ok");
  await look(walk, "cloud-changed");
  await second.page.fill("#current-password", current);
  await second.type("sette oche sul lago");
  await second.submit();
  assert.match(await second.page.innerText("#other-tab"), WORDS[language].other);
  await second.page.close();
  await page.goto(`${job.url}/signin?lang=${language}`);
  await page.fill("#name", person.upn);
  await page.click('form button[type="submit"]');
  // On one page, since a name that is given often costs some work.
  for (const [password, right] of [[current, false], [changed, true]]) {
    await page.waitForSelector("#cloud-verify-form");
    await page.fill("#current-password", password);
    await page.click("#show-password");
    assert.equal(await page.getAttribute("#current-password", "type"), "text");
    await page.click("#submit-password");
    if (right) await page.waitForURL("**/account", { waitUntil: "domcontentloaded" });
    else await page.waitForSelector("#fault");
  }
}

walking("open", "without a script the tenant's own people choose a password as well", "cloud", "it", async (walk) => {
  const { page } = walk;
  await walk.front();
  await walk.name();
  // Without a script nothing keeps a form from being sent twice: both are led on, and nobody is told of wrong tries.
  await page.fill("#code", await walk.code());
  await page.dblclick('form[action="/reset/code"] button[type="submit"]');
  await page.waitForSelector("#cloud-password-form");
  // What nothing would answer is not offered.
  for (const id of ["show-password", "suggest-password", "strength"]) assert.equal(await page.isVisible(`#${id}`), false, id);
  await walk.type("carla carla carla");
  await page.click("#submit-password");
  await page.waitForSelector("#fault");
  await walk.type("otto volpi nel bosco", "something else");
  await page.click("#submit-password");
  await page.waitForSelector("#fault");
  assert.match(await page.innerText("#fault"), WORDS.it.differ);
}, { javaScriptEnabled: false });

for (const [language, password] of [
  ["en", "first"],
  ["it", "second"],
]) {
  // The tenant itself is their directory, so that nothing is sealed: these pages are plain forms.
  walking("open", "whoever is the tenant's own resets a password and signs in", "cloud", language, async (walk) => {
    const { page, person } = walk;
    await walk.front();
    await walk.name();
    await walk.give(await walk.code());
    await page.waitForSelector("#cloud-password-form");
    const posts = [];
    page.on("request", (request) => request.method() === "POST" && posts.push(new URL(request.url()).pathname));
    await live(walk);
    // The page itself says what is wrong, and sends nothing.
    const refused = async (typed, again, words) => {
      await walk.type(typed, again);
      await page.click("#submit-password");
      await page.waitForSelector("#password-error:not([hidden])");
      assert.match(await page.innerText("#password-error"), words);
    };
    await refused(person[password], "something else", WORDS[language].differ);
    await refused("carla carla carla", "carla carla carla", WORDS[language].name);
    assert.deepEqual(posts, []);
    // What only the server can tell, it tells.
    await walk.type("123456789012345");
    await page.click("#submit-password");
    await page.waitForSelector("#fault");
    assert.match(await page.innerText("#fault"), WORDS[language].known);
    assert.deepEqual(posts, ["/reset/cloud-password"]);
    await look(walk, "cloud-password");
    await walk.type(person[password]);
    await walk.submit(() => page.dblclick("#submit-password"));
    await page.waitForSelector(".notice-ok");
    assert.match(await page.innerText("main"), WORDS[language].devices);
    await look(walk, "cloud-done");
    // Set once, however often it was clicked, and shown again on the way back.
    assert.deepEqual(posts, ["/reset/cloud-password", "/reset/cloud-password"]);
    await page.goBack();
    await page.waitForSelector(".notice-ok");
    await page.reload();
    await page.waitForSelector(".notice-ok");
    assert.ok(await mailAfter(job.mail, person.address, walk.after), "no notice came");
    await page.click("#to-signin");
    await page.fill("#name", person.upn);
    await page.click('form button[type="submit"]');
    await page.waitForSelector("#cloud-verify-form");
    await page.fill("#current-password", "not hers at all");
    await page.click("#submit-password");
    await page.waitForSelector("#fault");
    await look(walk, "cloud-signin");
    await page.fill("#current-password", person[password]);
    await page.click("#submit-password");
    await page.waitForURL("**/account", { waitUntil: "domcontentloaded" });
    assert.equal(await page.innerText("#account-name"), person.name);
    await changeCloud(walk, person[password], person[`${password}_changed`]);
  }, { permissions: ["clipboard-read", "clipboard-write"] });
}

for (const [person, language, options] of [
  ["owner", "en", {}],
  ["keyboard", "it", { keyboard: true, viewport: { width: 360, height: 740 } }],
]) {
  walking("change", "whoever is signed in changes the password, at the directory", person, language, async (walk) => {
    const { page, hands } = walk;
    await signIn(walk);
    await hands.press("#change-password");
    await page.waitForSelector(READY);
    await look(walk, "change");
    await hands.fill("#current-password", walk.person.current);
    await choose(walk);
    await look(walk, "changed");
  }, options);
}
