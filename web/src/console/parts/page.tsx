// A page: its heading, which names the document and takes the focus after a navigation, and what it shows.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { announce } from "./announce.tsx";

const organisation = document.title.split(" · ").pop() ?? "";
/** Whether the next page comes by a navigation in here: the first one leaves the focus where the browser puts it. */
let moved = false;

/** Says that another place is shown from now on. */
export function arrived(): void {
  moved = true;
}

/** Everything that a page shows. `title` is its heading. */
export function Page({ title, children }: { title: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = organisation === "" ? title : `${title} · ${organisation}`;
    if (!moved) return;
    moved = false;
    heading.current?.focus();
    announce(title);
  }, [title]);
  return (
    <>
      <h1 tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {children}
    </>
  );
}
