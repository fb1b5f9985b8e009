// One of the two logos: chosen, seen in the preview above, sent, taken away.

import type { LogoView } from "../generated/api.ts";
import { call } from "../api.ts";
import { useAction } from "../load.ts";
import { LARGEST, putLogo, type Which } from "../logos.ts";
import { toast } from "../parts/announce.tsx";
import { confirmed } from "../parts/confirm.tsx";
import { Fault } from "../parts/told.tsx";
import { t } from "../words.ts";

/** What each is called. */
const WORDS = {
  light: ["look-logo", "look-logo-hint", "look-no-logo"],
  dark: ["look-logo-dark", "look-logo-dark-hint", "look-no-logo-dark"],
} as const;

interface Props {
  readonly which: Which;
  readonly there: LogoView | null | undefined;
  readonly tag: string | undefined;
  readonly theirs: boolean;
  readonly chosen: File | undefined;
  readonly choose: (file: File | undefined) => void;
  readonly again: () => void;
}

/** The field of a logo, with its buttons. */
export function Logo({ which, there, tag, theirs, chosen, choose, again }: Props) {
  const action = useAction();
  const [label, hint, away] = WORDS[which];
  const large = chosen !== undefined && chosen.size > LARGEST;
  const put = (file: File) =>
    action.run(async () => {
      await putLogo(which, file, tag);
      choose(undefined);
      toast(t("app-look-saved"));
      again();
    });
  const take = async () => {
    if (!(await confirmed({ title: `${t(away)}?`, text: t("app-look-logo-text"), action: t(away) }))) return;
    await action.run(async () => {
      await call("DELETE /look/logos/{logo}", { path: { logo: which }, tag });
      toast(t("app-look-saved"));
      again();
    });
  };
  const error = large || action.problem?.kind === "look";
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen !== undefined && !large) void put(chosen);
      }}
    >
      <fieldset disabled={!theirs}>
        <legend class="visually-hidden">{t(label)}</legend>
        <div class="field">
          <label for={`logo-${which}`}>{t(label)}</label>
          <p class="hint" id={`logo-${which}-hint`}>
            {t(hint)}
          </p>
          <input
            id={`logo-${which}`}
            type="file"
            accept="image/png"
            aria-describedby={`logo-${which}-hint${error ? ` logo-${which}-error` : ""}`}
            onChange={(event) => choose(event.currentTarget.files?.[0])}
            {...(error && { "aria-invalid": "true" as const })}
          />
          {error && (
            <p class="field-error" id={`logo-${which}-error`} role="alert">
              {t("app-look-logo-unfit")} {!large && <span lang="en">{action.problem?.detail}</span>}
            </p>
          )}
        </div>
      </fieldset>
      {action.problem !== undefined && !error && <Fault problem={action.problem} again={again} />}
      {theirs && (chosen !== undefined || there != null) && (
        <p class="actions">
          {chosen !== undefined && (
            <button type="submit" class="quiet" disabled={action.busy || large} id={`put-${which}`}>
              {t(`app-look-put-${which}`)}
            </button>
          )}
          {there != null && (
            <button type="button" class="quiet" disabled={action.busy} onClick={take}>
              {t(away)} …
            </button>
          )}
        </p>
      )}
    </form>
  );
}
