// How far something is: on its way, or not to be had and why.

import type { ComponentChildren } from "preact";
import type { Loaded } from "../load.ts";
import type { Problem } from "../problem.ts";
import { t, type PlainKey } from "../words.ts";

/** That something is on its way. */
export function Loading() {
  return (
    <p class="loading" role="status">
      {t("app-loading")}
    </p>
  );
}

/** Why something did not work: for the person, and behind it what the server says to its operator. */
export function Fault({ problem, again }: { problem: Problem; again?: (() => void) | undefined }) {
  return (
    <div class="notice notice-error" role="alert">
      <p>
        <strong>{t(problem.told as PlainKey)}</strong>
      </p>
      {problem.detail !== "" && (
        <details>
          <summary>{t("app-problem-detail")}</summary>
          <p lang="en">{problem.detail}</p>
          <p class="hint">
            <code>{problem.kind}</code> {problem.status > 0 && problem.status}
          </p>
        </details>
      )}
      {again !== undefined && (
        <p class="actions">
          <button type="button" class="quiet" onClick={again}>
            {t("app-again")}
          </button>
        </p>
      )}
    </div>
  );
}

/** What was loaded, shown by `children`; before that, that it is on its way; instead of it, why not. An old answer stays beside a fault. */
export function Shown<T>({ of, children }: { of: Loaded<T>; children: (value: NonNullable<T>) => ComponentChildren }) {
  return (
    <>
      {of.problem !== undefined && <Fault problem={of.problem} again={of.again} />}
      {of.value != null ? children(of.value) : of.problem === undefined && <Loading />}
    </>
  );
}
