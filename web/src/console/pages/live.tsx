// The audit as it comes: who watches can hold it back, and hears of it now and then, not of every fact.

import { useEffect, useRef, useState } from "preact/hooks";
import { watched } from "../load.ts";
import { announce } from "../parts/announce.tsx";
import { Badge } from "../parts/badge.tsx";
import { factColumns } from "../parts/facts.tsx";
import { Table } from "../parts/table.tsx";
import { useTail } from "../tail.ts";
import { number, t } from "../words.ts";

/** How often whoever listens is told how many came, in milliseconds. */
const TELL = 10_000;
/** How often it is looked whether anybody is there still, in milliseconds. */
const LOOK = 15_000;

/** The switch, and what came since it was turned on. */
export function Live({ address }: { address: string }) {
  const [on, setOn] = useState(false);
  const [left, setLeft] = useState(false);
  const { tail, pause, goOn, again } = useTail(address, on);
  const came = tail.facts.length + tail.held.length;
  const latest = useRef(came);
  latest.current = came;
  useEffect(() => {
    if (!on) return undefined;
    let told = 0;
    const timer = setInterval(() => {
      if (latest.current > told) announce(t("app-audit-live-came", { number: number(latest.current - told) }));
      told = latest.current;
    }, TELL);
    return () => clearInterval(timer);
  }, [on, address]);
  useEffect(() => {
    if (!on) return undefined;
    setLeft(false);
    // A connection that is made anew is a use of the session, which is to end where nobody is.
    const timer = setInterval(() => {
      if (watched()) return;
      setOn(false);
      setLeft(true);
    }, LOOK);
    return () => clearInterval(timer);
  }, [on]);
  return (
    <section class="panel" id="live-panel">
      <div class="row">
        <h2 id="live">{t("app-audit-live")}</h2>
        {on && <Badge text={t(`app-audit-live-${tail.paused ? "paused" : tail.link}`)} well={tail.link === "live" && !tail.paused ? true : undefined} />}
      </div>
      <p class="actions">
        <button type="button" class="quiet" onClick={() => setOn(!on)} id="live-on">
          {t(on ? "app-audit-live-end" : "app-audit-live-begin")}
        </button>
        {on && (
          <button type="button" class="quiet" aria-pressed={tail.paused} onClick={tail.paused ? goOn : pause} id="live-pause">
            {t(tail.paused ? "app-audit-live-go-on" : "app-audit-live-pause")}
          </button>
        )}
      </p>
      {left && <p>{t("app-audit-live-left")}</p>}
      {tail.held.length > 0 && <p>{t("app-audit-live-held", { number: number(tail.held.length) })}</p>}
      {tail.cut && <p>{t("app-audit-live-cut")}</p>}
      {on && tail.link === "lost" && (
        <div class="notice notice-error" role="alert">
          <p>{t("app-audit-live-refused")}</p>
          <p class="actions">
            <button type="button" class="quiet" onClick={again}>
              {t("app-again")}
            </button>
          </p>
        </div>
      )}
      {(on || tail.facts.length > 0) && (
        <Table label={t("app-audit-live")} rows={tail.facts} id={({ id }) => id} none={t("app-audit-live-none")} columns={factColumns()} />
      )}
    </section>
  );
}
