// How the tenant stands: whether a reset could be written now, its agents, its synchronisation, its licences, its switches.

import type { Overview as Standing, SwitchName } from "../generated/api.ts";
import { call } from "../api.ts";
import { useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Switch } from "../parts/switch.tsx";
import { Shown } from "../parts/told.tsx";
import { href } from "../router.ts";
import { standing } from "../standing.ts";
import { moment, number, t } from "../words.ts";
import { Charts } from "./charts.tsx";

/** How often it is looked at, in milliseconds. */
const EVERY = 10_000;

/** The page. */
export default function Overview() {
  const overview = useLoad("GET /overview", {}, { every: EVERY });
  return (
    <Page title={t("app-overview-title")}>
      <Shown of={overview}>
        {(now) => (
          <>
            <Now now={now} />
            <Tiles now={now} />
          </>
        )}
      </Shown>
      <Charts />
      <Switches changed={overview.again} only={overview.value?.only_groups} />
    </Page>
  );
}

function Now({ now }: { now: Standing }) {
  return (
    <div class={`notice ${now.standing === "ready" ? "notice-ok" : "notice-error"}`} role="status">
      <p>
        <strong>{standing(now.standing)}</strong>
      </p>
      {now.since != null && (
        <p>
          {t("refusal-since")} <Moment at={now.since} />
        </p>
      )}
      {now.standing !== "ready" && (
        <p>
          <a href={href("/guide")}>{t("app-guide-title")}</a>
        </p>
      )}
    </div>
  );
}

function Tiles({ now }: { now: Standing }) {
  const me = useMe();
  const sync = useLoad("GET /sync", {}, { every: EVERY });
  const products = useLoad("GET /licences/products", {}, { skip: !may(me, "read-licences") });
  const cycled = (sync.value ?? []).flatMap(({ connectors }) => connectors.flatMap(({ cycled_at }) => cycled_at ?? []));
  const last = cycled.sort().at(-1);
  const bought = products.value?.filter(({ units }) => units != null) ?? [];
  const sum = (of: (product: (typeof bought)[number]) => number) => bought.reduce((all, product) => all + of(product), 0);
  return (
    <ul class="tiles">
      <li class="tile">
        <strong>
          {number(now.agents_running)} / {number(now.agents)}
        </strong>
        <a href={href("/agents")}>{t("app-overview-agents")}</a>
      </li>
      <li class="tile">
        <strong>{last === undefined ? t("console-never") : moment(last)}</strong>
        <a href={href("/sync")}>{t("app-overview-sync")}</a>
      </li>
      {bought.length > 0 && (
        <li class="tile">
          <strong>
            {number(sum(({ consumed }) => consumed))} / {number(sum(({ units }) => units ?? 0))}
          </strong>
          <span>{t("app-overview-licences")}</span>
        </li>
      )}
      <li class="tile">
        <strong>{now.version}</strong>
        <span>{t("app-overview-version")}</span>
      </li>
    </ul>
  );
}

/** Who may turn a switch to where it is not: those of writeback are the agents' administrators', too. */
function right(name: SwitchName, on: boolean): string {
  if (name !== "writeback") return "change-tenant";
  return on ? "enable-writeback" : "disable-writeback";
}

function Switches({ changed, only }: { changed: () => void; only: readonly string[] | null | undefined }) {
  const me = useMe();
  const switches = useLoad("GET /switches", {});
  const turn = (name: SwitchName) => async (on: boolean) => {
    await call("PUT /switches/{switch}", { path: { switch: name }, body: { on } });
    switches.again();
    changed();
  };
  return (
    <section class="panel" aria-labelledby="switches">
      <h2 id="switches">{t("console-switches")}</h2>
      <Shown of={switches}>
        {(all) => (
          <ul class="switches">
            {all.map(({ name, on }) => (
              <li key={name}>
                <Switch
                  label={t(`console-${name}-${on ? "on" : "off"}`)}
                  named={t(`app-switch-${name}`)}
                  on={on}
                  turn={may(me, right(name, !on)) ? turn(name) : undefined}
                />
              </li>
            ))}
          </ul>
        )}
      </Shown>
      {only != null && (
        <p>
          {only.length === 0 ? t("console-sspr-group-gone") : t("console-sspr-groups", { groups: only.join(", ") })}
        </p>
      )}
    </section>
  );
}
