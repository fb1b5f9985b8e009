// How a person's account stands in their directory just now: an agent is asked, which asks the PDC emulator.

import type { Account } from "../generated/api.ts";
import { useLoad } from "../load.ts";
import { Badge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { Fault, Loading } from "../parts/told.tsx";
import { number, t, type PlainKey } from "../words.ts";

/** Why nothing is known, by what the API calls it. */
const REFUSALS: Readonly<Record<string, PlainKey>> = {
  "no-agent": "app-people-account-no-agent",
  "no-answer": "app-people-account-no-answer",
  "directory-fault": "app-people-account-fault",
};

/** The account, asked for once: each look costs an agent and its directory a moment. */
export function InDirectory({ person }: { person: string }) {
  const account = useLoad("GET /people/{person}/directory", { path: { person }, once: true });
  const { value, problem } = account;
  const told = REFUSALS[problem?.kind ?? ""];
  if (problem?.status === 404) return null;
  return (
    <section class="panel" aria-labelledby="account">
      <h2 id="account">{t("app-people-account")}</h2>
      {value === undefined && problem === undefined && <Loading />}
      {problem !== undefined &&
        (told === undefined ? (
          <Fault problem={problem} />
        ) : (
          <div class="notice notice-error" role="alert">
            <p>{t(told)}</p>
            {problem.kind === "directory-fault" && <p lang="en">{problem.detail}</p>}
          </div>
        ))}
      {value !== undefined && problem === undefined && <Stands of={value} />}
      <p class="actions">
        <button type="button" class="quiet" onClick={account.again} id="ask-directory">
          {t("app-people-account-again")}
        </button>
      </p>
    </section>
  );
}

function Stands({ of }: { of: Account }) {
  const { policy } = of;
  return (
    <dl class="facts">
      <dt>{t("console-person-state")}</dt>
      <dd>
        <Badge text={t(of.locked ? "app-people-account-locked" : "app-people-account-not-locked")} well={!of.locked} />{" "}
        <Badge text={t(of.disabled ? "console-person-disabled" : "console-person-enabled")} well={!of.disabled} />
      </dd>
      <dt>{t("app-people-account-expires")}</dt>
      <dd>{of.password_expires_at == null ? t("app-people-account-unsaid") : <Moment at={of.password_expires_at} />}</dd>
      <dt>{t("app-people-account-policy")}</dt>
      <dd>
        {t(`app-people-account-of-${policy.source}`)} {policy.pso ?? ""}
      </dd>
      {policy.source !== "unreadable-pso" && (
        <>
          <dt>{t("app-people-account-rules")}</dt>
          <dd>
            <div>{t("app-people-account-length", { number: number(policy.minimum_length) })}</div>
            {policy.complexity && <div>{t("app-people-account-complexity")}</div>}
            {policy.history > 0 && <div>{t("app-people-account-history", { number: number(policy.history) })}</div>}
            {!policy.enforced_on_reset && <div>{t("app-people-account-not-on-reset")}</div>}
          </dd>
        </>
      )}
      {policy.not_before != null && (
        <>
          <dt>{t("app-people-account-not-before")}</dt>
          <dd>
            <Moment at={policy.not_before} />
          </dd>
        </>
      )}
    </dl>
  );
}
