// Every method, once with nothing but a keyboard and once on a phone, in either language by turns. RITORNO_BROWSER is a JSON object:
//   url, ca, mail, artifacts, met: see walk.mjs and chromium.mjs
//   phase: "one": one gate, which everything that can opens; "two": two gates, mail and then security questions
//   sms_port: where the gateway for text messages is looked for
//   administrator: who helps callers, {administrator, password}
//   people: for each method of the phase `<method>-keyboard` and `<method>-phone`, each {upn, address, current, password}: `current` is
//     their password at the directory, `password` the one they choose
// The harness proves afterwards, at the directory, whose password is which.

import assert from "node:assert/strict";
import { READY, answerAsked, answerNew, choose, cleared, device, gateway, giveCode, named, registerApp, toMethods } from "./ways.mjs";
import { walks } from "./walks.mjs";

const job = JSON.parse(process.env.RITORNO_BROWSER ?? "null");
assert.ok(job, "RITORNO_BROWSER is not set: `cargo xtask test` runs these tests");

const { walking, look: lookOnce } = walks(job, "ways");

const seen = new Set();

/** Looks at a page; at one that several walks have in common once for each language and way of acting, and the others keep its picture. */
async function look(walk, name, whose) {
  const state = [walk.language, walk.hands.keyboard, name].join(" ");
  if (seen.has(state)) await walk.picture(`ways-${whose ?? name}-${name}`);
  else await lookOnce(walk, name);
  seen.add(state);
}

/** Gives the name and goes to the page of another way than mail. */
async function atGate(walk, place) {
  const { page, hands } = walk;
  await named(walk);
  await hands.press(`.ways a[href="${place}"]`);
  await page.waitForURL(`**${place}`);
  await look(walk, place.split("/").at(-1));
}

const QUESTIONS = [[1, "Scuola Manzoni"], [2, "Bianchi"], [3, "Caffè"], [4, "Una quercia"], [5, "Torino"]];

/** For each method how the gate is opened with it, after it was registered where it has to be. */
const METHODS = {
  one: {
    async mail(walk) {
      await walk.front();
      await look(walk, "front");
      await named(walk);
      await look(walk, "code");
      await giveCode(walk, "/reset/code", await walk.code());
    },
    async sms(walk) {
      const { page, hands } = walk;
      const number = `+39 333 ${walk.person.number}`;
      await gateway(job.sms_port, async (code) => {
        await toMethods(walk);
        await hands.press("#to-mobile");
        await page.waitForSelector("#number");
        await look(walk, "mobile");
        await hands.send([["#number", number]], 'form[action="/register/mobile"] button');
        await page.waitForURL("**/register/mobile/code");
        await look(walk, "mobile-code");
        await giveCode(walk, "/register/mobile/code", await code(number.replaceAll(" ", "")));
        await page.waitForSelector(".notice-ok");
        await named(walk);
        await hands.press('form[action="/reset/sms/send"] button');
        await page.waitForSelector('form[action="/reset/sms"]');
        await look(walk, "sms");
        await giveCode(walk, "/reset/sms", await code(number.replaceAll(" ", "")));
        await page.waitForSelector(READY);
      });
    },
    async app(walk) {
      await toMethods(walk);
      await look(walk, "methods");
      const app = await registerApp(walk);
      await atGate(walk, "/reset/app");
      await giveCode(walk, "/reset/app", await app.code());
    },
    async passkey(walk) {
      const { page, hands } = walk;
      await device(page);
      await toMethods(walk);
      await hands.press("#to-passkey");
      await page.waitForSelector("#use-passkey:not([disabled])");
      await look(walk, "passkey-register");
      await hands.press("#use-passkey");
      await page.waitForSelector(".notice-ok");
      await atGate(walk, "/reset/passkey");
      await hands.press("#use-passkey");
    },
    async "recovery-code"(walk) {
      const { page, hands } = walk;
      await toMethods(walk);
      await hands.press("#to-recovery-codes");
      await look(walk, "recovery-codes");
      await hands.press('form[action="/register/recovery-codes"] button');
      await page.waitForSelector("#recovery-codes");
      await look(walk, "recovery-codes-shown");
      const [code] = await page.locator("#recovery-codes .code").allInnerTexts();
      await atGate(walk, "/reset/recovery-code");
      await giveCode(walk, "/reset/recovery-code", code);
    },
    // A code of the help desk's shows who is calling, and a temporary pass comes of it.
    async "help-desk"(walk) {
      const { page, hands } = walk;
      await cleared(walk, look);
      await hands.press('form[action="/console/people/pass"] button');
      await page.waitForSelector("#pass");
      await look(walk, "desk-pass");
      const pass = await page.innerText("#pass");
      await atGate(walk, "/reset/pass");
      await giveCode(walk, "/reset/pass", pass);
    },
  },
  two: {
    async questions(walk) {
      const { page, hands } = walk;
      await toMethods(walk);
      await hands.press("#to-questions");
      await page.waitForSelector("#question-5");
      await look(walk, "questions");
      const answers = await answerNew(walk, QUESTIONS);
      await page.waitForSelector(".notice-ok");
      await walk.front();
      await walk.name();
      await giveCode(walk, "/reset/code", await walk.code());
      await page.waitForURL("**/reset/gate");
      await look(walk, "gate");
      await hands.press('a[href="/reset/questions"]');
      await page.waitForSelector("#answer-3");
      await look(walk, "questions-gate");
      assert.equal(await answerAsked(walk, (question) => answers.get(question)), 3);
    },
  },
};

const HOWS = [
  ["keyboard", { keyboard: true }],
  ["phone", { viewport: { width: 360, height: 740 }, hasTouch: true }],
];

for (const [at, [method, open]] of Object.entries(METHODS[job.phase]).entries()) {
  for (const [turn, [how, options]] of HOWS.entries()) {
    const language = ["en", "it"][(at + turn) % 2];
    walking(`${method}, with a ${how}`, `${method}-${how}`, language, async (walk) => {
      await open(walk);
      await walk.page.waitForSelector(READY);
      await look(walk, "password", method);
      await choose(walk);
      await look(walk, "done", method);
    }, options);
  }
}
