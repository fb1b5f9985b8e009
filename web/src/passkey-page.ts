// The pages on which a passkey is made, or shows that its owner is here (W3C, Web Authentication Level 3). The browser asks; what it
// answers goes along with the page's own form.

import { decode, encode } from "./seal/bytes.ts";
import { byId } from "./sealed-form.ts";

interface Descriptor {
  readonly type: "public-key";
  readonly id: string;
}

/** The server's options as JSON: what are bytes is base64url. */
interface Options {
  readonly challenge: string;
  readonly user?: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly excludeCredentials?: readonly Descriptor[];
  readonly allowCredentials?: readonly Descriptor[];
}

const named = (list: readonly Descriptor[] | undefined): PublicKeyCredentialDescriptor[] =>
  (list ?? []).map(({ type, id }) => ({ type, id: decode(id) }));

function creation(options: Options): PublicKeyCredentialCreationOptions {
  const { challenge, user, excludeCredentials } = options;
  return {
    ...(options as unknown as PublicKeyCredentialCreationOptions),
    challenge: decode(challenge),
    user: { id: decode(user?.id ?? ""), name: user?.name ?? "", displayName: user?.displayName ?? "" },
    excludeCredentials: named(excludeCredentials),
  };
}

function request(options: Options): PublicKeyCredentialRequestOptions {
  const { challenge, allowCredentials } = options;
  return {
    ...(options as unknown as PublicKeyCredentialRequestOptions),
    challenge: decode(challenge),
    allowCredentials: named(allowCredentials),
  };
}

const bytes = (buffer: ArrayBuffer): string => encode(new Uint8Array(buffer));

/** The credential as the server reads it. */
function json(credential: PublicKeyCredential): string {
  const { response } = credential;
  const told: Record<string, unknown> = { clientDataJSON: bytes(response.clientDataJSON) };
  if (response instanceof AuthenticatorAttestationResponse) {
    told["attestationObject"] = bytes(response.attestationObject);
  } else if (response instanceof AuthenticatorAssertionResponse) {
    told["authenticatorData"] = bytes(response.authenticatorData);
    told["signature"] = bytes(response.signature);
    if (response.userHandle !== null) told["userHandle"] = bytes(response.userHandle);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: bytes(credential.rawId),
    type: credential.type,
    response: told,
    extensions: {},
  });
}

/** The server's options: on the page, or asked for when the button is pressed. */
async function optionsOf(texts: DOMStringMap): Promise<Options> {
  const begin = texts["begin"];
  if (begin === undefined) return JSON.parse(texts["options"] ?? "") as Options;
  const answer = await fetch(begin, { method: "POST" });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return (await answer.json()) as Options;
}

/** Brings the page to life. */
export function passkeyPage(form: HTMLFormElement): void {
  const button = byId<HTMLButtonElement>("use-passkey");
  const field = byId<HTMLInputElement>("credential");
  const problem = byId("passkey-error");
  const texts = form.dataset;
  const fail = (message: string | undefined): void => {
    problem.textContent = message ?? "";
    problem.hidden = problem.textContent === "";
  };

  async function ask(): Promise<void> {
    fail("");
    button.disabled = true;
    let options: Options;
    try {
      options = await optionsOf(texts);
    } catch {
      fail(texts["refused"]);
      button.disabled = false;
      return;
    }
    try {
      const credential =
        texts["kind"] === "create"
          ? await navigator.credentials.create({ publicKey: creation(options) })
          : await navigator.credentials.get({ publicKey: request(options) });
      field.value = json(credential as PublicKeyCredential);
      form.submit();
    } catch (error) {
      // A device says no in one way, whatever the reason: nobody learns from it which passkeys there are.
      const there = error instanceof DOMException && error.name === "InvalidStateError";
      fail(there ? texts["already"] : texts["cancelled"]);
      button.disabled = false;
    }
  }

  if (typeof PublicKeyCredential === "undefined") {
    fail(texts["unsupported"]);
    return;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) void ask();
  });
  // What is used is used up: a page that comes back from the browser's memory is asked for anew.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  button.disabled = false;
}
