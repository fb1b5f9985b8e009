// The one script of the pages. They all work without it but the one that seals a password.

import { passwordPage } from "./password-page.ts";

const form = document.getElementById("password-form");
if (form instanceof HTMLFormElement) passwordPage(form);
