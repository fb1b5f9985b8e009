// What an agent's own deletion guard holds, and the approval of exactly such a list.

import type { HeldExportView } from "../generated/api.ts";
import { call } from "../api.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { confirmed } from "../parts/confirm.tsx";
import { Moment } from "../parts/moment.tsx";
import { Table } from "../parts/table.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { number, t } from "../words.ts";
import { removal } from "./removals.tsx";

/** How often it is looked at, in milliseconds: the agent takes an approval up with its next report. */
const EVERY = 10_000;

/** The lists of one agent, which may be none. */
export function HeldExports({ agent }: { agent: string }) {
  const held = useLoad("GET /agents/{agent}/held-exports", { path: { agent } }, { every: EVERY });
  // The other list on this page is also that of a program, which has no exports.
  if (held.problem?.status === 404) return null;
  return (
    <Shown of={held}>
      {(lists) => lists.map((list) => <Held key={`${list.connector} ${list.digest}`} agent={agent} list={list} again={held.again} />)}
    </Shown>
  );
}

function Held({ agent, list, again }: { agent: string; list: HeldExportView; again: () => void }) {
  const me = useMe();
  const action = useAction();
  const approve = async () => {
    const text = t("app-removals-text", { number: list.number });
    if (!(await confirmed({ title: t("console-removals-title"), text, action: t("console-removals-approve") }))) return;
    await action.run(async () => {
      const body = { digest: list.digest, since: list.since };
      await call("POST /agents/{agent}/held-exports/approvals", { path: { agent }, body });
    });
    // Also after a refusal: the list has changed then.
    again();
  };
  return (
    <section class="panel" aria-label={list.connector}>
      <h2>{list.connector}</h2>
      <p>
        <strong>
          {t("sync-held")} {number(list.number)}.
        </strong>{" "}
        <span lang="en">{list.because}</span>
      </p>
      <p>
        {t("app-sync-held-since")} <Moment at={list.since} />
      </p>
      <Table
        label={`${t("sync-held-list")}: ${list.connector}`}
        rows={list.items}
        id={(row) => `${row.kind} ${row.name}`}
        none={t("console-removals-none")}
        columns={[
          { head: t("console-removals-who"), cell: (row) => row.name },
          { head: t("console-removals-what"), cell: (row) => removal(row.kind) },
        ]}
      />
      <div role="status">{list.approved && <p>{t("sync-approved")}</p>}</div>
      {!list.approved && !list.whole && <p>{t("sync-held-more")}</p>}
      {!list.approved && list.whole && may(me, "approve-removals") && (
        <p class="actions">
          <button type="button" disabled={action.busy} onClick={approve}>
            {t("console-removals-approve")} …
          </button>
        </p>
      )}
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </section>
  );
}
