// What every page has. The support code is read out or pasted: a button copies it. Without this script there is the code alone. And a form is sent
// once by a double click. Shortly before a way through the pages ends, it says so.

import "./answer.ts";

/** So long before a way through the pages ends it is said. */
const SOON_MINUTES = 2;

const code = document.getElementById("support-code");
const { copy, copied } = document.body.dataset;

if (code !== null && copy !== undefined && copied !== undefined && "clipboard" in navigator) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet copy";
  button.textContent = copy;
  const status = document.createElement("span");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  button.addEventListener("click", () => {
    navigator.clipboard.writeText((code.textContent ?? "").trim()).then(
      () => {
        status.textContent = copied;
        button.textContent = copied;
      },
      // Where the browser forbids it, the person copies what is marked.
      () => getSelection()?.selectAllChildren(code),
    );
  });
  code.after(" ", button, status);
}

const left = document.getElementById("time-left");
const minutes = Number(left?.dataset["minutes"]);
if (left !== null && minutes > SOON_MINUTES) {
  // A change in a live region is read out; that a page comes with it is not.
  window.setTimeout(() => (left.textContent = left.dataset["soon"] ?? ""), (minutes - SOON_MINUTES) * 60_000);
}

/** After this long a form that got no answer can be sent again. */
const AGAIN_MS = 5_000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  // Forms that a script sends have a guard of their own.
  if (event.defaultPrevented || !(form instanceof HTMLFormElement)) return;
  if (form.dataset["sent"] !== undefined) event.preventDefault();
  form.dataset["sent"] = "";
  window.setTimeout(() => delete form.dataset["sent"], AGAIN_MS);
});
