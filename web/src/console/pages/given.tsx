// Gives a generated password in the place of a temporary pass, and shows it once, with how it is read aloud.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../api.ts";
import { useAction } from "../load.ts";
import { Fault, Loading } from "../parts/told.tsx";
import { t } from "../words.ts";
import { spelled } from "../../spell.ts";
import type { Ended, Giver, Offer } from "../give-password.ts";

/**
 * The way from the offer to a password that is read out.
 *
 * @param props `open`: the id of the case by which it is given
 */
export function Given({ person, open, end }: { person: string; open: string; end: () => void }) {
  const [giver, setGiver] = useState<Giver>();
  const [ended, setEnded] = useState<Ended>();
  const action = useAction();
  const offer = () =>
    action.run(async () => {
      setEnded(undefined);
      const { value } = await call("GET /people/{person}/password", { path: { person }, query: { case: open } });
      // What makes and seals passwords is loaded where one is given, and nowhere else.
      const { Giver } = await import("../give-password.ts");
      setGiver(new Giver(value as unknown as Offer));
    });
  useEffect(() => void offer(), [person, open]);
  const give = () => action.run(async () => void (giver !== undefined && setEnded(await giver.give())));
  const shown = ended?.kind === "done" || ended?.kind === "unknown" ? ended : undefined;
  const over = ended?.kind === "untrusted" || (ended?.kind === "refused" && !ended.again);
  const told = action.problem?.kind === "case-closed" ? t("desk-closed") : action.problem?.kind === "not-now" ? action.problem.detail : undefined;
  return (
    <div role="group" aria-labelledby="give-title">
      <h3 id="give-title">{t("give-title")}</h3>
      {giver === undefined && action.problem === undefined && <Loading />}
      {giver !== undefined && shown === undefined && (
        <p>
          {t(giver.offer.sealed ? "give-lead-sealed" : "give-lead-kept")} {t("give-lead")}
        </p>
      )}
      {ended?.kind === "refused" && <Refused text={ended.message} />}
      {ended?.kind === "untrusted" && <Refused text={t("password-untrusted")} />}
      {action.problem !== undefined && (told === undefined ? <Fault problem={action.problem} /> : <Refused text={told} />)}
      <p role="status">{action.busy && giver !== undefined && t("give-working")}</p>
      {shown !== undefined && <Password of={shown} />}
      <p class="actions">
        {giver !== undefined && shown === undefined && !over && (
          <button type="button" disabled={action.busy} onClick={give} id="give">
            {t("give-submit")}
          </button>
        )}
        {over && (
          <button type="button" disabled={action.busy} onClick={offer}>
            {t("app-again")}
          </button>
        )}
        <button type="button" class="quiet" disabled={action.busy} onClick={end}>
          {t(shown === undefined ? "app-cancel" : "app-people-pass-read")}
        </button>
      </p>
      {giver !== undefined && (
        <p>
          {t("support-code")} <span class="code">{giver.offer.support_code}</span>
        </p>
      )}
    </div>
  );
}

function Refused({ text }: { text: string }) {
  return (
    <div class="notice notice-error" role="alert">
      <p>{text}</p>
    </div>
  );
}

/** The password, once, with how it is read aloud. */
function Password({ of }: { of: { kind: "done" | "unknown"; password: string; message: string | undefined } }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const words = { letters: t("spelling-letters").split(" "), digits: t("spelling-digits").split(" "), capital: t("spelling-capital") };
  return (
    <>
      <div class={`notice ${of.kind === "done" ? "notice-ok" : "notice-error"}`} role="status">
        <p>{of.message ?? t("give-unknown")}</p>
      </div>
      <h4 tabIndex={-1} ref={title}>
        {t("give-read")}
      </h4>
      <p>
        <span class="code" id="given-password">
          {of.password}
        </span>
      </p>
      <ol id="given-spelled">
        {spelled(of.password, words).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ol>
      <p>{t("give-dashes")}</p>
    </>
  );
}
