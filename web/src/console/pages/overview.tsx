// How the tenant stands.

import { useLoad } from "../load.ts";
import { Page } from "../parts/page.tsx";
import { Shown } from "../parts/told.tsx";
import { number, t } from "../words.ts";

/** The page. */
export default function Overview() {
  const overview = useLoad("GET /overview", {});
  return (
    <Page title={t("app-overview-title")}>
      <Shown of={overview}>{(shown) => <p>{number(shown.agents)}</p>}</Shown>
    </Page>
  );
}
