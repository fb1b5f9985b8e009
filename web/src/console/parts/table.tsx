// A table that scrolls by itself where the page is narrow, and grows by a page at a time.

import type { ComponentChildren } from "preact";
import type { Listed } from "../load.ts";
import { number, t } from "../words.ts";
import { Fault, Loading } from "./told.tsx";

/** A column. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Whether it is a number, which stands at the end. */
  readonly numeric?: boolean;
}

interface Told<T> {
  /** What the table is, for who does not see where it stands. */
  readonly label: string;
  /** The first one names the row. */
  readonly columns: readonly Column<T>[];
  readonly id: (row: T) => string;
  /** What is told if there is nothing. */
  readonly none: string;
}

/** A table of what is there. */
export function Table<T>({ label, columns, id, none, rows }: Told<T> & { rows: readonly T[] }) {
  if (rows.length === 0) return <p>{none}</p>;
  return (
    <div class="table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={column.numeric ? "number" : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map((column, at) =>
                at === 0 ? (
                  <th key={column.head} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.head} class={column.numeric ? "number" : undefined}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A table of a list of the API's, with a button for what follows. */
export function Listing<T>({ list, ...told }: Told<T> & { list: Listed<T> }) {
  const { items, problem, more, busy } = list;
  return (
    <>
      {items !== undefined && <Table {...told} rows={items} />}
      {problem !== undefined && <Fault problem={problem} again={list.again} />}
      {items === undefined && problem === undefined && <Loading />}
      {items !== undefined && items.length > 0 && (
        <p class="paging">
          <span role="status">{t("app-shown", { number: number(items.length) })}</span>{" "}
          {more !== undefined && (
            <button type="button" class="quiet" disabled={busy} onClick={more}>
              {t("app-more")}
            </button>
          )}
        </p>
      )}
    </>
  );
}
