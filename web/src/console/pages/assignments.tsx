// Who has which product, and who goes without.

import type { AssignmentView, Bought } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useList } from "../load.ts";
import { toast } from "../parts/announce.tsx";
import { confirmed } from "../parts/confirm.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { Listing } from "../parts/table.tsx";
import { Fault } from "../parts/told.tsx";
import { t } from "../words.ts";

/** How many are shown at a time. */
const SHOWN = 50;

/** Every assignment, groups first, and a form for another one. */
export function Assignments({ bought, theirs, changed }: { bought: readonly Bought[]; theirs: boolean; changed: () => void }) {
  const list = useList("GET /licences/assignments", { query: { limit: SHOWN } });
  const action = useAction();
  const revoke = async (of: AssignmentView) => {
    const title = t("licences-revoke-of", { product: of.product, name: of.name });
    if (!(await confirmed({ title, text: t("app-licences-revoke-text"), action: t("licences-revoke") }))) return;
    await action.run(async () => {
      await call("DELETE /licences/assignments/{product}/{kind}/{holder}", { path: { product: of.product, kind: of.kind, holder: of.holder } });
      toast(t("app-licences-revoked", { product: of.product, name: of.name }));
    });
    list.again();
    changed();
  };
  return (
    <>
      <h2>{t("licences-assigned")}</h2>
      <Listing<AssignmentView>
        label={t("licences-assigned")}
        list={list}
        id={({ product, kind, holder }) => `${product} ${kind} ${holder}`}
        none={t("licences-assigned-none")}
        columns={[
          { head: t("licences-whom"), cell: ({ name, kind }) => (kind === "group" ? `${name} (${t("licences-group")})` : name) },
          { head: t("licences-product"), cell: ({ product }) => <span class="code">{product}</span> },
          { head: t("licences-where"), cell: (one) => one.usage_location },
          { head: t("licences-without"), cell: ({ without }) => without },
          ...(theirs
            ? [
                {
                  head: t("app-licences-change"),
                  cell: (one: AssignmentView) => (
                    <button
                      type="button"
                      class="quiet"
                      disabled={action.busy}
                      aria-label={`${t("licences-revoke")} …: ${one.product}, ${one.name}`}
                      onClick={() => revoke(one)}
                    >
                      {t("licences-revoke")} …
                    </button>
                  ),
                },
              ]
            : []),
        ]}
      />
      {action.problem !== undefined && <Fault problem={action.problem} />}
      {theirs && bought.length > 0 && (
        <Assign
          bought={bought}
          again={() => {
            list.again();
            changed();
          }}
        />
      )}
    </>
  );
}

/** Assigns a product to a person or to a group. */
function Assign({ bought, again }: { bought: readonly Bought[]; again: () => void }) {
  const { fields, set, setAll } = useDraft("assign", { product: bought[0]?.product ?? "", kind: "person", whom: "", location: "", without: "" });
  const action = useAction();
  const assign = () =>
    action.run(async () => {
      const whom = fields.whom.trim();
      await call("POST /licences/assignments", {
        body: {
          product: fields.product,
          ...(fields.kind === "person" ? { person: whom } : { group: whom }),
          ...(fields.location.trim() !== "" && { usage_location: fields.location.trim().toUpperCase() }),
          without: fields.without.split(/[\s,]+/).filter((plan) => plan !== ""),
        },
      });
      toast(t("app-licences-assigned", { product: fields.product, name: whom }));
      setAll({ ...fields, whom: "", location: "", without: "" });
      again();
    });
  const person = fields.kind === "person";
  return (
    <form
      class="panel"
      aria-label={t("licences-assign")}
      onSubmit={(event) => {
        event.preventDefault();
        void assign();
      }}
    >
      <Choice
        label={t("licences-product")}
        value={fields.product}
        set={(text) => set("product", text)}
        options={bought.map(({ product, title }) => [product, `${title} (${product})`] as const)}
        id="product"
      />
      <Choice
        label={t("app-licences-kind")}
        value={fields.kind}
        set={(text) => set("kind", text)}
        options={[
          ["person", t("app-licences-person")],
          ["group", t("app-licences-group")],
        ]}
        id="kind"
      />
      <Field
        label={t("licences-whom")}
        hint={t(person ? "app-licences-person-hint" : "app-licences-group-hint")}
        value={fields.whom}
        set={(text) => set("whom", text)}
        required
        maxLength={256}
        autocomplete="off"
        id="whom"
      />
      <details>
        <summary>{t("app-licences-more")}</summary>
        <Field label={t("licences-location")} hint={t("app-licences-location-hint")} value={fields.location} set={(text) => set("location", text)} maxLength={2} id="assign-location" />
        <Field label={t("licences-without")} hint={t("app-licences-without-hint")} value={fields.without} set={(text) => set("without", text)} maxLength={400} id="without" />
      </details>
      <p class="actions">
        <button type="submit" disabled={action.busy}>
          {t("licences-assign")}
        </button>
      </p>
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </form>
  );
}

/** Who has no licence, and so is refused, or would be. */
export function GoWithout({ needed }: { needed: boolean }) {
  const list = useList("GET /licences/refused", { query: { limit: SHOWN } });
  return (
    <>
      <h2>{t("licences-refused")}</h2>
      <p>{t(needed ? "app-licences-refused-now" : "app-licences-refused-if")}</p>
      <Listing<string>
        label={t("licences-refused")}
        list={list}
        id={(name) => name}
        none={t("app-licences-refused-none")}
        columns={[{ head: t("app-people-principal"), cell: (name) => name }]}
      />
    </>
  );
}
