// Groups whose people prove something else before a reset than everybody does.

import type { Gates, MethodView, OfGroup } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { toast } from "../parts/announce.tsx";
import { confirmed } from "../parts/confirm.tsx";
import { Field } from "../parts/field.tsx";
import { GatesOf, methodName } from "../parts/gate-fields.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { gateFields, gates } from "../policy-form.ts";
import { number, t } from "../words.ts";

const MOST_DAYS = 730;

interface Props {
  readonly known: readonly MethodView[];
  readonly theirs: boolean;
  /** What holds for everybody: a group's form begins with it. */
  readonly everybody: Gates;
}

/** Every group that has gates of its own, and a form for another one. */
export function Groups({ known, theirs, everybody }: Props) {
  const groups = useLoad("GET /sspr-policy/groups", {});
  const action = useAction();
  const remove = async ({ group }: OfGroup) => {
    const title = group.name == null ? t("policy-group-remove-gone", { id: group.id ?? "" }) : t("policy-group-remove-of", { name: group.name });
    if (!(await confirmed({ title, text: t("app-policy-remove-text"), action: t("policy-group-remove") }))) return;
    await action.run(async () => {
      await call("DELETE /sspr-policy/groups/{group}", { path: { group: group.id ?? "" } });
      toast(t("app-policy-removed"));
    });
    groups.again();
  };
  const columns: Column<OfGroup>[] = [
    { head: t("policy-group"), cell: ({ group }) => group.name ?? t("policy-group-gone") },
    { head: t("policy-gates"), numeric: true, cell: ({ proofs }) => number(proofs.gates) },
    { head: t("policy-methods"), cell: ({ proofs }) => proofs.methods.map(methodName).join(", ") },
    { head: t("policy-to-register"), numeric: true, cell: ({ proofs }) => number(proofs.to_register) },
    { head: t("policy-group-days-short"), numeric: true, cell: ({ reconfirm_days: days }) => (days == null ? "" : number(days)) },
  ];
  const change: Column<OfGroup> = {
    head: t("app-policy-change"),
    cell: (one) => (
      <button
        type="button"
        class="quiet"
        disabled={action.busy}
        aria-label={`${t("policy-group-remove")} …: ${one.group.name ?? one.group.id ?? ""}`}
        onClick={() => remove(one)}
      >
        {t("policy-group-remove")} …
      </button>
    ),
  };
  return (
    <>
      <h2>{t("policy-groups")}</h2>
      <p>{t("policy-groups-lead")}</p>
      <Shown of={groups}>
        {(all) => (
          <Table<OfGroup>
            label={t("policy-groups")}
            rows={all}
            id={({ group }) => group.id ?? group.name ?? ""}
            none={t("policy-groups-none")}
            columns={theirs ? [...columns, change] : columns}
          />
        )}
      </Shown>
      {action.problem !== undefined && <Fault problem={action.problem} />}
      {theirs && <Another known={known} everybody={everybody} again={groups.again} />}
    </>
  );
}

/** Gives a group gates of its own, in the place of those that it had. */
function Another({ known, everybody, again }: { known: readonly MethodView[]; everybody: Gates; again: () => void }) {
  const { fields, set, setAll } = useDraft("policy-group", { group: "", ...gateFields(everybody), days: "" });
  const action = useAction();
  const save = () =>
    action.run(async () => {
      const body = { proofs: gates(fields), reconfirm_days: fields.days.trim() === "" ? null : Number(fields.days) };
      await call("PUT /sspr-policy/groups/{group}", { path: { group: fields.group.trim() }, body });
      toast(t("app-policy-saved"));
      setAll({ ...fields, group: "", days: "" });
      again();
    });
  const nobody = action.problem?.status === 404 ? t("app-policy-no-group") : undefined;
  return (
    <details>
      <summary>{t("app-policy-another")}</summary>
      <form
        class="panel"
        aria-label={t("app-policy-another")}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label={t("policy-group")} value={fields.group} set={(text) => set("group", text)} error={nobody} required maxLength={256} autocomplete="off" id="group" />
        <GatesOf id="group" fields={fields} set={set} known={known} />
        <Field
          label={t("policy-group-days")}
          hint={t("policy-group-days-hint", { most: MOST_DAYS })}
          type="number"
          min={0}
          max={MOST_DAYS}
          value={fields.days}
          set={(text) => set("days", text)}
          id="group-days"
        />
        <p class="actions">
          <button type="submit" class="quiet" disabled={action.busy}>
            {t("policy-group-set")}
          </button>
        </p>
        {action.problem !== undefined && nobody === undefined && <Fault problem={action.problem} />}
      </form>
    </details>
  );
}
