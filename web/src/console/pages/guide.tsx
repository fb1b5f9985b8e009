// The way from nothing to a first reset. What is done it knows by the API, so that it is right also of what was done elsewhere.

import type { ComponentChildren } from "preact";
import { useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { Badge } from "../parts/badge.tsx";
import { Page } from "../parts/page.tsx";
import { Fault, Loading } from "../parts/told.tsx";
import { href } from "../router.ts";
import { t, type PlainKey } from "../words.ts";

/** How often it is looked at, in milliseconds: somebody is at work on an agent meanwhile. */
const EVERY = 5_000;

interface Step {
  readonly key: "agent" | "writeback" | "sync" | "people" | "mail" | "reset";
  /** `undefined` if it can't be told by what this administrator may see. */
  readonly done: boolean | undefined;
  readonly link?: ComponentChildren;
}

/** The page. */
export default function Guide() {
  const steps = useSteps();
  const next = steps.list?.find(({ done }) => done === false);
  return (
    <Page title={t("app-guide-title")}>
      <p>{t("app-guide-lead")}</p>
      {steps.problem !== undefined && <Fault problem={steps.problem} again={steps.again} />}
      {steps.list === undefined ? (
        steps.problem === undefined && <Loading />
      ) : (
        <>
          <div class={`notice ${next === undefined ? "notice-ok" : ""}`} role="status">
            <p>
              <strong>
                {next === undefined ? t("app-guide-finished") : `${t("app-guide-next")} ${t(`app-guide-${next.key}`)}`}
              </strong>
            </p>
          </div>
          <ol class="steps">
            {steps.list.map((step) => (
              <li key={step.key} class={step.done === true ? "done" : undefined}>
                <div class="row">
                  <h2>{t(`app-guide-${step.key}`)}</h2>
                  <Badge text={t(told(step.done))} well={step.done === true ? true : undefined} />
                </div>
                <p>{t(`app-guide-${step.key}-how`)}</p>
                {step.link !== undefined && <p>{step.link}</p>}
              </li>
            ))}
          </ol>
        </>
      )}
    </Page>
  );
}

function told(done: boolean | undefined): PlainKey {
  if (done === undefined) return "app-guide-unknown";
  return done ? "app-guide-done" : "app-guide-open";
}

function useSteps() {
  const me = useMe();
  const audit = may(me, "read-audit");
  const agents = useLoad("GET /agents", {}, { every: EVERY });
  const switches = useLoad("GET /switches", {}, { every: EVERY });
  const sync = useLoad("GET /sync", {}, { every: EVERY });
  const written = { query: { activity: RESET, success: "success", limit: 1 } };
  const resets = useLoad("GET /audit", written, { every: EVERY, skip: !audit });
  const all = [agents, switches, sync];
  const again = () => all.forEach((one) => one.again());
  const problem = all.find((one) => one.problem !== undefined)?.problem;
  if (agents.value === undefined || switches.value === undefined || sync.value === undefined) {
    return { list: undefined, problem, again };
  }
  const there = agents.value.filter(({ state }) => state !== "revoked");
  const on = (name: string) => switches.value?.some((one) => one.name === name && one.on) === true;
  const synced = sync.value.some(({ connectors }) =>
    connectors.some(({ cycled_at, runs, objects }) => objects > 0 && (cycled_at != null || runs.some(exported))),
  );
  const list: readonly Step[] = [
    { key: "agent", done: there.some(({ state }) => state !== "away"), link: <a href={href("/agents")}>{t("console-agents")}</a> },
    {
      key: "writeback",
      done: on("writeback") && there.some((agent) => agent.writeback_on && agent.state === "running"),
      link: <a href={href("/onboarding")}>{t("console-onboarding")}</a>,
    },
    { key: "sync", done: synced, link: <a href={href("/sync")}>{t("sync-title")}</a> },
    { key: "people", done: on("sspr"), link: <a href="/console/sspr">{t("app-sspr-title")}</a> },
    { key: "mail", done: undefined, link: <a href="/console/doctor">{t("doctor-title")}</a> },
    {
      key: "reset",
      done: resets.value === undefined ? undefined : resets.value.items.length > 0,
      link: (
        <a href="/" target="_blank" rel="noreferrer">
          {t("app-guide-portal")}
        </a>
      ),
    },
  ];
  return { list, problem, again };
}

/** What a written reset is called in the audit. */
const RESET = "Reset password (self-service)";

const exported = ({ profile, outcome }: { profile: string; outcome: string }) => profile === "export" && outcome === "succeeded";
