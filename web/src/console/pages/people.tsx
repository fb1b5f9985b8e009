// People: looked for by the server, a page at a time, so that it is as fast with a hundred thousand of them.

import { useEffect } from "preact/hooks";
import type { PersonLine } from "../generated/api.ts";
import { useList } from "../load.ts";
import { useMe } from "../me.ts";
import { announce } from "../parts/announce.tsx";
import { Badge } from "../parts/badge.tsx";
import { Page } from "../parts/page.tsx";
import { Search } from "../parts/search.tsx";
import { Listing } from "../parts/table.tsx";
import { go, href, usePlace } from "../router.ts";
import { number, t } from "../words.ts";

/** How many are shown at a time. */
const SHOWN = 50;

/** The page. What is looked for stands in its address, so that going back finds it again. */
export default function People() {
  const me = useMe();
  const search = usePlace().query.get("search") ?? "";
  const list = useList("GET /people", { query: { search, limit: SHOWN } });
  const { items, more, busy } = list;
  useEffect(() => {
    if (items !== undefined && search !== "") announce(items.length === 0 ? t("console-people-none") : t("app-shown", { number: number(items.length) }));
  }, [items]);
  return (
    <Page title={t("app-people-title")}>
      <Search
        label={t("console-people-name")}
        hint={t("app-people-hint")}
        value={search}
        search={(text) => go(href("/people", { search: text }), { replace: true })}
        id="search"
      />
      {me.scope != null && <p class="hint">{t("console-people-scoped")}</p>}
      <Listing<PersonLine>
        label={t("app-people-title")}
        list={list}
        id={({ id }) => id}
        none={t(search === "" ? "app-people-nobody" : "console-people-none")}
        columns={[
          { head: t("console-person-name"), cell: (person) => <a href={href(`/people/${person.id}`)}>{person.display_name}</a> },
          { head: t("app-people-principal"), cell: (person) => person.user_principal_name },
          {
            head: t("console-person-state"),
            cell: ({ enabled }) => <Badge text={t(enabled ? "console-person-enabled" : "console-person-disabled")} well={enabled ? undefined : false} />,
          },
        ]}
      />
      {items?.length === 0 && more !== undefined && (
        // The server passes over those whom the administrator is not for, some at a time.
        <p class="actions">
          <button type="button" class="quiet" disabled={busy} onClick={more}>
            {t("app-people-on")}
          </button>
        </p>
      )}
    </Page>
  );
}
