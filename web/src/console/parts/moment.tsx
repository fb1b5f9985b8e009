// A point in time.

import { moment, t } from "../words.ts";

/** A point in time, for people and machines; that it never was, if there is none. */
export function Moment({ at }: { at: string | null | undefined }) {
  return at == null ? <>{t("console-never")}</> : <time dateTime={at}>{moment(at)}</time>;
}
