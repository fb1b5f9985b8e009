// The directories that the agents serve: each forest with its domains, its PDC emulators and who serves it.

import type { AgentSync, AgentView, Report } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import { Badge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { Shown } from "../parts/told.tsx";
import { href } from "../router.ts";
import { isWell } from "../standing.ts";
import { number, t } from "../words.ts";

/** How often it is looked at, in milliseconds. */
const EVERY = 10_000;
/** The checks of the doctor that are about a directory. */
const CHECKS = ["pdc-emulator", "preferred-controllers", "domains", "policy-hints", "rights", "deletions"];

/** The page. */
export default function Directories() {
  const agents = useLoad("GET /agents", {}, { every: EVERY });
  const sync = useLoad("GET /sync", {}, { every: EVERY });
  const doctor = useLoad("GET /doctor", {}, { every: EVERY });
  return (
    <Page title={t("app-directories-title")}>
      <p>{t("app-directories-lead")}</p>
      <Shown of={agents}>
        {(all) => {
          const there = all.filter(({ state }) => state !== "revoked");
          const forests = [...new Set(there.flatMap((agent) => agent.forests))].sort();
          if (forests.length === 0) return <p>{t("app-directories-none")}</p>;
          return forests.map((forest) => (
            <Forest
              key={forest}
              name={forest}
              agents={there.filter((agent) => agent.forests.includes(forest))}
              sync={sync.value ?? []}
              reports={doctor.value ?? []}
            />
          ));
        }}
      </Shown>
    </Page>
  );
}

interface ForestProps {
  readonly name: string;
  readonly agents: readonly AgentView[];
  readonly sync: readonly AgentSync[];
  readonly reports: readonly Report[];
}

function Forest({ name, agents, sync, reports }: ForestProps) {
  const theirs = (agent: string) => agents.some(({ id }) => id === agent);
  const domains = sync.filter(({ agent }) => theirs(agent)).flatMap(({ name: agent, connectors }) => connectors.map((connector) => ({ agent, connector })));
  return (
    <section class="panel" aria-label={name}>
      <h2>{name}</h2>
      <Table<AgentView>
        label={`${name}: ${t("console-agents")}`}
        rows={agents}
        id={({ id }) => id}
        none={t("console-agents-none")}
        columns={[
          { head: t("console-agents"), cell: (agent) => <a href={href("/agents")}>{agent.name}</a> },
          { head: t("console-agent-state"), cell: (agent) => <Badge text={t(`console-agent-${agent.state}`)} well={isWell(agent.state)} /> },
          { head: t("console-agent-pdc"), cell: Controllers },
        ]}
      />
      <h3>{t("app-directories-domains")}</h3>
      <Table
        label={`${name}: ${t("app-directories-domains")}`}
        rows={domains}
        id={({ agent, connector }) => `${agent} ${connector.name}`}
        none={t("app-directories-unknown")}
        columns={[
          { head: t("app-directories-domain"), cell: ({ connector }) => connector.name },
          { head: t("app-directories-by"), cell: ({ agent }) => agent },
          { head: t("app-sync-cycled"), cell: ({ connector }) => <Moment at={connector.cycled_at} /> },
          { head: t("app-directories-read"), cell: ({ connector }) => connector.runs.find(({ server }) => server != null)?.server ?? "" },
          { head: t("sync-count-objects"), numeric: true, cell: ({ connector }) => number(connector.objects) },
        ]}
      />
      <Checks of={reports.filter(({ agent }) => theirs(agent))} name={name} />
    </section>
  );
}

function Controllers(agent: AgentView) {
  if (agent.controllers.length === 0) return <>{t("console-agent-pdc-unknown")}</>;
  return (
    <>
      {agent.controllers.map((controller) => (
        <div key={controller.name}>
          {controller.name}{" "}
          <Badge text={t(controller.reachable ? "app-directories-in-reach" : "console-agent-pdc-out")} well={controller.reachable} />
        </div>
      ))}
    </>
  );
}

/** What the doctor found about the directory: its controllers, the preferred ones, its policy, the account's rights. */
function Checks({ of, name }: { of: readonly Report[]; name: string }) {
  const rows = of.flatMap((report) => report.checks.filter(({ id }) => CHECKS.includes(id)).map((check) => ({ report, check })));
  if (rows.length === 0) return null;
  return (
    <>
      <h3>{t("doctor-title")}</h3>
      <Table
        label={`${name}: ${t("doctor-title")}`}
        rows={rows}
        id={({ report, check }) => `${report.agent} ${check.id}`}
        none={t("doctor-never")}
        columns={[
          { head: t("doctor-check"), cell: ({ check }) => t(`doctor-check-${check.id}` as "doctor-check-domains") },
          {
            head: t("doctor-state"),
            cell: ({ check }) => <Badge text={t(`doctor-${check.verdict}`)} well={check.verdict === "pass" ? true : check.verdict === "not-applicable" ? undefined : false} />,
          },
          { head: t("doctor-found"), cell: ({ check }) => <span lang="en">{check.evidence.join("; ")}</span> },
        ]}
      />
    </>
  );
}
