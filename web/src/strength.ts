// How hard a password is to guess, for whoever tries what people think of: lists, keyboards, dates, repetitions. It is advice, and
// nothing is refused by it. This file is large and a page loads it when somebody begins to type.

import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";

/** From 0, guessed at once, to 4. */
export type Strength = 0 | 1 | 2 | 3 | 4;

/** Most characters that are looked at: what comes after them can only make it harder, and the page must not stand still. */
const LOOKED_AT = 64;

const meter = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/** The strength of `password` against somebody who knows `known` about the person. */
export function strength(password: string, known: readonly string[]): Strength {
  return meter.check(password.slice(0, LOOKED_AT), [...known]).score as Strength;
}
