// Sends a logo: a picture as it is, in the place of JSON.

import { Problem, problemOf } from "./problem.ts";

/** Which logo. */
export type Which = "light" | "dark";

/** The largest file that is sent, in bytes, as the server takes it: much of it may be what does not draw. */
export const LARGEST = 1 << 20;

/**
 * Puts a logo on the pages, if they still look as whoever asks saw them.
 *
 * @throws {Problem}
 */
export async function putLogo(which: Which, file: Blob, tag: string | undefined): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/look/logos/${which}`, {
      method: "PUT",
      headers: { "Content-Type": "image/png", Accept: "application/json", ...(tag !== undefined && { "If-Match": tag }) },
      credentials: "same-origin",
      redirect: "error",
      body: file,
    });
  } catch (error) {
    throw new Problem("network", 0, String(error));
  }
  if (!response.ok) throw await problemOf(response);
}
