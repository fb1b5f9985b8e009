// The policy of self-service: who may reset, what they prove before it, when they are asked again; and groups that prove something else.

import type { MethodView, SsprPolicy } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { toast } from "../parts/announce.tsx";
import { Field, Lines } from "../parts/field.tsx";
import { GatesOf, methodName } from "../parts/gate-fields.tsx";
import { Page } from "../parts/page.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { days, gateFields, gates, groupLines, groupsOf, lines } from "../policy-form.ts";
import { t } from "../words.ts";
import { Groups } from "./sspr-groups.tsx";

/** The most groups, and the most days, as the API's document has them. */
const MOST_GROUPS = 20;
export const MOST_DAYS = 730;

/** The page. */
export default function Sspr() {
  const me = useMe();
  const theirs = may(me, "change-tenant");
  const policy = useLoad("GET /sspr-policy", {});
  const methods = useLoad("GET /sspr-policy/methods", {});
  return (
    <Page title={t("app-sspr-title")}>
      {!theirs && <p>{t("policy-not-yours")}</p>}
      <Shown of={policy}>
        {(now) => (
          <Shown of={methods}>
            {(known) => (
              <>
                <Form key={policy.tag} now={now} tag={policy.tag} known={known} theirs={theirs} again={policy.again} />
                <Groups known={known} theirs={theirs} everybody={now.proofs} />
                <h2>{t("policy-administrators")}</h2>
                <p>{t("policy-administrators-lead")}</p>
                <ul>
                  {known
                    .filter((method) => method.for_administrators)
                    .map(({ name }) => (
                      <li key={name}>{methodName(name)}</li>
                    ))}
                </ul>
              </>
            )}
          </Shown>
        )}
      </Shown>
    </Page>
  );
}

interface FormProps {
  readonly now: SsprPolicy;
  readonly tag: string | undefined;
  readonly known: readonly MethodView[];
  readonly theirs: boolean;
  readonly again: () => void;
}

/** All of it is saved at once, or nothing. */
function Form({ now, tag, known, theirs, again }: FormProps) {
  const { fields, set } = useDraft("policy", {
    only: groupLines(now.only_groups),
    ...gateFields(now.proofs),
    reconfirm: String(now.reconfirm_days),
    expiry: now.expiry_mail_days.join(" "),
    questions: String(now.questions.to_register),
    asked: String(now.questions.to_ask),
    own: now.questions.own.join("\n"),
  });
  const action = useAction();
  const expiry = days(fields.expiry);
  const member = action.problem?.member ?? "";
  // The server says in English what can't be so; where it stands is told at the part itself.
  const wrong = (part: string) => (member.startsWith(`/${part}`) ? action.problem?.detail : undefined);
  const save = () => {
    if (expiry === undefined) return undefined;
    return action.run(async () => {
      const body: SsprPolicy = {
        only_groups: groupsOf(fields.only, now.only_groups),
        proofs: gates(fields),
        questions: { to_register: Number(fields.questions), to_ask: Number(fields.asked), own: lines(fields.own) },
        reconfirm_days: Number(fields.reconfirm),
        expiry_mail_days: expiry,
      };
      await call("PUT /sspr-policy", { body, tag });
      toast(t("app-policy-saved"));
      again();
    });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <fieldset disabled={!theirs}>
        <legend class="visually-hidden">{t("app-sspr-title")}</legend>
        <h2>{t("policy-who")}</h2>
        {now.only_groups?.some(({ name }) => name == null) && <p class="notice">{t("policy-who-gone")}</p>}
        <Lines
          label={t("policy-who-group")}
          hint={t("policy-who-hint", { most: MOST_GROUPS })}
          rows={(now.only_groups?.length ?? 0) + 2}
          value={fields.only}
          set={(text) => set("only", text)}
          error={wrong("only_groups")}
          id="only"
        />
        <h2>{t("policy-everybody")}</h2>
        <GatesOf id="everybody" fields={fields} set={set} known={known} />
        {wrong("proofs") !== undefined && <Wrong text={wrong("proofs") ?? ""} />}
        <h2>{t("policy-reconfirm")}</h2>
        <Field
          label={t("policy-days")}
          hint={t("policy-days-hint", { most: MOST_DAYS })}
          type="number"
          min={0}
          max={MOST_DAYS}
          value={fields.reconfirm}
          set={(text) => set("reconfirm", text)}
          error={wrong("reconfirm_days")}
          required
          id="reconfirm"
        />
        <h2>{t("policy-expiry")}</h2>
        <Field
          label={t("policy-expiry-days")}
          hint={t("policy-expiry-hint")}
          value={fields.expiry}
          set={(text) => set("expiry", text)}
          error={expiry === undefined ? t("policy-expiry-wrong") : wrong("expiry_mail_days")}
          maxLength={60}
          id="expiry"
        />
        <h2>{t("policy-questions")}</h2>
        <p>{t("policy-questions-lead")}</p>
        <Field label={t("policy-questions-to-register")} type="number" min={3} max={5} value={fields.questions} set={(text) => set("questions", text)} required id="questions" />
        <Field label={t("policy-questions-to-ask")} type="number" min={3} max={5} value={fields.asked} set={(text) => set("asked", text)} required id="asked" />
        <Lines
          label={t("policy-questions-own")}
          hint={t("policy-questions-own-hint")}
          rows={4}
          value={fields.own}
          set={(text) => set("own", text)}
          error={wrong("questions")}
          id="own"
        />
      </fieldset>
      {action.problem !== undefined && (action.problem.member === undefined ? <Fault problem={action.problem} again={again} /> : <Wrong text={t("app-problem-input")} />)}
      {theirs && (
        <p class="actions">
          <button type="submit" disabled={action.busy} id="save-policy">
            {t("policy-save")}
          </button>
        </p>
      )}
    </form>
  );
}

/** What can't be so. */
export function Wrong({ text }: { text: string }) {
  return (
    <p class="field-error" role="alert">
      {text}
    </p>
  );
}
