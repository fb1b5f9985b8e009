// An agent shows a code: whoever types it here switches its writeback on, and the tenant's.

import { useState } from "preact/hooks";
import { call } from "../api.ts";
import { useAction } from "../load.ts";
import { Field } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Fault } from "../parts/told.tsx";
import { href } from "../router.ts";
import { t } from "../words.ts";

/** The page. The code is no draft: it is short-lived, and read from the agent's screen again. */
export default function Onboarding() {
  const [code, setCode] = useState("");
  const [done, setDone] = useState(false);
  const action = useAction();
  const confirm = () =>
    action.run(async () => {
      setDone(false);
      await call("POST /onboarding/confirmations", { body: { code } });
      setCode("");
      setDone(true);
    });
  const kind = action.problem?.kind;
  const error = kind === "code" ? t("console-onboarding-unknown") : kind === "too-many" ? t("console-onboarding-too-many") : undefined;
  return (
    <Page title={t("console-onboarding")}>
      <p>{t("console-onboarding-lead")}</p>
      <div role="status">
        {done && (
          <div class="notice notice-ok">
            <p>
              <strong>{t("console-onboarding-done")}</strong> <a href={href("/agents")}>{t("console-agents")}</a>
            </p>
          </div>
        )}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <Field label={t("console-onboarding-code")} value={code} set={setCode} error={error} class="code" required maxLength={32} autocomplete="off" id="code" />
        <p class="actions">
          <button type="submit" disabled={action.busy}>
            {t("console-onboarding-submit")}
          </button>
        </p>
      </form>
      {action.problem !== undefined && error === undefined && <Fault problem={action.problem} />}
    </Page>
  );
}
