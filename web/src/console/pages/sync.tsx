// Where each agent's synchronisation stands, by what it told last, and how many removals go through by themselves.

import type { AgentSync, SyncConnector, SyncRun } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { Badge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { Shown } from "../parts/told.tsx";
import { href } from "../router.ts";
import { moment, number, t, type PlainKey } from "../words.ts";
import { Guard } from "./guard.tsx";

/** How often it is looked at, in milliseconds: agents tell after each cycle. */
const EVERY = 10_000;

/** The page. */
export default function Sync() {
  const reports = useLoad("GET /sync", {}, { every: EVERY });
  return (
    <Page title={t("sync-title")}>
      <p>{t("sync-lead")}</p>
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
      <Guard />
    </Page>
  );
}

function Agent({ report }: { report: AgentSync }) {
  return (
    <section aria-labelledby={`agent-${report.agent}`}>
      <h2 id={`agent-${report.agent}`}>{report.name}</h2>
      {report.received_at == null ? (
        <p>{t("sync-never")}</p>
      ) : (
        <>
          <p>
            {t("sync-told")} <Moment at={report.received_at} />
          </p>
          {!report.fresh && (
            <div class="notice notice-error">
              <p>{t("sync-stale")}</p>
            </div>
          )}
          {report.mode != null && <p>{t(`sync-mode-${report.mode}`)}</p>}
          {report.suspended && <p>{t("sync-suspended")}</p>}
          {report.connectors.map((connector) => (
            <Connector key={connector.name} connector={connector} agent={report.agent} />
          ))}
        </>
      )}
    </section>
  );
}

const COUNTS: readonly (readonly [PlainKey, keyof SyncConnector])[] = [
  ["sync-count-objects", "objects"],
  ["sync-count-joined", "joined"],
  ["sync-count-out-of-scope", "out_of_scope"],
  ["sync-count-faulty", "faulty"],
  ["sync-count-adds", "pending_adds"],
  ["sync-count-updates", "pending_updates"],
  ["sync-count-deletes", "pending_deletes"],
  ["sync-count-members", "pending_members"],
  ["sync-count-refused", "refused"],
];

function Connector({ connector, agent }: { connector: SyncConnector; agent: string }) {
  return (
    <div class="panel">
      <h3>{connector.name}</h3>
      {connector.overdue && (
        <div class="notice notice-error">
          <p>{t("app-sync-overdue")}</p>
        </div>
      )}
      {connector.held != null && <Held held={connector.held} agent={agent} />}
      <dl class="facts">
        <dt>{t("app-sync-cycled")}</dt>
        <dd>
          <Moment at={connector.cycled_at} />
        </dd>
        <dt>{t("sync-scope")}</dt>
        <dd>{connector.scope.length === 0 ? t("sync-scope-all") : <Lines of={connector.scope} />}</dd>
        <dt>{t("sync-groups")}</dt>
        <dd>{connector.groups.length === 0 ? t("sync-groups-none") : <Lines of={connector.groups} />}</dd>
      </dl>
      <ul class="tiles">
        {COUNTS.map(([key, name]) => (
          <li class="tile" key={key}>
            <strong>{number(connector[name] as number)}</strong>
            <span>{t(key)}</span>
          </li>
        ))}
      </ul>
      <h4>{t("sync-runs")}</h4>
      <Runs of={connector} />
    </div>
  );
}

function Lines({ of }: { of: readonly string[] }) {
  return (
    <>
      {of.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </>
  );
}

/** An export that the agent's own guard holds. */
function Held({ held, agent }: { held: NonNullable<SyncConnector["held"]>; agent: string }) {
  const me = useMe();
  return (
    <div class="notice notice-error">
      <p>
        <strong>
          {t("sync-held")} {number(held.number)}.
        </strong>{" "}
        <span lang="en">{held.because}</span>
      </p>
      <p>
        {t("app-sync-held-since")} <Moment at={held.since} />
      </p>
      {may(me, "read-removals") && (
        <p>
          <a href={href(`/removals/${agent}`)}>{t("app-agents-held-see")}</a>
        </p>
      )}
    </div>
  );
}

function seconds({ started_at, ended_at }: SyncRun): string {
  return ended_at == null ? "" : number((Date.parse(ended_at) - Date.parse(started_at)) / 1000, 1);
}

function Runs({ of }: { of: SyncConnector }) {
  const counted = (head: PlainKey, of: (run: SyncRun) => number) => ({
    head: t(head),
    numeric: true,
    cell: (run: SyncRun) => number(of(run)),
  });
  return (
    <Table<SyncRun>
      label={`${t("sync-runs")}: ${of.name}`}
      rows={of.runs}
      id={(run) => String(run.id)}
      none={t("app-sync-runs-none")}
      columns={[
        { head: t("sync-run-profile"), cell: (run) => <span lang="en">{run.profile}</span> },
        { head: t("sync-run-started"), cell: (run) => <time dateTime={run.started_at}>{moment(run.started_at)}</time> },
        { head: t("sync-run-seconds"), numeric: true, cell: seconds },
        {
          head: t("sync-run-outcome"),
          cell: (run) => (
            <span lang="en">
              <Badge text={run.outcome} well={run.ended_at == null ? undefined : run.outcome === "succeeded"} />
            </span>
          ),
        },
        counted("sync-run-adds", (run) => run.adds),
        counted("sync-run-updates", (run) => run.updates),
        counted("sync-run-deletes", (run) => run.deletes),
        counted("sync-run-errors", (run) => run.errors),
        counted("sync-run-anchors", (run) => run.anchors),
        counted("sync-run-anchors-refused", (run) => run.anchors_refused),
        { head: t("sync-run-server"), cell: (run) => run.server ?? "" },
        { head: t("sync-run-note"), cell: (run) => <span lang="en">{run.note ?? ""}</span> },
      ]}
    />
  );
}
