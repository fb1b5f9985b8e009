// The one script of the pages. They all work without it but the two that seal a password.

import { passwordPage } from "./password-page.ts";
import { verifyPage } from "./verify-page.ts";

const choosing = document.getElementById("password-form");
if (choosing instanceof HTMLFormElement) passwordPage(choosing);
const verifying = document.getElementById("verify-form");
if (verifying instanceof HTMLFormElement) verifyPage(verifying);
