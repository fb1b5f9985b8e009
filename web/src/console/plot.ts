// Where the bars and lines of a chart are, in units of its view box. No more than arithmetic, so that it can be tested as such.

/** Values of one kind, one for each place; `null` where there is none. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export const WIDTH = 640;
export const HEIGHT = 220;
const TOP = 10;
const BOTTOM = 24;
const LEFT = 48;
/** Room that a label below takes at least. */
const LABEL = 60;

export interface Plot {
  readonly left: number;
  /** The lines across, with what each stands for. */
  readonly lines: readonly { readonly y: number; readonly value: number }[];
  readonly bars: readonly {
    readonly key: string;
    readonly series: number;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }[];
  readonly paths: readonly { readonly series: number; readonly d: string }[];
  readonly labels: readonly { readonly x: number; readonly text: string }[];
}

/** The smallest of 1, 2, 5 and their tenfolds that is no less. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * ten).find((step) => step >= value * (1 - 1e-9)) ?? 10 * ten;
}

const shorten = (value: number) => Math.round(value * 100) / 100;

/** A chart of `series` over `places`. Bars stand on each other, lines cross. */
export function plotted(kind: "bars" | "line", places: readonly string[], series: readonly Series[]): Plot {
  const at = (index: number) => series.map(({ values }) => values[index] ?? 0);
  const tops = places.map((_, index) =>
    kind === "bars" ? at(index).reduce((sum, value) => sum + value, 0) : Math.max(0, ...at(index)),
  );
  const step = roundUp(Math.max(0, ...tops) / 4);
  const steps = Math.max(1, Math.ceil(Math.max(0, ...tops) / step - 1e-9));
  const most = step * steps;
  const y = (value: number) => shorten(HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM));
  const width = places.length === 0 ? 0 : (WIDTH - LEFT) / places.length;
  const middle = (index: number) => shorten(LEFT + width * (index + 0.5));
  const every = Math.max(1, Math.ceil(LABEL / Math.max(width, 1)));
  return {
    left: LEFT,
    lines: Array.from({ length: steps + 1 }, (_, index) => ({ y: y(step * index), value: step * index })),
    bars: kind === "line" ? [] : bars(places.length, series, y, width),
    paths: kind === "bars" ? [] : series.map(({ values }, index) => ({ series: index, d: path(values, middle, y) })),
    labels: places.flatMap((text, index) => (index % every === 0 ? [{ x: middle(index), text }] : [])),
  };
}

function bars(places: number, series: readonly Series[], y: (value: number) => number, width: number): Plot["bars"] {
  const found = [];
  const gap = Math.min(4, width * 0.2);
  for (let place = 0; place < places; place += 1) {
    let below = 0;
    for (const [index, { values }] of series.entries()) {
      const value = values[place] ?? 0;
      if (value <= 0) continue;
      const [top, bottom] = [y(below + value), y(below)];
      const x = shorten(LEFT + width * place + gap / 2);
      found.push({ key: `${index}-${place}`, series: index, x, y: top, width: shorten(width - gap), height: shorten(bottom - top) });
      below += value;
    }
  }
  return found;
}

/** A line that is interrupted where there is no value. */
function path(values: readonly (number | null)[], x: (index: number) => number, y: (value: number) => number): string {
  let pen = "M";
  const parts: string[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) {
      pen = "M";
      continue;
    }
    parts.push(`${pen}${x(index)} ${y(value)}`);
    pen = "L";
  }
  // A point between two gaps would not be seen: a line of no length with a round end is.
  return parts.map((part, index) => (part.startsWith("M") && !parts[index + 1]?.startsWith("L") ? `${part}h0` : part)).join("");
}
