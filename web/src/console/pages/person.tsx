// One person: what there is of them, what is taken back from them, how they are helped, and what happened around them.

import type { Person as Shape } from "../generated/api.ts";
import { call } from "../api.ts";
import { useAction, useLoad, type Loaded } from "../load.ts";
import { may, useMe } from "../me.ts";
import type { PageProps } from "../pages.ts";
import { toast } from "../parts/announce.tsx";
import { Badge } from "../parts/badge.tsx";
import { Page } from "../parts/page.tsx";
import { Fault, Shown } from "../parts/told.tsx";
import { href } from "../router.ts";
import { known, t } from "../words.ts";
import { InDirectory } from "./account.tsx";
import { HelpDesk } from "./help-desk.tsx";
import { Methods } from "./methods.tsx";
import { Timeline } from "./timeline.tsx";

/** The page. */
export default function Person({ parts }: PageProps) {
  const me = useMe();
  const id = parts.person ?? "";
  const person = useLoad("GET /people/{person}", { path: { person: id } });
  return (
    <Page title={person.value?.display_name ?? t("app-people-person")}>
      <p>
        <a href={href("/people")}>{t("app-people-title")}</a>
      </p>
      <Shown of={person}>
        {(there) => (
          <>
            <Facts of={there} />
            {may(me, "lift-stop") && <Lift of={person} />}
            {there.directory != null && <InDirectory person={there.id} />}
            <Methods of={there} again={person.again} />
            {(may(me, "help-person") || may(me, "approve-case")) && <HelpDesk of={there} />}
            {may(me, "read-timeline") && <Timeline person={there.id} />}
          </>
        )}
      </Shown>
    </Page>
  );
}

function Facts({ of }: { of: Shape }) {
  return (
    <dl class="facts">
      <dt>{t("app-people-principal")}</dt>
      <dd>{of.user_principal_name}</dd>
      <dt>{t("console-person-state")}</dt>
      <dd>
        <Badge text={t(of.enabled ? "console-person-enabled" : "console-person-disabled")} well={of.enabled} />
      </dd>
      <dt>{t("console-person-mastered")}</dt>
      <dd>
        {of.directory == null
          ? t("console-person-cloud-only")
          : t("app-people-from", { account: `${of.directory.domain}\\${of.directory.account_name}`, forest: of.directory.forest })}
      </dd>
      <dt>{t("console-person-may")}</dt>
      <dd>
        {of.refused == null ? (
          <Badge text={t("console-person-may-yes")} well />
        ) : (
          <>
            <span class="code">{of.refused}</span> {known(`sspr-${of.refused.replace("SSPR_", "")}`) ?? ""}
          </>
        )}
      </dd>
      <dt>{t("console-person-mail")}</dt>
      <dd>
        {of.addresses.length === 0 && t("console-person-mail-none")}
        {of.addresses.map((address) => (
          <div key={address}>{address}</div>
        ))}
      </dd>
    </dl>
  );
}

function Lift({ of }: { of: Loaded<Shape> }) {
  const action = useAction();
  const person = of.value?.id ?? "";
  const lift = () =>
    action.run(async () => {
      await call("POST /people/{person}/lift", { path: { person } });
      toast(t("console-person-lifted"));
      of.again();
    });
  return (
    <>
      <p class="actions">
        <button type="button" class="quiet" disabled={action.busy} onClick={lift} id="lift">
          {t("console-person-lift")}
        </button>
      </p>
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </>
  );
}
