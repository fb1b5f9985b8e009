// What each agent's checks found last.

import type { Check, Report } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import { Badge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { Shown } from "../parts/told.tsx";
import { known, t } from "../words.ts";

/** How often the reports are looked at, in milliseconds: agents look every quarter of an hour. */
const EVERY = 30_000;
/** The server's chapter on every check. */
const MANUAL = "/console/doctor/manual";

const title = (check: Check) => known(`doctor-check-${check.id}`) ?? check.id;
const isWrong = (check: Check) => check.verdict !== "pass" && check.verdict !== "not-applicable";
const wellness = (check: Check) => (check.verdict === "pass" ? true : isWrong(check) ? false : undefined);

/** The page. */
export default function Doctor() {
  const reports = useLoad("GET /doctor", {}, { every: EVERY });
  return (
    <Page title={t("doctor-title")}>
      <p>
        {t("doctor-lead")} <a href={MANUAL}>{t("doctor-manual")}</a>
      </p>
      <Shown of={reports}>
        {(all) => (
          <>
            {all.length === 0 && <p>{t("console-agents-none")}</p>}
            {all.map((report) => (
              <Agent key={report.agent} report={report} />
            ))}
          </>
        )}
      </Shown>
    </Page>
  );
}

function Agent({ report }: { report: Report }) {
  const wrong = report.checks.filter(isWrong);
  const well = wrong.length === 0 && report.fresh;
  const passed = report.checks.filter((check) => check.verdict === "pass").length;
  if (report.received_at == null) {
    return (
      <section aria-labelledby={`agent-${report.agent}`}>
        <h2 id={`agent-${report.agent}`}>{report.name}</h2>
        <p>{t("doctor-never")}</p>
      </section>
    );
  }
  return (
    <section aria-labelledby={`agent-${report.agent}`}>
      <h2 id={`agent-${report.agent}`}>{report.name}</h2>
      <div class={`notice ${well ? "notice-ok" : "notice-error"}`}>
        <p>
          <strong>
            {t("doctor-passed")} {passed}. {t("doctor-wrong")} {wrong.length}.
          </strong>
        </p>
        <p>
          {t("doctor-last-run")} <Moment at={report.received_at} />
        </p>
        {!report.fresh && <p>{t("doctor-stale")}</p>}
      </div>
      {wrong.map((check) => (
        <Wrong key={check.id} check={check} />
      ))}
      <details>
        <summary>{t("doctor-all")}</summary>
        <Table<Check>
          label={`${t("doctor-all")}: ${report.name}`}
          rows={report.checks}
          id={(check) => check.id}
          none={t("doctor-never")}
          columns={[
            { head: t("doctor-check"), cell: (check) => <a href={`${MANUAL}#${check.id}`}>{title(check)}</a> },
            { head: t("doctor-state"), cell: (check) => <Badge text={t(`doctor-${check.verdict}`)} well={wellness(check)} /> },
            { head: t("doctor-found"), cell: (check) => <span lang="en">{check.evidence.join("; ")}</span> },
          ]}
        />
      </details>
    </section>
  );
}

/** A check that is not in order. What an agent says of it is in its own words, and its lines are for its own host. */
function Wrong({ check }: { check: Check }) {
  return (
    <div class="panel">
      <div class="row">
        <h3>{title(check)}</h3>
        <Badge text={t(`doctor-${check.verdict}`)} well={false} />
      </div>
      <dl>
        {check.evidence.length > 0 && <dt>{t("doctor-found")}</dt>}
        {check.evidence.map((line) => (
          <dd key={line} lang="en">
            {line}
          </dd>
        ))}
        {check.cause != null && (
          <>
            <dt>{t("doctor-cause")}</dt>
            <dd lang="en">{check.cause}</dd>
          </>
        )}
        {check.fixes.map((lines) => (
          <div key={lines.join()}>
            <dt>{t("doctor-on-agent")}</dt>
            <dd>
              <pre tabIndex={0} lang="en">
                {lines.join("\n")}
              </pre>
            </dd>
          </div>
        ))}
      </dl>
      <p>
        <a href={`${MANUAL}#${check.id}`}>
          {t("doctor-chapter")}: {title(check)}
        </a>
      </p>
    </div>
  );
}
