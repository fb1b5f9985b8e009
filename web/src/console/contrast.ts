// How well a tenant's colour can be read, as `crates/identity/src/brand.rs` judges it (WCAG 2.2). The server has the last word.

/** Light pages or dark ones. */
export type Scheme = "light" | "dark";

/** What text needs against its ground (WCAG 2.2, success criterion 1.4.3, level AA). */
export const TEXT = 4.5;

/** What links stand on: `--paper`, `--ground`, `--note-ground` and `--error-ground` of `styles/portal.css`. */
const GROUNDS: Readonly<Record<Scheme, readonly string[]>> = {
  light: ["#ffffff", "#f4f3ef", "#f1f2ee", "#fcefed"],
  dark: ["#1b221f", "#121715", "#232b28", "#34201e"],
};

/** Whether it is a colour as it is written: `#0b5d4e`. */
export function isColour(text: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(text);
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

/** Relative luminance (WCAG 2.2, definition of the term). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast ratio of two colours, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [first, second] = [luminance(one), luminance(other)];
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}

/** The contrast of a colour where it is the hardest to read, cut off after two digits, so that what is refused never looks as if it were enough. */
export function worst(scheme: Scheme, colour: string): number {
  return Math.floor(Math.min(...GROUNDS[scheme].map((ground) => contrast(colour, ground))) * 100) / 100;
}

/** This colour with so many percent of another one in it. */
function mixed(colour: string, other: string, percent: number): string {
  const others = channels(other);
  const made = channels(colour).map((own, at) => Math.floor((own * (100 - percent) + (others[at] ?? 0) * percent) / 100));
  return `#${made.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** The nearest colour to this one that can be read on dark pages. */
export function nearestDark(colour: string): string {
  for (let percent = 0; percent < 100; percent += 5) {
    const one = mixed(colour, "#ffffff", percent);
    if (worst("dark", one) >= TEXT) return one;
  }
  return "#ffffff";
}
