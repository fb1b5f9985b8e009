// The support code is read out or pasted: a button copies it. Without this script there is the code alone.

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
