// The tests of one file, each a walk through the pages in a browser context of its own.

import { after, before, test } from "node:test";
import { openBrowser } from "./chromium.mjs";
import { sound, Walk } from "./walk.mjs";

/** How this file's tests walk, and look at a page: its pictures are called `pictures-…`. */
export function walks(job, pictures) {
  let session;
  before(async () => {
    session = await openBrowser(job.ca);
  });
  after(() => session.close());

  const walking = (name, person, language, work, { keyboard = false, ...options } = {}) =>
    test(`${name} (${language})`, async () => {
      const context = await session.browser.newContext({ locale: language, ...options });
      const walk = new Walk(await context.newPage(), job, job.people[person], language, keyboard);
      try {
        await work(walk);
      } catch (error) {
        throw await walk.broken(error);
      } finally {
        await context.close();
      }
    });

  /** Looks at a page: sound, and kept as a picture. */
  const look = async (walk, name) => {
    await sound(walk);
    await walk.picture(`${pictures}-${name}`);
  };
  return { walking, look };
}
