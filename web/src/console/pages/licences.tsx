// Licences: whether people need one, where products are used, what was bought, who has it, and who goes without.

import type { Bought, Licensed } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad, type Loaded } from "../load.ts";
import { may, useMe } from "../me.ts";
import { toast } from "../parts/announce.tsx";
import { Badge } from "../parts/badge.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Switch } from "../parts/switch.tsx";
import { Table } from "../parts/table.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { number, t } from "../words.ts";
import { Assignments, GoWithout } from "./assignments.tsx";

/** The largest number of units that is taken, as the plain pages have it. */
const MOST = 10_000_000;

/** The page. */
export default function Licences() {
  const me = useMe();
  const gate = useLoad("GET /licences", {});
  const products = useLoad("GET /licences/products", {});
  const theirs = may(me, "change-tenant");
  return (
    <Page title={t("app-licences-title")}>
      <Shown of={gate}>
        {(now) => (
          <>
            <Gate of={gate} now={now} theirs={theirs} />
            <Location key={gate.tag} of={gate} now={now} theirs={theirs} />
          </>
        )}
      </Shown>
      <h2>{t("licences-bought")}</h2>
      <Shown of={products}>
        {(all) => (
          <>
            <Products of={all.filter(({ units }) => units != null)} />
            {theirs && <Buy of={all} again={products.again} />}
            <Assignments bought={all.filter(({ units }) => units != null)} theirs={theirs} changed={products.again} />
          </>
        )}
      </Shown>
      <GoWithout needed={gate.value?.required === true} />
    </Page>
  );
}

interface Part {
  readonly of: Loaded<Licensed>;
  readonly now: Licensed;
  readonly theirs: boolean;
}

/** Whether people need a licence. */
function Gate({ of, now, theirs }: Part) {
  const turn = async (required: boolean) => {
    await call("PUT /licences", { body: { ...now, required }, tag: of.tag });
    of.again();
  };
  return (
    <div class="panel">
      <Switch
        label={t(now.required ? "licences-needed" : "app-licences-not-needed")}
        named={t("app-licences-gate")}
        on={now.required}
        turn={theirs ? turn : undefined}
      />
    </div>
  );
}

/** Where products are used, if an assignment does not say so. */
function Location({ of, now, theirs }: Part) {
  const { fields, set } = useDraft("location", { country: now.usage_location ?? "" });
  const action = useAction();
  const save = () =>
    action.run(async () => {
      await call("PUT /licences", { body: { ...now, usage_location: fields.country.trim().toUpperCase() }, tag: of.tag });
      toast(t("app-licences-saved"));
      of.again();
    });
  const wrong = action.problem?.status === 422 ? t("licences-location-wrong") : undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <fieldset disabled={!theirs}>
        <legend class="visually-hidden">{t("licences-location")}</legend>
        <Field
          label={t("licences-location")}
          hint={t("licences-location-hint")}
          value={fields.country}
          set={(text) => set("country", text)}
          error={wrong}
          required
          maxLength={2}
          id="country"
        />
      </fieldset>
      {action.problem !== undefined && wrong === undefined && <Fault problem={action.problem} again={of.again} />}
      {theirs && (
        <p class="actions">
          <button type="submit" class="quiet" disabled={action.busy}>
            {t("app-save")}
          </button>
        </p>
      )}
    </form>
  );
}

function Products({ of }: { of: readonly Bought[] }) {
  return (
    <Table<Bought>
      label={t("licences-bought")}
      rows={of}
      id={({ product }) => product}
      none={t("licences-bought-none")}
      columns={[
        { head: t("licences-product"), cell: ({ title, product }) => <>{title} <span class="code">{product}</span></> },
        { head: t("licences-units"), numeric: true, cell: ({ units }) => number(units ?? 0) },
        {
          head: t("licences-consumed"),
          numeric: true,
          cell: ({ units, consumed }) => (
            <>
              {number(consumed)} {consumed > (units ?? 0) && <Badge text={t("licences-over")} well={false} />}
            </>
          ),
        },
      ]}
    />
  );
}

/** Writes down for how many people a product was bought. */
function Buy({ of, again }: { of: readonly Bought[]; again: () => void }) {
  const { fields, set, setAll } = useDraft("buy", { product: of[0]?.product ?? "", units: "" });
  const seen = useLoad("GET /licences/products/{product}", { path: { product: fields.product } }, { skip: fields.product === "" });
  const action = useAction();
  const save = () =>
    action.run(async () => {
      await call("PUT /licences/products/{product}", { path: { product: fields.product }, body: { units: Number(fields.units) }, tag: seen.tag });
      toast(t("app-licences-saved"));
      setAll({ ...fields, units: "" });
      again();
      seen.again();
    });
  return (
    <form
      class="panel"
      aria-label={t("licences-bought")}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Choice
        label={t("licences-product")}
        value={fields.product}
        set={(text) => set("product", text)}
        options={of.map(({ product, title }) => [product, `${title} (${product})`] as const)}
        id="bought"
      />
      <Field
        label={t("licences-units")}
        hint={seen.value?.units == null ? undefined : t("app-licences-now", { number: number(seen.value.units) })}
        type="number"
        min={0}
        max={MOST}
        value={fields.units}
        set={(text) => set("units", text)}
        required
        id="units"
      />
      <p class="actions">
        <button type="submit" class="quiet" disabled={action.busy}>
          {t("licences-save")}
        </button>
      </p>
      {action.problem !== undefined && <Fault problem={action.problem} again={seen.again} />}
    </form>
  );
}
