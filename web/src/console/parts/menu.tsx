// The way to every page that is theirs.

import { useState } from "preact/hooks";
import { may, useMe } from "../me.ts";
import { PAGES, type PageEntry } from "../pages.ts";
import { href, match, usePlace } from "../router.ts";
import { t } from "../words.ts";

function Link({ entry, current }: { entry: PageEntry; current: boolean }) {
  // One that has not moved in here yet is among the plain pages.
  const address = entry.load === undefined ? (entry.plain ?? "") : href(entry.path);
  return (
    <li>
      <a href={address} aria-current={current ? "page" : undefined}>
        {t(entry.title)}
      </a>
    </li>
  );
}

/** The menu; on a phone behind a button. */
export function Menu() {
  const me = useMe();
  const { path } = usePlace();
  const [open, setOpen] = useState(false);
  const theirs = PAGES.filter((entry) => entry.menu !== false && entry.rights.some((right) => may(me, right)));
  return (
    <>
      <button type="button" class="quiet menu-button" aria-expanded={open} aria-controls="menu-list" onClick={() => setOpen(!open)}>
        {t("app-menu")}
      </button>
      <ul id="menu-list" class={open ? "open" : undefined} onClick={() => setOpen(false)}>
        {theirs.map((entry) => (
          <Link key={entry.path} entry={entry} current={match(entry.path, path) !== undefined} />
        ))}
      </ul>
    </>
  );
}
