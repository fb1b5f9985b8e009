// Registering an address of one's own in a browser, against the whole running system. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts: see walk.mjs and chromium.mjs
//   people: `owner`, `keyboard`, each {upn, address, mailbox, current, own, password}: `current` is their password at the
//     directory, `own` the address that they register, `password` the one that they choose when they have forgotten it
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { code, mailAfter, newest } from "./mailbox.mjs";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look } = walks(job, "register");

/** From the first page to the one that asks for the current password. */
async function toPassword(walk, upn = walk.person.upn) {
  await walk.front();
  await walk.page.click('a[href="/register"]');
  await walk.page.fill("#name", upn);
  await walk.page.click('form button[type="submit"]');
  await walk.page.waitForSelector("#submit-password:not([disabled])");
}

/** Types a password and reads why it was not confirmed. */
async function refused(walk, password) {
  await walk.page.fill("#current-password", password);
  await walk.page.click("#submit-password");
  await walk.page.waitForSelector("#password-error:not([hidden])");
  assert.equal(await walk.page.inputValue("#current-password"), "");
  return (await walk.page.textContent("#password-error")).trim();
}

walking("an address is registered with the password, and gets the code when it is forgotten", "owner", "en", async (walk) => {
  const { page, person } = walk;
  const before = {};
  for (const address of [person.mailbox, person.address]) before[address] = await newest(job.mail, address);
  await page.goto(`${job.url}/register?lang=en`);
  await look(walk, "front");
  await toPassword(walk);
  await look(walk, "password");
  const bodies = [];
  page.on("request", (request) => bodies.push(request.postData() ?? ""));
  assert.match(await refused(walk, "Not-My-Passw0rd"), /did not confirm/);
  await look(walk, "password-wrong");
  await page.fill("#current-password", person.current);
  await page.click("#submit-password");
  await page.click("#to-address");
  await page.waitForSelector("#address");
  assert.ok(bodies.length > 0 && bodies.every((body) => !body.includes(person.current)), "a password left the page unsealed");
  await look(walk, "address");
  const give = async (address) => {
    await page.fill("#address", address);
    await page.click('form[action="/register/address"] button');
  };
  await give(person.mailbox);
  await page.waitForSelector('[role="alert"] #fault');
  assert.match(await page.innerText("#fault"), /mailbox at work/);
  await look(walk, "address-own");
  const last = await newest(job.mail, person.own);
  await give(person.own);
  await page.waitForSelector("#code");
  await look(walk, "code");
  await page.fill("#code", code(await mailAfter(job.mail, person.own, last)));
  await page.dblclick('form[action="/register/code"] button');
  await page.waitForSelector(".notice-ok");
  await look(walk, "done");
  // Back and reload lead to what was registered, and send nothing again.
  for (const again of [() => page.goBack(), () => page.reload()]) {
    await again();
    await page.waitForSelector(".notice-ok, #registered");
  }
  await page.goto(`${job.url}/register/done`);
  for (const address of [person.mailbox, person.address]) {
    const told = await mailAfter(job.mail, address, before[address]);
    // In the language that the directory has for them, not in that of the browser.
    assert.match(told?.text ?? "", /è stato registrato un indirizzo/, `no notice came to ${address}`);
    assert.ok(!told.text.includes(person.own), "the notice has the whole address in it");
  }

  // Forgotten: the code comes to the registered address, or to the other one by choice.
  walk.person = { ...person, address: person.own };
  await walk.front();
  await walk.name();
  await walk.code();
  await look(walk, "reset-code");
  const other = await newest(job.mail, person.address);
  await page.check('input[name="to"][value="directory"]');
  await page.click('form[action="/reset/resend"] button');
  await page.waitForSelector(".notice-ok");
  assert.ok(await mailAfter(job.mail, person.address, other), "no code came to the address from the directory");
  await page.check('input[name="to"][value="registered"]');
  await page.click('form[action="/reset/resend"] button');
  await walk.give(await walk.code());
  await page.waitForSelector("#submit-password:not([disabled])");
  await walk.type(person.password);
  await walk.submit();
  assert.match(await page.innerText(".notice-ok"), /works/i);

  // For an hour the directory may still take the password before, so that the new one proves nothing yet.
  await toPassword(walk);
  assert.match(await refused(walk, person.password), /within the last hour/);
});

walking("with nothing but a keyboard, on a phone", "keyboard", "it", async (walk) => {
  const { page, person } = walk;
  const to = async (id) => {
    for (let presses = 0; presses < 30; presses += 1) {
      if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`no way to #${id} by the Tab key`);
  };
  const fill = async (id, text) => {
    await page.waitForSelector(`#${id}`);
    await to(id);
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  };
  const last = await newest(job.mail, person.own);
  await page.goto(`${job.url}/register?lang=it`);
  await look(walk, "front");
  await fill("name", person.upn);
  await page.waitForSelector("#submit-password:not([disabled])");
  await look(walk, "password");
  await fill("current-password", person.current);
  await page.waitForSelector("#to-address");
  await to("to-address");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#address");
  await look(walk, "address");
  await fill("address", person.own);
  await page.waitForSelector("#code");
  await look(walk, "code");
  await fill("code", code(await mailAfter(job.mail, person.own, last)));
  await page.waitForSelector(".notice-ok");
  await look(walk, "done");
}, { viewport: { width: 360, height: 740 } });

walking("what is registered is shown masked, and can be removed", "keyboard", "en", async (walk) => {
  const { page, person } = walk;
  await toPassword(walk);
  await page.fill("#current-password", person.current);
  await page.click("#submit-password");
  await page.click("#to-address");
  await page.waitForSelector("#address");
  assert.match(await page.innerText("#registered"), /•••••.@/);
  await look(walk, "replace");
  const removed = await newest(job.mail, person.own);
  await page.click('form[action="/register/remove"] button');
  await page.waitForSelector(".notice-ok");
  await look(walk, "removed");
  assert.match((await mailAfter(job.mail, person.own, removed))?.text ?? "", /questo indirizzo è stato tolto/);
});

walking("an unknown name is answered as a wrong password is", "owner", "en", async (walk) => {
  const told = [];
  for (const upn of [walk.person.upn, "nobody.at.all@contoso.test"]) {
    await toPassword(walk, upn);
    const started = performance.now();
    const words = await refused(walk, "Not-My-Passw0rd");
    const took = performance.now() - started;
    assert.ok(took >= 2_000 && took < 4_000, `${upn} was answered after ${took} ms`);
    told.push(words);
  }
  assert.equal(told[1], told[0]);
});

walking("without a script the one page that needs it says so", "owner", "en", async (walk) => {
  const { page } = walk;
  await page.goto(`${job.url}/register?lang=en`);
  await page.fill("#name", walk.person.upn);
  await page.click('form button[type="submit"]');
  await page.waitForSelector("noscript .notice-error");
  assert.equal(await page.isDisabled("#submit-password"), true);
  assert.equal(await page.locator('input[type="password"][name]').count(), 0);
}, { javaScriptEnabled: false });
