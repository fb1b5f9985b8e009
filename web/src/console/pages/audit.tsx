// The audit: filtered, a page at a time, as a file, and as it comes.

import { useEffect } from "preact/hooks";
import type { FactView } from "../generated/api.ts";
import { ACTIVITIES } from "../activities.ts";
import { address, FIELDS, said, type Filter } from "../audit-filter.ts";
import { useList } from "../load.ts";
import { announce } from "../parts/announce.tsx";
import { factColumns } from "../parts/facts.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Search } from "../parts/search.tsx";
import { Listing } from "../parts/table.tsx";
import { go, href, usePlace } from "../router.ts";
import { number, t } from "../words.ts";
import { Live } from "./live.tsx";

/** How many are shown at a time. */
const SHOWN = 50;
const ENDS = ["success", "failure", "unknown"] as const;

/** The page. The filter stands in its address, so that it can be kept and handed on. */
export default function Audit() {
  const { query } = usePlace();
  const code = query.get("code") ?? "";
  const filter = Object.fromEntries(FIELDS.map((field) => [field, query.get(field) ?? ""])) as Filter;
  const list = useList("GET /audit", { query: code === "" ? { ...said(filter), limit: SHOWN } : { code } });
  const set = (field: keyof Filter, value: string) => go(href("/audit", { ...filter, [field]: value }), { replace: true });
  useEffect(() => {
    if (list.items !== undefined) announce(list.items.length === 0 ? t("console-audit-none") : t("app-shown", { number: number(list.items.length) }));
  }, [list.items]);
  return (
    <Page title={t("app-audit-title")}>
      <Search
        label={t("console-audit-person")}
        hint={t("app-people-hint")}
        value={filter.person}
        search={(text) => set("person", text)}
        id="person"
      />
      <form aria-label={t("console-audit-filter")} class="filter" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label={t("console-audit-activity")}
          value={filter.activity}
          set={(text) => set("activity", text)}
          options={[["", t("console-audit-all")], ...ACTIVITIES.map((name) => [name, name] as const)]}
          id="activity"
        />
        <Choice
          label={t("console-audit-success")}
          value={filter.success}
          set={(text) => set("success", text)}
          options={[["", t("console-audit-all")], ...ENDS.map((end) => [end, t(`console-audit-end-${end}`)] as const)]}
          id="success"
        />
        <Field label={t("console-audit-since")} type="date" value={filter.since} set={(text) => set("since", text)} id="since" />
        <Field label={t("console-audit-until")} type="date" value={filter.until} set={(text) => set("until", text)} id="until" />
      </form>
      {code === "" ? (
        <>
          <p>
            {t("console-audit-export")}{" "}
            <a href={address("export", filter, { format: "csv" })} download>
              CSV
            </a>
            ,{" "}
            <a href={address("export", filter, { format: "jsonl" })} download>
              JSON
            </a>
          </p>
          <Live address={address("tail", filter)} />
          <h2>{t("app-audit-before")}</h2>
        </>
      ) : (
        <p>
          {t("app-audit-code", { code })} <a href={href("/audit")}>{t("app-audit-everything")}</a>
        </p>
      )}
      <Listing<FactView> label={t("app-audit-title")} list={list} id={({ id }) => id} none={t("console-audit-none")} columns={factColumns()} />
    </Page>
  );
}
