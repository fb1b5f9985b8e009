// What happened around one person, latest first.

import type { EntryView } from "../generated/api.ts";
import { useList } from "../load.ts";
import { entryColumns } from "../parts/facts.tsx";
import { Listing } from "../parts/table.tsx";
import { t } from "../words.ts";

/** How much is shown at a time. */
const SHOWN = 25;

/** What they did, what was done on their account, and what was asked of their directory. */
export function Timeline({ person }: { person: string }) {
  const list = useList("GET /people/{person}/timeline", { path: { person }, query: { limit: SHOWN } });
  return (
    <section>
      <h2 id="timeline">{t("app-people-timeline")}</h2>
      <Listing<EntryView>
        label={t("app-people-timeline")}
        list={list}
        id={(entry) => `${entry.kind} ${entry.id}`}
        none={t("app-people-timeline-none")}
        columns={entryColumns()}
      />
    </section>
  );
}
