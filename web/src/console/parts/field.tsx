// A field of a form with its label, its hint and what is wrong with it, tied together for screen readers.

import type { JSX } from "preact";
import { useId } from "preact/hooks";

/** What every kind of field has. */
interface Common {
  readonly label: string;
  readonly value: string;
  readonly set: (text: string) => void;
  readonly hint?: string | undefined;
  /** What is wrong with what was typed. */
  readonly error?: string | undefined;
  /** Its id, if something else leads to it. */
  readonly id?: string | undefined;
}

/** What a line of text can have of an `input`. */
interface Line {
  readonly type?: "text" | "search" | "number" | "url" | "email" | "date";
  readonly autocomplete?: "off" | "one-time-code";
  readonly inputMode?: "numeric" | "text";
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
  readonly class?: string;
}

function described({ hint, error }: Common, id: string) {
  const parts = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean);
  return parts.length === 0 ? {} : { "aria-describedby": parts.join(" ") };
}

function Around({ common, id, children }: { common: Common; id: string; children: JSX.Element }) {
  return (
    <div class="field">
      <label for={id}>{common.label}</label>
      {common.hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {common.hint}
        </p>
      )}
      {children}
      {common.error !== undefined && (
        <p class="field-error" id={`${id}-error`} role="alert">
          {common.error}
        </p>
      )}
    </div>
  );
}

/** A line of text. */
export function Field(all: Common & Line) {
  const { label, value, set, hint, error, id, type = "text", ...own } = all;
  const made = useId();
  const name = id ?? made;
  return (
    <Around common={{ label, value, set, hint, error }} id={name}>
      <input
        {...own}
        // The types of inputs differ by this, and nothing that stands here does.
        type={type as "text"}
        id={name}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
        {...(error !== undefined && { "aria-invalid": "true" as const })}
        {...described(all, name)}
      />
    </Around>
  );
}

/** Several lines of text. */
export function Lines(all: Common & { rows?: number; maxLength?: number }) {
  const { label, value, set, hint, error, id, ...own } = all;
  const made = useId();
  const name = id ?? made;
  return (
    <Around common={{ label, value, set, hint, error }} id={name}>
      <textarea
        {...own}
        id={name}
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
        {...(error !== undefined && { "aria-invalid": "true" as const })}
        {...described(all, name)}
      />
    </Around>
  );
}

/** One of several. */
export function Choice(all: Common & { options: readonly (readonly [value: string, text: string])[] }) {
  const { label, value, set, hint, error, id, options } = all;
  const made = useId();
  const name = id ?? made;
  return (
    <Around common={{ label, value, set, hint, error }} id={name}>
      <select id={name} value={value} onChange={(event) => set(event.currentTarget.value)} {...described(all, name)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </Around>
  );
}

/** On or off. */
export function Tick({ label, on, set, disabled = false }: { label: string; on: boolean; set: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label>
      <input type="checkbox" checked={on} disabled={disabled} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  );
}
