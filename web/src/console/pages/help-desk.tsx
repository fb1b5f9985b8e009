// A caller who can pass no gate: a code is sent and read out, or a colleague approves; then they get a temporary pass or a generated password.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CaseView, Pass, Person } from "../generated/api.ts";
import { call } from "../api.ts";
import { useDraft } from "../drafts.ts";
import { useAction, useLoad } from "../load.ts";
import { may, useMe } from "../me.ts";
import { toast } from "../parts/announce.tsx";
import { Field } from "../parts/field.tsx";
import { Moment } from "../parts/moment.tsx";
import { Fault, Loading } from "../parts/told.tsx";
import type { Problem } from "../problem.ts";
import { t, type PlainKey } from "../words.ts";
import { Given } from "./given.tsx";

/** How often it is looked whether a colleague has approved, in milliseconds. */
const EVERY = 5_000;

/** What the API's refusals are called here. */
const REFUSALS: Readonly<Record<string, PlainKey>> = {
  "no-reason": "desk-no-reason",
  "no-address": "desk-no-address",
  "has-address": "desk-has-address",
  "too-many": "desk-too-many",
  "case-closed": "desk-closed",
  "not-helped": "desk-never",
};

/** A refusal in the help desk's own words, where there are some. */
function refusal(problem: Problem | undefined): string | undefined {
  const key = REFUSALS[problem?.kind ?? ""];
  return key === undefined ? undefined : t(key);
}

interface Step {
  readonly of: Person;
  readonly open: CaseView;
  readonly again: () => void;
}

/** How far the help desk is with a person. */
export function HelpDesk({ of }: { of: Person }) {
  const me = useMe();
  const open = useLoad("GET /people/{person}/help-desk/case", { path: { person: of.id } }, { every: EVERY });
  // A pass, and that a password is being given, outlive the case: nobody takes them off the screen but whoever reads them out.
  const [pass, setPass] = useState<Pass>();
  const [giving, setGiving] = useState<string>();
  const never = open.problem?.kind === "not-helped";
  const none = open.problem?.status === 404 || open.value?.passed === true;
  const step = none || never ? undefined : open.value;
  const broken = open.problem !== undefined && !none && !never;
  const end = () => {
    setPass(undefined);
    setGiving(undefined);
    open.again();
  };
  return (
    <section class="panel" aria-labelledby="desk">
      <h2 id="desk">{t("desk-title")}</h2>
      {never && <p>{t("desk-never")}</p>}
      {broken && open.problem !== undefined && <Fault problem={open.problem} again={open.again} />}
      {open.value === undefined && open.problem === undefined && <Loading />}
      {pass !== undefined && <ThePass of={of} pass={pass} end={end} />}
      {giving !== undefined && <Given person={of.id} open={giving} end={end} />}
      {pass === undefined && giving === undefined && (
        <>
          {none && may(me, "help-person") && <Begin of={of} again={open.again} />}
          {step !== undefined && <Case of={of} open={step} again={open.again} made={setPass} give={setGiving} />}
        </>
      )}
    </section>
  );
}

/** Opens a case: by a code where one can reach the person, else by a colleague. */
function Begin({ of, again }: { of: Person; again: () => void }) {
  const { fields, set } = useDraft("help-desk", { reason: "" });
  const action = useAction();
  const byCode = of.addresses.length > 0;
  const path = { person: of.id };
  const begin = () =>
    action.run(async () => {
      const body = { reason: fields.reason.trim() };
      if (byCode) await call("POST /people/{person}/help-desk/codes", { path, body });
      else await call("POST /people/{person}/help-desk/approvals", { path, body });
      set("reason", "");
      toast(t(byCode ? "desk-sent" : "desk-asked"));
      again();
    });
  const error = refusal(action.problem);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void begin();
      }}
    >
      <p>{t(byCode ? "desk-by-code" : "desk-by-colleague")}</p>
      <Field label={t("desk-reason")} value={fields.reason} set={(text) => set("reason", text)} error={error} required maxLength={200} autocomplete="off" id="desk-reason" />
      <p class="actions">
        <button type="submit" class="quiet" disabled={action.busy}>
          {t(byCode ? "desk-send" : "desk-ask")}
        </button>
      </p>
      {action.problem !== undefined && error === undefined && <Fault problem={action.problem} />}
    </form>
  );
}

/** What is to be done with the case that is open, by whom. */
function Case(step: Step & { made: (pass: Pass) => void; give: (open: string) => void }) {
  const me = useMe();
  const { open } = step;
  const until = (
    <p class="hint">
      {t("app-people-case-until")} <Moment at={open.expires_at} />
    </p>
  );
  if (open.own && open.cleared) return <Cleared {...step} until={until} />;
  if (open.own && open.by_code) return <Check {...step} until={until} />;
  if (!open.own && !open.by_code && !open.cleared && may(me, "approve-case")) return <Approve {...step} />;
  return (
    <>
      <p>{t(open.own ? "app-people-waiting" : "desk-elsewhere")}</p>
      {until}
    </>
  );
}

/** The code that the caller reads out. It is no draft: it is short-lived, and nobody's to keep. */
function Check({ of, open, again, until }: Step & { until: ComponentChildren }) {
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState(false);
  const action = useAction();
  const check = () =>
    action.run(async () => {
      const path = { person: of.id, case: open.id };
      const { value } = await call("POST /people/{person}/help-desk/cases/{case}/check", { path, body: { code } });
      const { right } = value;
      setWrong(!right);
      setCode("");
      if (right) toast(t("desk-right"));
      again();
    });
  const error = wrong ? t("desk-wrong") : refusal(action.problem);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void check();
      }}
    >
      <p>{t("desk-code-sent")}</p>
      <Field
        label={t("desk-code")}
        value={code}
        set={(text) => {
          setCode(text);
          setWrong(false);
        }}
        error={error}
        class="code"
        required
        maxLength={16}
        autocomplete="off"
        id="desk-code"
      />
      {until}
      <p class="actions">
        <button type="submit" disabled={action.busy}>
          {t("desk-check")}
        </button>
      </p>
      {action.problem !== undefined && error === undefined && <Fault problem={action.problem} />}
    </form>
  );
}

/** A colleague's case, which waits for somebody who looked. */
function Approve({ of, open, again }: Step) {
  const action = useAction();
  const approve = () =>
    action.run(async () => {
      await call("POST /people/{person}/help-desk/cases/{case}/approval", { path: { person: of.id, case: open.id } });
      toast(t("desk-approved"));
      again();
    });
  const told = refusal(action.problem);
  return (
    <>
      <p>{t("desk-approval", { reason: open.reason })}</p>
      <p class="actions">
        <button type="button" disabled={action.busy} onClick={approve} id="desk-approve">
          {t("desk-approve")}
        </button>
      </p>
      {told !== undefined && <p role="alert">{told}</p>}
      {action.problem !== undefined && told === undefined && <Fault problem={action.problem} />}
    </>
  );
}

/** The caller is who they say: the pass can be made, or a password given. */
function Cleared({ of, open, again, made, give, until }: Step & { made: (pass: Pass) => void; give: (open: string) => void; until: ComponentChildren }) {
  const me = useMe();
  const action = useAction();
  const make = () =>
    action.run(async () => {
      made((await call("POST /people/{person}/help-desk/cases/{case}/pass", { path: { person: of.id, case: open.id } })).value);
      again();
    });
  const told = refusal(action.problem);
  return (
    <>
      <p>{t("desk-cleared")}</p>
      {until}
      <p class="actions">
        <button type="button" disabled={action.busy} onClick={make} id="desk-make">
          {t("desk-make")}
        </button>
      </p>
      {may(me, "reset-password") && (
        <>
          <p>{t("desk-give-lead")}</p>
          <p class="actions">
            <button type="button" class="quiet" disabled={action.busy} onClick={() => give(open.id)} id="desk-give">
              {t("desk-give")}
            </button>
          </p>
        </>
      )}
      {told !== undefined && <p role="alert">{told}</p>}
      {action.problem !== undefined && told === undefined && <Fault problem={action.problem} />}
    </>
  );
}

/** A pass, shown once. It goes with the page: nothing keeps it. */
function ThePass({ of, pass, end }: { of: Person; pass: Pass; end: () => void }) {
  const title = useRef<HTMLHeadingElement>(null);
  // Once: the page around it is drawn anew every few seconds.
  useEffect(() => title.current?.focus(), []);
  return (
    <div class="notice notice-ok" role="group" aria-labelledby="pass-title">
      <h3 id="pass-title" tabIndex={-1} ref={title}>
        {t("desk-pass-title")}
      </h3>
      <p>
        <strong>{t("desk-pass-once")}</strong> {of.display_name}
      </p>
      <p>
        <span class="code" id="pass">
          {pass.pass}
        </span>
      </p>
      <p>
        {t("console-token-valid")} <Moment at={pass.expires_at} />. {t("desk-pass-how")}
      </p>
      <p class="actions">
        <button type="button" class="quiet" onClick={end}>
          {t("app-people-pass-read")}
        </button>
      </p>
    </div>
  );
}
