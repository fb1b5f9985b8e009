// How a person acts on a page: with a mouse or a finger, or with nothing but a keyboard.

import assert from "node:assert/strict";

/** More presses of the Tab key than any page has places to stop at. */
const PLACES = 80;

export class Hands {
  /** @param {boolean} keyboard whether there is nothing but one */
  constructor(page, keyboard) {
    Object.assign(this, { page, keyboard });
  }

  /** Goes to what `selector` names, by the Tab key alone. */
  async #to(selector) {
    for (let presses = 0; presses < PLACES; presses += 1) {
      if (await this.page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await this.page.keyboard.press("Tab");
    }
    assert.fail(`no way to ${selector} by the Tab key`);
  }

  /** Presses a button or follows a link. */
  async press(selector) {
    await this.page.waitForSelector(`${selector}:not([disabled])`);
    if (!this.keyboard) return this.page.click(selector);
    await this.#to(selector);
    await this.page.keyboard.press("Enter");
  }

  /** Types into a field; what was in it goes. */
  async fill(selector, text) {
    await this.page.waitForSelector(`${selector}:not([disabled])`);
    if (!this.keyboard) return this.page.fill(selector, text);
    await this.#to(selector);
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.type(text);
  }

  /** Fills the fields of a form and sends it: by its button, or by Enter in the last field. */
  async send(fields, button) {
    for (const [selector, text] of fields) await this.fill(selector, text);
    if (this.keyboard) await this.page.keyboard.press("Enter");
    else await this.page.click(button);
  }

  /** Chooses the entry at `place` of a list, and returns its words. */
  async choose(selector, place) {
    const list = this.page.locator(selector);
    if (this.keyboard) {
      await this.#to(selector);
      await this.page.keyboard.press("Home");
      for (let presses = 0; presses < place; presses += 1) await this.page.keyboard.press("ArrowDown");
    } else {
      await list.selectOption({ index: place });
    }
    return (await list.locator("option:checked").innerText()).trim();
  }
}
