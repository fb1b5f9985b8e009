// What people do on the way to a new password, each step once, for the tests that walk it: with any hands (`hands.mjs`), in any language.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { App } from "./authenticator.mjs";
import { mailAfter, newest } from "./mailbox.mjs";

/** What a page says once the new password works. */
export const WORKS = { en: /works/i, it: /funziona/i };

/** Where the script has come to life, and a password can be sent. */
export const READY = "#submit-password:not([disabled])";

/** Gives the name on the first page; ends where another way than the first can be chosen. */
export async function named(walk) {
  await walk.front();
  await walk.name();
  await walk.page.waitForSelector(".ways");
}

/** Chooses a new password, and reads that it works. */
export async function choose(walk) {
  const { page, person, hands } = walk;
  await page.waitForSelector(READY);
  await hands.fill("#new-password", person.password);
  await hands.fill("#again-password", person.password);
  await walk.submit(() => (hands.keyboard ? page.keyboard.press("Enter") : page.click("#submit-password")));
  assert.match(await page.innerText(".notice-ok"), WORKS[walk.language]);
}

/** Names oneself and proves the current password, on the page that is open. */
export async function prove(walk) {
  const { page, person, hands } = walk;
  await hands.send([["#name", person.upn]], 'form button[type="submit"]');
  await page.waitForSelector(READY);
  await hands.send([["#current-password", person.current]], "#submit-password");
}

/** From the first page to the list of what is registered. */
export async function toMethods(walk) {
  await walk.page.goto(`${walk.place.url}/register?lang=${walk.language}`);
  await prove(walk);
  await walk.page.waitForURL("**/register/methods");
}

/** Types a code and sends it. */
export function giveCode(walk, form, code) {
  return walk.hands.send([["#code", code]], `form[action="${form}"] button`);
}

/** Registers an app; ends on the list. */
export async function registerApp(walk) {
  await walk.hands.press("#to-app");
  const app = new App(await walk.page.innerText("#app-key"));
  await giveCode(walk, "/register/app", await app.code());
  await walk.page.waitForSelector(".notice-ok");
  return app;
}

/** A phone or computer that keeps passkeys, as the browser plays it (W3C, Web Authentication, automation). */
export async function device(page) {
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
  return {
    keys: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    /** Whether the fingerprint fits. */
    verifies: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
  };
}

/** A gateway for text messages, which keeps them. */
export async function gateway(port, work) {
  const messages = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    messages.push(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(202).end();
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
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

/** Chooses and answers security questions, each of those at `places` of the lists; returns the answers by their questions. */
export async function answerNew(walk, places) {
  const answers = new Map();
  for (const [slot, [place, text]] of places.entries()) {
    answers.set(await walk.hands.choose(`#question-${slot + 1}`, place), text);
    await walk.hands.fill(`#answer-${slot + 1}`, text);
  }
  await walk.hands.press('form[action="/register/questions"] button');
  return answers;
}

/** Answers what is asked, each question by `answer`. */
export async function answerAsked(walk, answer) {
  const asked = await walk.page.locator("label.question").allInnerTexts();
  const fields = asked.map((question, at) => [`#answer-${at + 1}`, answer(question.trim())]);
  await walk.hands.send(fields, 'form[action="/reset/questions"] button');
  return asked.length;
}

/** An administrator signs in, and the caller reads out the code that goes to them; ends where it is cleared who they are. The mail with the code. */
export async function cleared(walk, look) {
  const { page, person, hands } = walk;
  const { administrator, password } = walk.place.administrator;
  const after = await newest(walk.place.mail, person.address);
  await page.goto(`${walk.place.url}/console/sign-in?lang=${walk.language}`);
  await hands.send([["#name", administrator], ["#password", password]], 'form button[type="submit"]');
  await page.waitForURL("**/console");
  await page.goto(`${walk.place.url}/console/people?name=${encodeURIComponent(person.upn)}`);
  await look(walk, "desk-person");
  await hands.fill("#reason", "Her phone is lost");
  await hands.press('form[action="/console/people/code"] button');
  await page.waitForSelector("#code");
  await look(walk, "desk-code");
  const mail = await mailAfter(walk.place.mail, person.address, after);
  assert.match(mail?.text ?? "", /Her phone is lost/);
  await giveCode(walk, "/console/people/code/check", /[B-Z]{4}-[B-Z]{4}/.exec(mail.text)[0]);
  await page.waitForSelector('form[action="/console/people/pass"]');
  await look(walk, "desk-cleared");
  return mail;
}
