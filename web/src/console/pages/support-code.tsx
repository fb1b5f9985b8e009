// Everything under a support code, as it was read out on the telephone.

import type { CodeView, FlowView, RequestView } from "../generated/api.ts";
import type { FactView } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import type { PageProps } from "../pages.ts";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Search } from "../parts/search.tsx";
import { Table } from "../parts/table.tsx";
import { Fault, Loading } from "../parts/told.tsx";
import { entryColumns, factColumns } from "../parts/facts.tsx";
import { go, href } from "../router.ts";
import { known, t } from "../words.ts";

/** The page. */
export default function SupportCode({ parts }: PageProps) {
  const code = parts.code ?? "";
  const found = useLoad("GET /support-codes/{code}", { path: { code } });
  const nothing = found.problem?.status === 404;
  return (
    <Page title={`${t("support-code")} ${found.value?.code ?? code}`}>
      <Search label={t("app-people-code-other")} value="" search={(text) => text !== "" && go(href("/people", { search: text }))} />
      {nothing && <p role="status">{t("app-people-code-none")}</p>}
      {found.problem !== undefined && !nothing && <Fault problem={found.problem} again={found.again} />}
      {found.value === undefined && found.problem === undefined && <Loading />}
      {found.value !== undefined && <Under of={found.value} />}
    </Page>
  );
}

function Under({ of }: { of: CodeView }) {
  return (
    <>
      <dl class="facts">
        <dt>{t("app-people-person")}</dt>
        <dd>
          {of.person == null ? (
            t("app-people-code-nobody")
          ) : (
            <>
              <a href={href(`/people/${of.person.id}`)}>{of.person.display_name}</a>, {of.person.user_principal_name}
            </>
          )}
        </dd>
        {of.flow != null && <Flow of={of.flow} />}
      </dl>
      <h2>{t("app-people-requests")}</h2>
      <Table
        label={t("app-people-requests")}
        rows={of.requests.map((request): { readonly kind: "request" } & RequestView => ({ kind: "request", ...request }))}
        id={({ id }) => id}
        none={t("app-people-requests-none")}
        columns={entryColumns()}
      />
      <h2>{t("console-audit-title")}</h2>
      <Table<FactView> label={t("console-audit-title")} rows={of.facts} id={({ id }) => id} none={t("console-audit-none")} columns={factColumns()} />
    </>
  );
}

function Flow({ of }: { of: FlowView }) {
  return (
    <>
      <dt>{t("app-people-flow")}</dt>
      <dd>
        {known(`app-people-flow-${of.purpose}`) ?? of.purpose}: {known(`app-people-flow-${of.state}`) ?? of.state}
      </dd>
      <dt>{t("app-people-flow-from")}</dt>
      <dd>
        <Moment at={of.started_at} />
      </dd>
      <dt>{t("app-people-flow-gates")}</dt>
      <dd>{t("app-people-flow-passed", { passed: of.passed.length, gates: of.gates })}</dd>
      {of.withheld != null && (
        <>
          <dt>{t("console-person-may")}</dt>
          <dd>
            <span class="code">{of.withheld}</span> {known(`sspr-${of.withheld.replace("SSPR_", "")}`) ?? ""}
          </dd>
        </>
      )}
    </>
  );
}
