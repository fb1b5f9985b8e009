// What the last days were like: how resets ended, why they were refused, how long they took.

import type { Statistics } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import { Chart, Ranking } from "../parts/chart.tsx";
import { Shown } from "../parts/told.tsx";
import { reason } from "../reasons.ts";
import { day, number, t, type PlainKey } from "../words.ts";

/** How many days, today included. */
const DAYS = 30;
/** How often it is looked at, in milliseconds. */
const EVERY = 60_000;
/** How many reasons are shown, the most frequent ones. */
const REASONS = 8;

const ENDS = ["success", "failure", "unknown"] as const;
const KINDS: readonly (readonly [keyof Statistics["days"][number] & ("resets" | "changes" | "unlocks"), PlainKey])[] = [
  ["resets", "app-charts-resets"],
  ["changes", "app-charts-changes"],
  ["unlocks", "app-charts-unlocks"],
];

/** The charts, each with its numbers. */
export function Charts() {
  const statistics = useLoad("GET /statistics", { query: { days: DAYS } }, { every: EVERY });
  return (
    <section aria-labelledby="charts">
      <h2 id="charts">{t("app-charts", { number: DAYS })}</h2>
      <Shown of={statistics}>
        {(shown) => (
          <>
            <Totals of={shown} />
            <Days of={shown} />
            <Reasons of={shown} />
          </>
        )}
      </Shown>
    </section>
  );
}

function Totals({ of }: { of: Statistics }) {
  const done = (kind: "resets" | "changes" | "unlocks") => of.days.reduce((sum, one) => sum + one[kind].success, 0);
  const ms = (value: number | null | undefined) => (value == null ? "–" : t("app-charts-ms", { number: number(value) }));
  return (
    <ul class="tiles">
      {KINDS.map(([kind, name]) => (
        <li class="tile" key={kind}>
          <strong>{number(done(kind))}</strong>
          <span>{t(name)}</span>
        </li>
      ))}
      <li class="tile">
        <strong>{ms(of.latency.median_ms)}</strong>
        <span>{t("app-charts-median")}</span>
      </li>
      <li class="tile">
        <strong>{ms(of.latency.p95_ms)}</strong>
        <span>{t("app-charts-p95")}</span>
      </li>
    </ul>
  );
}

function Days({ of }: { of: Statistics }) {
  return (
    <Chart
      label={t("app-charts-days")}
      kind="bars"
      place={t("app-charts-day")}
      places={of.days.map((one) => day(one.day))}
      series={ENDS.map((end) => ({ name: t(`console-audit-end-${end}`), values: of.days.map(({ resets }) => resets[end]) }))}
    />
  );
}

function Reasons({ of }: { of: Statistics }) {
  if (of.refusals.length === 0) return <p>{t("app-charts-no-refusals")}</p>;
  const most = of.refusals.slice(0, REASONS);
  return (
    <Ranking
      label={t("app-charts-reasons")}
      place={t("app-charts-reason")}
      unit={t("app-charts-times")}
      rows={most.map((one) => [reason(one), one.number])}
    />
  );
}
