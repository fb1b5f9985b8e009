// How many removals go through in a day without anybody's approval.

import type { DeletionGuard } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { Field } from "../parts/field.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { toast } from "../parts/announce.tsx";
import { t } from "../words.ts";

/** The largest number that it takes, and the largest part in percent: as the API's document has them. */
const MOST = 1_000_000;
const WHOLE = 100;

/** The guard: its form for whoever may change it. */
export function Guard() {
  const guard = useLoad("GET /deletion-guard", {});
  return (
    <section class="panel" aria-labelledby="guard">
      <h2 id="guard">{t("guard-title")}</h2>
      <p>{t("guard-lead")}</p>
      <Shown of={guard}>{(now) => <GuardForm key={guard.tag} now={now} tag={guard.tag} again={guard.again} />}</Shown>
    </section>
  );
}

/** A whole number in a range; `undefined` if it is none. */
function whole(text: string, most: number): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
}

function GuardForm({ now, tag, again }: { now: DeletionGuard; tag: string | undefined; again: () => void }) {
  const me = useMe();
  const { fields, set } = useDraft("guard", {
    removals: String(now.removals),
    percent: now.percent == null ? "" : String(now.percent),
    memberships: String(now.memberships),
  });
  const action = useAction();
  const theirs = may(me, "change-guard");
  const removals = whole(fields.removals, MOST);
  const memberships = whole(fields.memberships, MOST);
  const percent = fields.percent.trim() === "" ? null : whole(fields.percent, WHOLE);
  const wrong = (bad: boolean, most: number) => (bad ? t("app-guard-number", { most }) : undefined);
  const save = () => {
    if (removals === undefined || memberships === undefined || percent === undefined) return undefined;
    return action.run(async () => {
      await call("PUT /deletion-guard", { body: { removals, memberships, percent }, tag });
      toast(t("guard-changed"));
      again();
    });
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <fieldset disabled={!theirs}>
        <legend class="visually-hidden">{t("guard-title")}</legend>
        <Field
          label={t("guard-removals")}
          type="number"
          min={0}
          max={MOST}
          value={fields.removals}
          set={(text) => set("removals", text)}
          error={wrong(removals === undefined, MOST)}
        />
        <Field
          label={t("guard-percent")}
          hint={t("guard-percent-hint")}
          type="number"
          min={0}
          max={WHOLE}
          value={fields.percent}
          set={(text) => set("percent", text)}
          error={wrong(percent === undefined, WHOLE)}
        />
        <Field
          label={t("guard-memberships")}
          type="number"
          min={0}
          max={MOST}
          value={fields.memberships}
          set={(text) => set("memberships", text)}
          error={wrong(memberships === undefined, MOST)}
        />
      </fieldset>
      {theirs && !may(me, "approve-removals") && <p class="hint">{t("guard-stricter")}</p>}
      {action.problem !== undefined && <Fault problem={action.problem} again={again} />}
      {theirs && (
        <p class="actions">
          <button type="submit" disabled={action.busy}>
            {t("app-save")}
          </button>
        </p>
      )}
    </form>
  );
}
