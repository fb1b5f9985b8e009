// What the tenant's deletion guard holds of one agent, or of one program, and the approval of exactly that list.

import type { HeldRemoval } from "../generated/api.ts";
import { call } from "../api.ts";
import { useAction, useList, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import type { PageProps } from "../pages.ts";
import { confirmed } from "../parts/confirm.tsx";
import { Page } from "../parts/page.tsx";
import { Listing } from "../parts/table.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { toast } from "../parts/announce.tsx";
import { number, t } from "../words.ts";
import { HeldExports } from "./held-exports.tsx";

const KINDS = {
  "remove": "console-removal-delete",
  "disable": "console-removal-disable",
  "remove-group": "console-removal-group",
  "leave": "console-removal-leave",
} as const;

/** What would be done, in words. */
export function removal(kind: string): string {
  return kind in KINDS ? t(KINDS[kind as keyof typeof KINDS]) : kind;
}

/** The page. */
export default function Removals({ parts }: PageProps) {
  const me = useMe();
  const path = { agent: parts.agent ?? "" };
  const held = useLoad("GET /agents/{agent}/removals", { path, query: { limit: 1 } });
  const list = useList("GET /agents/{agent}/removals", { path, query: { limit: 200 } });
  const action = useAction();
  const approve = async (digest: string, many: number) => {
    const text = t("app-removals-text", { number: many });
    if (!(await confirmed({ title: t("console-removals-title"), text, action: t("console-removals-approve") }))) return;
    await action.run(async () => {
      const { value } = await call("POST /agents/{agent}/removals/approvals", { path, body: { digest } });
      toast(t("app-removals-approved", { number: value.number }));
    });
    // Also after a refusal: the list has changed then.
    held.again();
    list.again();
  };
  return (
    <Page title={t("console-removals-title")}>
      <Shown of={held}>
        {({ number: many, digest }) =>
          many === 0 ? (
            <p>{t("console-removals-none")}</p>
          ) : (
            <>
              <p>{t("console-removals-lead")}</p>
              <p>
                {t("console-removals-number")} <strong>{number(many)}</strong>
              </p>
              <Listing<HeldRemoval>
                label={t("console-removals-title")}
                list={list}
                id={(row) => `${row.kind} ${row.name}`}
                none={t("console-removals-none")}
                columns={[
                  { head: t("console-removals-who"), cell: (row) => row.name },
                  { head: t("console-removals-what"), cell: (row) => removal(row.kind) },
                ]}
              />
              {may(me, "approve-removals") && (
                <p class="actions">
                  <button type="button" disabled={action.busy} onClick={() => approve(digest, many)}>
                    {t("console-removals-approve")} …
                  </button>
                </p>
              )}
            </>
          )
        }
      </Shown>
      {action.problem !== undefined && <Fault problem={action.problem} />}
      <HeldExports agent={path.agent} />
    </Page>
  );
}
