// The one script of the pages. They all work without it but those that seal a password or ask for a passkey.

import { cloudPasswordPage, cloudVerifyPage } from "./cloud-password-page.ts";
import { givePage } from "./give-page.ts";
import { passkeyPage } from "./passkey-page.ts";
import { passwordPage } from "./password-page.ts";
import { verifyPage } from "./verify-page.ts";
import { workPage } from "./work-page.ts";

const choosing = document.getElementById("password-form");
if (choosing instanceof HTMLFormElement) passwordPage(choosing);
const keeping = document.getElementById("cloud-password-form");
if (keeping instanceof HTMLFormElement) cloudPasswordPage(keeping);
const confirming = document.getElementById("cloud-verify-form");
if (confirming instanceof HTMLFormElement) cloudVerifyPage(confirming);
const verifying = document.getElementById("verify-form");
if (verifying instanceof HTMLFormElement) verifyPage(verifying);
const asking = document.getElementById("passkey-form");
if (asking instanceof HTMLFormElement) passkeyPage(asking);
const giving = document.getElementById("give-form");
if (giving instanceof HTMLFormElement) givePage(giving);
const working = document.getElementById("work-form");
if (working instanceof HTMLFormElement) workPage(working);
