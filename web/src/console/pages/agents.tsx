// The agents: how each is just now, its side of writeback, its forests, its name, its end; and a token for a new one.

import { useState } from "preact/hooks";
import type { AgentView } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { Badge } from "../parts/badge.tsx";
import { confirmed } from "../parts/confirm.tsx";
import { Field } from "../parts/field.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { Switch } from "../parts/switch.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { toast } from "../parts/announce.tsx";
import { href } from "../router.ts";
import { isWell } from "../standing.ts";
import { t } from "../words.ts";
import { Enrol } from "./enrol.tsx";

/** How often the agents are looked at, in milliseconds. */
const EVERY = 4_000;

/** The page. */
export default function Agents() {
  const me = useMe();
  const agents = useLoad("GET /agents", {}, { every: EVERY });
  const tenant = useLoad("GET /switches/{switch}", { path: { switch: "writeback" } });
  const turn = async (on: boolean) => {
    await call("PUT /switches/{switch}", { path: { switch: "writeback" }, body: { on }, tag: tenant.tag });
    tenant.again();
    agents.again();
  };
  return (
    <Page title={t("console-agents")}>
      <section class="panel" aria-labelledby="both">
        <h2 id="both">{t("app-agents-switches")}</h2>
        <p>{t("app-agents-switches-lead")}</p>
        <Shown of={tenant}>
          {({ on }) => (
            <Switch
              label={t(on ? "console-writeback-on" : "console-writeback-off")}
              named={t("app-agents-tenant")}
              on={on}
              turn={may(me, on ? "disable-writeback" : "enable-writeback") ? turn : undefined}
            />
          )}
        </Shown>
      </section>
      <Shown of={agents}>
        {(all) => {
          const there = all.filter((agent) => agent.state !== "revoked");
          const gone = all.filter((agent) => agent.state === "revoked");
          return (
            <>
              {there.length === 0 && <p>{t("console-agents-none")}</p>}
              {there.map((agent) => (
                <Agent key={agent.id} agent={agent} again={agents.again} />
              ))}
              {gone.length > 0 && (
                <details>
                  <summary>{t("app-agents-revoked", { number: gone.length })}</summary>
                  <ul>
                    {gone.map((agent) => (
                      <li key={agent.id}>
                        {agent.name}: <Moment at={agent.revoked_at} />
                      </li>
                    ))}
                  </ul>
                </details>
              )}
            </>
          );
        }}
      </Shown>
      {may(me, "enrol-agent") && <Enrol />}
    </Page>
  );
}

function Agent({ agent, again }: { agent: AgentView; again: () => void }) {
  const me = useMe();
  const path = { agent: agent.id };
  const theirs = may(me, "enrol-agent");
  const turn = async (on: boolean) => {
    await call("PUT /agents/{agent}/writeback", { path, body: { on } });
    again();
  };
  const turns = may(me, agent.writeback_on ? "disable-writeback" : "enable-writeback");
  return (
    <section class="panel agent" aria-labelledby={`agent-${agent.id}`}>
      <div class="row">
        <h2 id={`agent-${agent.id}`}>{agent.name}</h2>
        <Badge text={t(`console-agent-${agent.state}`)} well={isWell(agent.state)} />
      </div>
      <dl class="facts">
        <dt>{t("console-agent-version")}</dt>
        <dd>
          {agent.version} {agent.out_of_date && <Badge text={t("console-agent-version-old")} />}
        </dd>
        <dt>{t("console-agent-seen")}</dt>
        <dd>
          <Moment at={agent.last_seen_at} />
        </dd>
        <dt>{t("app-agents-enrolled")}</dt>
        <dd>
          <Moment at={agent.enrolled_at} />
        </dd>
        <dt>{t("console-agent-forests")}</dt>
        <dd>{agent.forests.join(", ")}</dd>
        <dt>{t("console-agent-pdc")}</dt>
        <dd>
          {agent.controllers.length === 0 && t("console-agent-pdc-unknown")}
          {agent.controllers.map((controller) => (
            <div key={controller.name}>
              {controller.name} {!controller.reachable && <Badge text={t("console-agent-pdc-out")} well={false} />}
            </div>
          ))}
        </dd>
      </dl>
      <Switch
        label={t(agent.writeback_on ? "app-agents-own-on" : "app-agents-own-off")}
        named={agent.name}
        on={agent.writeback_on}
        turn={turns ? turn : undefined}
      />
      {agent.forests_waiting.map((forest) => (
        <Waiting key={forest} agent={agent} forest={forest} theirs={theirs} again={again} />
      ))}
      {agent.removals_held > 0 && (
        <div class="notice notice-error">
          <p>
            {t("console-agent-held")} {agent.removals_held}.{" "}
            {may(me, "read-removals") && <a href={href(`/removals/${agent.id}`)}>{t("app-agents-held-see")}</a>}
          </p>
        </div>
      )}
      {theirs && <Change agent={agent} again={again} />}
    </section>
  );
}

function Waiting({ agent, forest, theirs, again }: { agent: AgentView; forest: string; theirs: boolean; again: () => void }) {
  const action = useAction();
  const allow = () =>
    action.run(async () => {
      await call("POST /agents/{agent}/forests", { path: { agent: agent.id }, body: { forest } });
      again();
    });
  return (
    <div class="notice">
      <div class="row">
        <span>
          {forest}: {t("console-agent-forest-refused")}
        </span>
        {theirs && (
          <button type="button" class="quiet" disabled={action.busy} onClick={allow}>
            {t("console-agent-forest-allow")}
          </button>
        )}
      </div>
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </div>
  );
}

function Change({ agent, again }: { agent: AgentView; again: () => void }) {
  const { fields, set } = useDraft(`rename-${agent.id}`, { name: agent.name });
  const [open, setOpen] = useState(fields.name !== agent.name);
  const action = useAction();
  const path = { agent: agent.id };
  const rename = () =>
    action.run(async () => {
      await call("PUT /agents/{agent}/name", { path, body: { name: fields.name } });
      setOpen(false);
      toast(t("app-agents-renamed", { name: fields.name }));
      again();
    });
  const revoke = async () => {
    const text = t("app-agents-revoke-text", { name: agent.name });
    if (!(await confirmed({ title: t("app-agents-revoke-title"), text, action: t("console-agent-revoke") }))) return;
    await action.run(async () => {
      await call("DELETE /agents/{agent}", { path });
      toast(t("app-agents-revoke-done", { name: agent.name }));
      again();
    });
  };
  const unfit = action.problem?.kind === "agent-name" ? t("app-agents-name-unfit") : undefined;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("app-agents-change")}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void rename();
        }}
      >
        <Field label={t("console-agent-new-name")} value={fields.name} set={(name) => set("name", name)} required maxLength={255} error={unfit} />
        <p class="actions">
          <button type="submit" disabled={action.busy}>
            {t("console-agent-rename")}
          </button>
          <button type="button" class="quiet" disabled={action.busy} onClick={revoke}>
            {t("console-agent-revoke")} …
          </button>
        </p>
      </form>
      {action.problem !== undefined && unfit === undefined && <Fault problem={action.problem} />}
    </details>
  );
}
