// What the audit is filtered by, and the addresses of what is filtered so.

/** The fields of a filter, as the API names them. */
export const FIELDS = ["person", "activity", "success", "since", "until"] as const;

/** A filter; what is empty lets all through. */
export type Filter = Readonly<Record<(typeof FIELDS)[number], string>>;

/** What of a filter says something, as the API takes it. */
export function said(filter: Filter): Partial<Filter> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
}

/** The address of the facts that a filter lets through, below the API's audit. */
export function address(below: "export" | "tail", filter: Filter, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({ ...more, ...said(filter) }).toString();
  return `/api/v1/audit/${below}${query === "" ? "" : `?${query}`}`;
}
