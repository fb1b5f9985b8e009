// A box for what is looked for. Who types a support code into it and presses Enter is led to what is under it, wherever the box stands.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "../load.ts";
import { useMe } from "../me.ts";
import { go } from "../router.ts";
import { isKnown, placeOf, supportCode } from "../support-code.ts";
import { t } from "../words.ts";
import { Field } from "./field.tsx";
import { Fault } from "./told.tsx";

/** How long nobody types before it is looked for, in milliseconds. */
const PAUSE = 250;

/** What a box has. */
interface Box {
  readonly label: string;
  /** What is looked for now. */
  readonly value: string;
  readonly search: (text: string) => void;
  readonly hint?: string | undefined;
  readonly id?: string;
}

/** The box. It looks while its person types. */
export function Search({ label, value, search, hint, id }: Box) {
  const me = useMe();
  const [text, setText] = useState(value);
  const action = useAction();
  const code = supportCode(text);
  const place = code === undefined ? undefined : placeOf(me, code);
  useEffect(() => setText((typed) => (typed.trim() === value ? typed : value)), [value]);
  useEffect(() => {
    if (text.trim() === value) return undefined;
    const there = location.pathname;
    // Whoever has gone on meanwhile, as by a support code, is not fetched back.
    const timer = setTimeout(() => location.pathname === there && search(text.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const submit = () =>
    action.run(async () => {
      if (code !== undefined && place !== undefined && (await isKnown(me, code))) go(place);
      else search(text.trim());
    });
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label={label} hint={hint} type="search" value={text} set={setText} maxLength={256} autocomplete="off" id={id} />
      <p class="actions">
        <button type="submit" class="quiet" disabled={action.busy}>
          {t("console-search")}
        </button>
        {place !== undefined && code !== undefined && (
          <a class="button quiet" href={place}>
            {t("app-people-code-open", { code })}
          </a>
        )}
      </p>
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </form>
  );
}
