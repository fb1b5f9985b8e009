// How the pages look: the organisation's name, its colours with their contrast, its logos; seen before it is saved.

import { useState } from "preact/hooks";
import type { Look as Shape } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { toast } from "../parts/announce.tsx";
import { Field } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { isColour, nearestDark, TEXT, worst, type Scheme } from "../contrast.ts";
import { number, t } from "../words.ts";
import { Logo } from "./logo.tsx";
import { Preview } from "./preview.tsx";

/** The page. */
export default function Look() {
  const me = useMe();
  const look = useLoad("GET /look", {});
  // Pictures that were chosen and are not sent yet.
  const [chosen, setChosen] = useState<Readonly<Record<Scheme, File | undefined>>>({ light: undefined, dark: undefined });
  const choose = (which: Scheme) => (file: File | undefined) => setChosen((before) => ({ ...before, [which]: file }));
  const theirs = may(me, "change-tenant");
  return (
    <Page title={t("look-title")}>
      <p>{t("look-lead")}</p>
      {!theirs && <p>{t("policy-not-yours")}</p>}
      <Shown of={look}>
        {(now) => (
          <>
            <Form key={look.tag} now={now} tag={look.tag} theirs={theirs} again={look.again} chosen={chosen} />
            {(["light", "dark"] as const).map((which) => (
              <Logo
                key={`${which} ${look.tag}`}
                which={which}
                there={which === "light" ? now.logo : now.logo_dark}
                tag={look.tag}
                theirs={theirs}
                chosen={chosen[which]}
                choose={choose(which)}
                again={look.again}
              />
            ))}
          </>
        )}
      </Shown>
    </Page>
  );
}

/** What is told of a colour while it is typed: its contrast, or why it is none. */
function judged(scheme: Scheme, colour: string): { hint?: string; error?: string } {
  if (colour === "") return {};
  if (!isColour(colour)) return { error: t("app-look-colour") };
  const ratio = worst(scheme, colour);
  const told = { colour, ratio: number(ratio, 2) };
  if (ratio >= TEXT) return { hint: t("look-contrast", told) };
  return { error: t(`app-look-low-${scheme}`, told) };
}

interface FormProps {
  readonly now: Shape;
  readonly tag: string | undefined;
  readonly theirs: boolean;
  readonly again: () => void;
  readonly chosen: Readonly<Record<Scheme, File | undefined>>;
}

function Form({ now, tag, theirs, again, chosen }: FormProps) {
  const { fields, set } = useDraft("look", {
    name: now.name,
    accent: now.accent ?? "",
    accentDark: now.accent_dark ?? "",
    help: now.helpdesk_url ?? "",
  });
  const action = useAction();
  const member = action.problem?.member;
  const wrong = (of: string) => (member === `/${of}` ? action.problem?.detail : undefined);
  const [accent, accentDark] = [fields.accent.trim(), fields.accentDark.trim()];
  const [light, dark] = [judged("light", accent), judged("dark", accentDark)];
  const alone = accent === "" && accentDark !== "" ? t("app-look-dark-alone") : undefined;
  const unfit = light.error ?? dark.error ?? alone;
  const made = accentDark === "" && isColour(accent) ? nearestDark(accent) : undefined;
  const save = () => {
    if (unfit !== undefined) return undefined;
    return action.run(async () => {
      const body = { name: fields.name.trim(), accent: accent || null, accent_dark: accentDark || null, helpdesk_url: fields.help.trim() || null };
      await call("PUT /look", { body, tag });
      toast(t("app-look-saved"));
      again();
    });
  };
  const hints = (own: string, judged: string | undefined) => (judged === undefined ? own : `${own} ${judged}`);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Preview name={fields.name} accent={accent} accentDark={accentDark} look={now} chosen={chosen} />
      <fieldset disabled={!theirs}>
        <legend class="visually-hidden">{t("look-title")}</legend>
        <Field label={t("look-name")} hint={t("look-name-hint")} value={fields.name} set={(text) => set("name", text)} error={wrong("name")} required maxLength={100} id="name" />
        <Field
          label={t("look-accent")}
          hint={hints(t("look-accent-hint"), light.hint)}
          value={fields.accent}
          set={(text) => set("accent", text)}
          error={light.error ?? wrong("accent")}
          maxLength={7}
          autocomplete="off"
          id="accent"
        />
        <Field
          label={t("look-accent-dark")}
          hint={hints(t("look-accent-dark-hint"), dark.hint ?? (made === undefined ? undefined : judged("dark", made).hint))}
          value={fields.accentDark}
          set={(text) => set("accentDark", text)}
          error={dark.error ?? alone ?? wrong("accent_dark")}
          maxLength={7}
          autocomplete="off"
          id="accent-dark"
        />
        <Field
          label={t("app-look-help")}
          hint={t("app-look-help-hint")}
          value={fields.help}
          set={(text) => set("help", text)}
          error={wrong("helpdesk_url")}
          maxLength={500}
          autocomplete="off"
          id="help"
        />
      </fieldset>
      {action.problem !== undefined && (member === undefined || member === "") && <Fault problem={action.problem} again={again} />}
      {theirs && (
        <p class="actions">
          <button type="submit" disabled={action.busy} id="save-look">
            {t("policy-save")}
          </button>
        </p>
      )}
    </form>
  );
}
