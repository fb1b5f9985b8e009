// Asks before something is done that can't be taken back. The browser's own dialog: it keeps the focus, and Escape closes it.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words.ts";

/** What is asked. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says that does it. */
  readonly action: string;
}

let ask: ((question: Question) => Promise<boolean>) | undefined;

/** Asks; `true` once the person says so. */
export async function confirmed(question: Question): Promise<boolean> {
  return (await ask?.(question)) ?? false;
}

/** Where it is asked: once in the console. */
export function Confirmations() {
  const [open, setOpen] = useState<{ question: Question; answer: (said: boolean) => void }>();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ask = (question) => new Promise((answer) => setOpen({ question, answer }));
  }, []);
  useEffect(() => {
    if (open !== undefined && dialog.current?.open === false) dialog.current.showModal();
  }, [open]);
  const end = (said: boolean) => {
    dialog.current?.close();
    open?.answer(said);
    setOpen(undefined);
  };
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text" onCancel={() => end(false)}>
      {open !== undefined && (
        <>
          <h2 id="confirm-title">{open.question.title}</h2>
          <p id="confirm-text">{open.question.text}</p>
          <p class="actions">
            <button type="button" class="quiet" onClick={() => end(false)}>
              {t("app-cancel")}
            </button>
            <button type="button" onClick={() => end(true)}>
              {open.question.action}
            </button>
          </p>
        </>
      )}
    </dialog>
  );
}
