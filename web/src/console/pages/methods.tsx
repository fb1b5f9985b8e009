// What a person registered, and what of it is taken back.

import type { MethodName, Person, Registered } from "../generated/api.ts";
import { call } from "../api.ts";
import { useAction } from "../load.ts";
import { may, useMe } from "../me.ts";
import { toast } from "../parts/announce.tsx";
import { confirmed } from "../parts/confirm.tsx";
import { Fault } from "../parts/told.tsx";
import { number, t, type PlainKey } from "../words.ts";

/** A kind of what is registered: what it is called, what takes it back, and how much of it there is. */
const KINDS: readonly (readonly [MethodName, PlainKey, PlainKey, (of: Registered) => number | boolean])[] = [
  ["app", "method-app", "revoke-app", (of) => of.app],
  ["passkey", "method-passkey", "revoke-passkeys", (of) => of.passkeys],
  ["recovery-code", "method-recovery", "revoke-recovery-codes", (of) => of.recovery_codes],
  ["questions", "method-questions", "revoke-questions", (of) => of.questions],
  ["mail", "app-people-mail", "revoke-mail", (of) => of.mail],
  ["sms", "app-people-sms", "revoke-sms", (of) => of.sms],
];

/** Everything that can be registered. */
export function Methods({ of, again }: { of: Person; again: () => void }) {
  const me = useMe();
  const action = useAction();
  const revoke = async (method: MethodName, asks: PlainKey) => {
    if (!(await confirmed({ title: `${t(asks)}?`, text: t("revoke-lead"), action: t(asks) }))) return;
    await action.run(async () => {
      await call("DELETE /people/{person}/methods/{method}", { path: { person: of.id, method } });
      toast(t("revoke-done"));
    });
    // Also after a refusal: it may have gone another way.
    again();
  };
  return (
    <section class="panel" aria-labelledby="methods">
      <h2 id="methods">{t("app-people-methods")}</h2>
      {KINDS.map(([method, name, asks, count]) => {
        const there = count(of.registered);
        const some = there !== false && there !== 0;
        return (
          <div class="row" key={method}>
            <span>
              {t(name)}: {typeof there === "number" && some ? number(there) : t(some ? "console-person-questions-there" : "console-person-questions-none")}
            </span>
            {some && may(me, "revoke-methods") && (
              <button type="button" class="quiet" disabled={action.busy} onClick={() => revoke(method, asks)} id={`revoke-${method}`}>
                {t(asks)} …
              </button>
            )}
          </div>
        );
      })}
      {action.problem !== undefined && <Fault problem={action.problem} />}
    </section>
  );
}
