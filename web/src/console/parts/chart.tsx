// Charts: a few lines of SVG. Every one has its numbers as a table too, for whoever does not see it or wants to copy them.

import { number, t } from "../words.ts";
import { plotted, WIDTH, HEIGHT, type Series } from "../plot.ts";
import { Table } from "./table.tsx";

interface ChartProps {
  /** What it shows, in words. */
  readonly label: string;
  readonly kind: "bars" | "line";
  /** What stands below each place: days, reasons. */
  readonly places: readonly string[];
  /** What the places are called together, as the head of the table's first column. */
  readonly place: string;
  /** At most four: each has a colour and a pattern of its own. Bars stand on each other. */
  readonly series: readonly Series[];
}

/** A chart with its numbers. */
export function Chart({ label, kind, places, place, series }: ChartProps) {
  const plot = plotted(kind, places, series);
  const rows = places.map((name, at) => ({ name, at }));
  return (
    <figure class="chart">
      <figcaption>{label}</figcaption>
      {series.length > 1 && (
        <ul class="legend" aria-hidden="true">
          {series.map(({ name }, at) => (
            <li key={name}>
              <svg viewBox="0 0 12 12" width="12" height="12">
                <rect width="12" height="12" class={`series-${at}`} />
              </svg>{" "}
              {name}
            </li>
          ))}
        </ul>
      )}
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {plot.lines.map(({ y, value }) => (
          <g key={y}>
            <line x1={plot.left} x2={WIDTH} y1={y} y2={y} class="grid" />
            <text x={plot.left - 6} y={y + 4} text-anchor="end">
              {number(value, 1)}
            </text>
          </g>
        ))}
        {plot.bars.map((bar) => (
          <rect key={bar.key} x={bar.x} y={bar.y} width={bar.width} height={bar.height} class={`series-${bar.series}`} />
        ))}
        {plot.paths.map((path) => (
          <path key={path.series} d={path.d} class={`line series-${path.series}`} />
        ))}
        {plot.labels.map(({ x, text }) => (
          <text key={x} x={x} y={HEIGHT - 4} text-anchor="middle">
            {text}
          </text>
        ))}
      </svg>
      <details>
        <summary>{t("app-chart-numbers")}</summary>
        <Table
          label={label}
          rows={rows}
          id={({ at }) => String(at)}
          none={t("app-chart-none")}
          columns={[
            { head: place, cell: ({ name }) => name },
            ...series.map(({ name, values }) => ({
              head: name,
              numeric: true,
              cell: ({ at }: { at: number }) => (values[at] == null ? "–" : number(values[at], 1)),
            })),
          ]}
        />
      </details>
    </figure>
  );
}

/** A number for each of a few names, the largest first: a table whose numbers are bars as well. */
export function Ranking({ label, place, unit, rows }: { label: string; place: string; unit: string; rows: readonly (readonly [name: string, value: number])[] }) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return (
    <figure class="chart">
      <figcaption>{label}</figcaption>
      <Table
        label={label}
        rows={rows}
        id={([name]) => name}
        none={t("app-chart-none")}
        columns={[
          { head: place, cell: ([name]) => name },
          { head: unit, numeric: true, cell: ([, value]) => number(value) },
          {
            head: t("app-chart-part"),
            cell: ([, value]) => (
              <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${number((value / most) * 100)} %`}>
                <rect width={(value / most) * 100} height={10} class="series-0" />
              </svg>
            ),
          },
        ]}
      />
    </figure>
  );
}
