// Something that is on or off, and the button that turns it.

import type { ComponentChildren } from "preact";
import { useAction } from "../load.ts";
import { t } from "../words.ts";
import { Fault } from "./told.tsx";

/**
 * A line with its button.
 *
 * @param props `label`: what is told of it as it is; `named`: what it is called, for the button; `turn`: turns it, absent if it is not theirs
 */
export function Switch(props: { label: ComponentChildren; named: string; on: boolean; turn?: ((on: boolean) => Promise<void>) | undefined }) {
  const { label, named, on, turn } = props;
  const action = useAction();
  const word = on ? t("console-switch-off") : t("console-switch-on");
  return (
    <>
      <div class="row">
        <span>{label}</span>
        {turn !== undefined && (
          <button type="button" class="quiet" disabled={action.busy} aria-label={`${word}: ${named}`} onClick={() => action.run(() => turn(!on))}>
            {word}
          </button>
        )}
      </div>
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </>
  );
}
