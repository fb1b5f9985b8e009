// Every page of the console: where it is, whose it is, and what loads it. README.md says how one is added.

import type { FunctionComponent } from "preact";
import type { Right } from "./me.ts";
import type { PlainKey } from "./words.ts";

/** What a page gets: what its path says at the places of its pattern, such as `:agent`. */
export interface PageProps {
  readonly parts: Readonly<Record<string, string>>;
}

/** A page. */
export interface PageEntry {
  /** Its path below `/console/app`, with `:name` for a part that differs. */
  readonly path: string;
  readonly title: PlainKey;
  /** Of these rights one makes it theirs to see. */
  readonly rights: readonly Right[];
  /** Loads it; a page without is among the plain ones still. */
  readonly load?: () => Promise<{ default: FunctionComponent<PageProps> }>;
  /** Where the plain page is, if there is one. */
  readonly plain?: string;
  /** `false` for one that other pages lead to. */
  readonly menu?: false;
}

export const PAGES: readonly PageEntry[] = [
  { path: "/", title: "app-overview-title", rights: ["read-tenant"], load: () => import("./pages/overview.tsx") },
  { path: "/people", title: "app-people-title", rights: ["read-users"], load: () => import("./pages/people.tsx") },
  { path: "/people/:person", title: "app-people-person", rights: ["read-users"], load: () => import("./pages/person.tsx"), menu: false },
  { path: "/support-codes/:code", title: "support-code", rights: ["read-timeline"], load: () => import("./pages/support-code.tsx"), menu: false },
  { path: "/agents", title: "console-agents", rights: ["read-tenant"], load: () => import("./pages/agents.tsx") },
  { path: "/removals/:agent", title: "console-removals-title", rights: ["read-removals"], load: () => import("./pages/removals.tsx"), menu: false },
  { path: "/onboarding", title: "console-onboarding", rights: ["enable-writeback"], load: () => import("./pages/onboarding.tsx") },
  { path: "/directories", title: "app-directories-title", rights: ["read-tenant"], load: () => import("./pages/directories.tsx") },
  { path: "/sync", title: "sync-title", rights: ["read-tenant"], load: () => import("./pages/sync.tsx") },
  { path: "/doctor", title: "doctor-title", rights: ["read-tenant"], load: () => import("./pages/doctor.tsx") },
  { path: "/sspr", title: "app-sspr-title", rights: ["read-tenant"], load: () => import("./pages/sspr.tsx") },
  { path: "/look", title: "app-look-title", rights: ["read-tenant"], load: () => import("./pages/look.tsx") },
  { path: "/licences", title: "app-licences-title", rights: ["read-licences"], load: () => import("./pages/licences.tsx") },
  { path: "/audit", title: "app-audit-title", rights: ["read-audit"], load: () => import("./pages/audit.tsx") },
  { path: "/guide", title: "app-guide-title", rights: ["read-tenant"], load: () => import("./pages/guide.tsx") },
];
