// The line that says how hard the typed password is to guess. What it takes is loaded when somebody begins to type, so that the
// page itself stays small; where it can't be had, there is no line.

import type { Strength } from "./strength.ts";

type Meter = typeof import("./strength.ts");

/** How long typing must rest before it is looked at. */
const RESTS_MS = 150;

/** The line, and what it tells. */
export class StrengthLine {
  readonly #line: HTMLElement;
  readonly #text: HTMLElement;
  readonly #known: readonly string[];
  #meter: Promise<Meter> | undefined;
  #resting = 0;

  /** `line` names the script in `data-script`, and the words in `data-said-0` to `data-said-4`. */
  constructor(line: HTMLElement, known: readonly string[]) {
    this.#line = line;
    this.#text = line.querySelector<HTMLElement>(".strength-text") ?? line;
    this.#known = known.filter((word) => word !== "");
  }

  /** What the line says now. */
  get said(): string {
    return this.#text.textContent ?? "";
  }

  /** Looks at what is typed, once typing rests. */
  look(typed: string): void {
    clearTimeout(this.#resting);
    if (typed === "") this.#tell(undefined);
    else this.#resting = window.setTimeout(() => void this.#measure(typed), RESTS_MS);
  }

  async #measure(typed: string): Promise<void> {
    const before = this.#resting;
    try {
      this.#meter ??= import(this.#line.dataset["script"] ?? "") as Promise<Meter>;
      const { strength } = await this.#meter;
      // Whoever typed on is looked at again.
      if (before === this.#resting) this.#tell(strength(typed, this.#known));
    } catch {
      this.#line.hidden = true;
    }
  }

  #tell(score: Strength | undefined): void {
    this.#line.dataset["score"] = score === undefined ? "" : String(score);
    this.#text.textContent = score === undefined ? "" : (this.#line.getAttribute(`data-said-${score}`) ?? "");
  }
}
