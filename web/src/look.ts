// Looks up how a submission ended whose answer was lost. It only ever reads: nothing is sent again.

/** How long is waited before each look, in milliseconds. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;
/** How long one look may take: a connection that hangs is as good as none. */
const LOOK_AT_MOST_MS = 10_000;

/** What a look found. */
type Found = "told" | "on its way" | "nothing" | "no answer";

async function look(place: string): Promise<Found> {
  try {
    const answer = await fetch(place, {
      headers: { accept: "text/html" },
      credentials: "same-origin",
      cache: "no-store",
      // Followed, it would lead to a page to type on, which is made anew each time.
      redirect: "manual",
      signal: AbortSignal.timeout(LOOK_AT_MOST_MS),
    });
    if (answer.type === "opaqueredirect") return "nothing";
    if (answer.status >= 500) return "no answer";
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.getElementById("pending") === null ? "told" : "on its way";
  } catch {
    return "no answer";
  }
}

/**
 * Looks at `place`, with growing waits in between, until it tells an end; `true` if it is worth going there. What seems not to have
 * arrived may still be on its way, so that it is believed at the last look only.
 */
export async function lookUp(place: string): Promise<boolean> {
  let found: Found = "no answer";
  for (const wait of WAITS_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    found = await look(place);
    if (found === "told") return true;
  }
  return found !== "no answer";
}
