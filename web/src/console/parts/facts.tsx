// Facts of the audit and requests to the directory, in a table's cells.

import type { ComponentChildren } from "preact";
import type { FactView } from "../generated/api.ts";
import type { EntryView, RequestView } from "../coming-people.ts";
import { may, useMe } from "../me.ts";
import { reason } from "../reasons.ts";
import { href } from "../router.ts";
import { placeOf } from "../support-code.ts";
import { known, number, t } from "../words.ts";
import { Badge } from "./badge.tsx";
import { Moment } from "./moment.tsx";
import type { Column } from "./table.tsx";

/** A support code, which leads to what is under it. */
export function Code({ code }: { code: string | null | undefined }) {
  const me = useMe();
  if (code == null) return null;
  const place = placeOf(me, code);
  return place === undefined ? <span class="code">{code}</span> : <a class="code" href={place}>{code}</a>;
}

/** A person, who leads to their page. */
function Whom({ id, name }: { id: string | null | undefined; name: string | null | undefined }) {
  const me = useMe();
  if (name == null) return null;
  return id != null && may(me, "read-users") ? <a href={href(`/people/${id}`)}>{name}</a> : <>{name}</>;
}

/** How something ended. */
function End({ success }: { success: string }) {
  return <Badge text={known(`console-audit-end-${success}`) ?? success} well={success === "success" ? true : success === "failure" ? false : undefined} />;
}

/** Who did it. */
function Who(fact: FactView) {
  return (
    <>
      {known(`console-actor-${fact.actor}`) ?? fact.actor} {fact.actor_name != null && <b>{fact.actor_name}</b>}
    </>
  );
}

/** The columns of a table of facts. */
export function factColumns(): readonly Column<FactView>[] {
  return [
    { head: t("console-audit-at"), cell: ({ at }) => <Moment at={at} /> },
    { head: t("console-audit-activity"), cell: ({ activity }) => <span lang="en">{activity}</span> },
    { head: t("console-audit-who"), cell: (fact) => <Who {...fact} /> },
    {
      head: t("console-audit-whom"),
      // Who did something for themselves is named once.
      cell: (fact) => fact.target_id !== fact.actor_id && <Whom id={fact.target_id} name={fact.target} />,
    },
    { head: t("console-audit-success"), cell: ({ success }) => <End success={success} /> },
    { head: t("console-audit-reason"), cell: ({ reason: why }) => why !== "" && <span class="why" lang="en">{why}</span> },
    { head: t("support-code"), cell: (fact) => <Code code={fact.support_code} /> },
  ];
}

function requestEnd({ state, outcome }: RequestView) {
  if (outcome == null) return <Badge text={known(`app-people-request-${state}`) ?? state} />;
  return <End success={outcome.result === "done" ? "success" : outcome.result === "unknown" ? "unknown" : "failure"} />;
}

function RequestWhy({ outcome }: RequestView) {
  if (outcome == null) return null;
  return (
    <div class="why">
      {outcome.result !== "done" && <div>{reason(outcome)}</div>}
      {outcome.detail != null && outcome.detail !== "" && <div lang="en">{outcome.detail}</div>}
      {outcome.dc != null && (
        <div class="hint">{t("app-people-request-took", { dc: outcome.dc, ms: number(outcome.agent_ms), directory: number(outcome.directory_ms) })}</div>
      )}
    </div>
  );
}

/** The columns of a table of what happened: facts, and requests among them. */
export function entryColumns(): readonly Column<EntryView>[] {
  const fact = factColumns();
  const either = (at: number, request: (of: RequestView) => ComponentChildren): Column<EntryView> => ({
    head: fact[at]?.head ?? "",
    cell: (entry) => (entry.kind === "fact" ? fact[at]?.cell(entry) : request(entry)),
  });
  return [
    either(0, ({ at }) => <Moment at={at} />),
    either(1, ({ operation }) => known(`app-people-request-of-${operation}`) ?? operation),
    either(2, ({ agent, agent_id: id }) => (
      <>
        {t("console-actor-agent")} <b>{agent ?? id}</b>
      </>
    )),
    either(4, requestEnd),
    either(5, (request) => <RequestWhy {...request} />),
    either(6, ({ support_code: code }) => <Code code={code} />),
  ];
}
