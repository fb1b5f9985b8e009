// The pages of whoever's directory is the server itself: plain forms, which work without a script. It judges a new password while it is typed,
// as on the page that seals one, and shows what is typed.

import { ChosenPassword } from "./chosen-password.ts";
import type { EffectivePolicy } from "./policy.ts";
import { byId, freshOnReturn, showable } from "./sealed-form.ts";

/** Shows what takes a script. */
function scripted(): void {
  for (const element of document.querySelectorAll<HTMLElement>(".scripted")) element.hidden = false;
}

/** Brings the page to life on which a new password is chosen. */
export function cloudPasswordPage(form: HTMLFormElement): void {
  const current = document.getElementById("current-password");
  const chosen = new ChosenPassword(form, {
    policy: JSON.parse(form.dataset["policy"] ?? "") as EffectivePolicy,
    // None of these rules is about time.
    now: () => 0,
    // The server judges and keeps it so (`cloud_policy::typed`).
    read: (typed) => typed.normalize("NFC"),
    others: current instanceof HTMLInputElement ? [current] : [],
  });
  form.addEventListener("submit", (event) => {
    if (!chosen.acceptable()) event.preventDefault();
    // What is shown is no text to be remembered.
    else for (const field of form.querySelectorAll<HTMLInputElement>("input[type=text][autocomplete$=password]")) field.type = "password";
  });
  scripted();
  freshOnReturn();
}

/** Brings the page to life on which the current password is confirmed. */
export function cloudVerifyPage(form: HTMLFormElement): void {
  showable(byId<HTMLButtonElement>("show-password"), [byId<HTMLInputElement>("current-password")], form.dataset);
  scripted();
  freshOnReturn();
}
