// A token for a new agent, which is shown once.

import { useState } from "preact/hooks";
import { call } from "../api.ts";
import { useAction } from "../load.ts";
import { Moment } from "../parts/moment.tsx";
import { Fault } from "../parts/told.tsx";
import { href } from "../router.ts";
import { t } from "../words.ts";

/** The button that makes one, and what is to be typed then. The token goes with this page: nothing keeps it. */
export function Enrol() {
  const [made, setMade] = useState<{ token: string; expires_at: string }>();
  const [copied, setCopied] = useState(false);
  const action = useAction();
  const make = () =>
    action.run(async () => {
      setMade((await call("POST /enrolment-tokens", {})).value);
      setCopied(false);
    });
  const copy = (token: string) => navigator.clipboard.writeText(token).then(() => setCopied(true));
  return (
    <section class="panel" aria-labelledby="enrol">
      <h2 id="enrol">{t("console-enrol")}</h2>
      <p>{t("console-enrol-lead")}</p>
      {made !== undefined && (
        <div role="group" aria-label={t("console-token-title")}>
          <p>{t("console-token-lead")}</p>
          <p>
            <kbd>ritorno-agent enrol TOKEN</kbd>
          </p>
          <textarea class="code" rows={5} readOnly aria-label={t("console-token-title")} value={made.token} id="token" />
          <p>
            {t("console-token-valid")} <Moment at={made.expires_at} />
          </p>
          <p class="actions">
            <button type="button" class="quiet" onClick={() => copy(made.token)}>
              {t(copied ? "copied" : "copy")}
            </button>
          </p>
        </div>
      )}
      <p class="actions">
        <button type="button" disabled={action.busy} onClick={make} id="make-token">
          {t("console-enrol-submit")}
        </button>
      </p>
      {action.problem !== undefined && <Fault problem={action.problem} />}
      <p>
        <a href={href("/onboarding")}>{t("console-onboarding")}</a>
      </p>
    </section>
  );
}
