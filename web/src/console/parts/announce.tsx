// What is told beside the page: to everybody as a short message, or to screen readers alone.

import { useEffect, useState } from "preact/hooks";
import { usePlace } from "../router.ts";
import { t } from "../words.ts";

/** What is told on the way to another page is still to be read there, in milliseconds; what is older was about the page before. */
const ON_THE_WAY = 1_000;

interface Told {
  readonly text: string;
  readonly kind: "ok" | "error";
  readonly at: number;
}

let tell: ((told: Told | undefined) => void) | undefined;
let say: ((text: string) => void) | undefined;

/** Shows a message until it is closed, the next one comes or somebody goes elsewhere. It takes no focus, and is read out. */
export function toast(text: string, kind: Told["kind"] = "ok"): void {
  tell?.({ text, kind, at: performance.now() });
}

/** Reads something out. */
export function announce(text: string): void {
  say?.(text);
}

/** Where both are shown: once in the console, and there before anything is said, so that screen readers know it. */
export function Announcements() {
  const [told, setTold] = useState<Told>();
  const [said, setSaid] = useState("");
  const place = usePlace();
  useEffect(() => {
    setTold((there) => (there !== undefined && performance.now() - there.at > ON_THE_WAY ? undefined : there));
  }, [place]);
  useEffect(() => {
    tell = setTold;
    say = setSaid;
  }, []);
  return (
    <>
      <div class="visually-hidden" role="status">
        {said}
      </div>
      <div class="toast" role="status">
        {told !== undefined && (
          <div class={`notice notice-${told.kind}`}>
            <p>
              <strong>{told.text}</strong>
            </p>
            <button type="button" class="quiet" onClick={() => setTold(undefined)}>
              {t("app-close")}
            </button>
          </div>
        )}
      </div>
    </>
  );
}
