// The administrators' console: loads the words and who is signed in, and shows the page of the address.

import { render, type FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Me } from "./generated/api.ts";
import { call } from "./api.ts";
import { problemFrom, prove } from "./load.ts";
import { may, SignedIn } from "./me.ts";
import { PAGES, type PageProps } from "./pages.ts";
import { Announcements } from "./parts/announce.tsx";
import { Confirmations } from "./parts/confirm.tsx";
import { Menu } from "./parts/menu.tsx";
import { arrived, Page } from "./parts/page.tsx";
import { Fault, Loading } from "./parts/told.tsx";
import type { Problem } from "./problem.ts";
import { go, href, match, route, usePlace } from "./router.ts";
import { speak, t } from "./words.ts";

/** The page of a path, and what its pattern finds there. */
function find(path: string) {
  for (const entry of PAGES) {
    const parts = match(entry.path, path);
    if (parts !== undefined) return { entry, parts };
  }
  return undefined;
}

/** What is shown once it is loaded, for which path. */
interface Current {
  readonly path: string;
  readonly page?: FunctionComponent<PageProps>;
  readonly parts: PageProps["parts"];
  readonly problem?: Problem;
}

function Content({ me }: { me: Me }) {
  const { path } = usePlace();
  const [current, setCurrent] = useState<Current>();
  useEffect(() => {
    let left = false;
    const show = (next: Current) => {
      if (left) return;
      setCurrent((before) => {
        if (before !== undefined && before.path !== path) arrived();
        return next;
      });
    };
    const found = find(path);
    const theirs = found?.entry.rights.some((right) => may(me, right)) === true;
    if (path === "/" && !theirs) {
      const first = PAGES.find((entry) => entry.menu !== false && entry.rights.some((right) => may(me, right)));
      if (first?.load !== undefined) go(href(first.path), { replace: true });
      else if (first?.plain !== undefined) location.replace(first.plain);
    } else if (found?.entry.load === undefined) {
      if (found?.entry.plain !== undefined) location.replace(found.entry.plain);
      else show({ path, parts: {} });
    } else {
      found.entry.load().then(
        ({ default: page }) => show({ path, page, parts: found.parts }),
        (error: unknown) => show({ path, parts: {}, problem: problemFrom(error) }),
      );
    }
    return () => {
      left = true;
    };
  }, [path, me]);
  if (current === undefined) return <Loading />;
  if (current.problem !== undefined) return <Fault problem={current.problem} again={() => location.reload()} />;
  if (current.page === undefined) {
    return (
      <Page title={t("app-missing-title")}>
        <p>{t("app-missing")}</p>
      </Page>
    );
  }
  const Shown = current.page;
  return <Shown key={current.path} parts={current.parts} />;
}

/** Where the server's frame has room for the console's menu and for its pages. */
function places(): { menu: Element; content: Element } {
  const [menu, content] = [document.getElementById("app-menu"), document.getElementById("app")];
  if (menu === null || content === null) throw new Error("this is not the console's page");
  return { menu, content };
}

async function start(): Promise<void> {
  const { menu, content } = places();
  await speak(document.documentElement.lang);
  route();
  content.replaceChildren();
  try {
    const { value: me } = await call("GET /me", {});
    render(
      <SignedIn value={me}>
        <Menu />
      </SignedIn>,
      menu,
    );
    render(
      <SignedIn value={me}>
        <Announcements />
        <Confirmations />
        <Content me={me} />
      </SignedIn>,
      content,
    );
  } catch (error) {
    const problem = problemFrom(error);
    if (problem.asksForProof) prove(problem);
    else render(<Fault problem={problem} again={() => location.reload()} />, content);
  }
}

void start();
