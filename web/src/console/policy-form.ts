// The policy of self-service as a form has it: text in fields, and back.

import type { Gates, GateMethod, MethodView, SsprPolicy } from "./generated/api.ts";

/** Gates as a form has them; the methods with a blank between them, what the pages begin with first. */
export interface GateFields {
  readonly gates: string;
  readonly first: string;
  readonly methods: string;
  readonly toRegister: string;
  readonly sameTwice: string;
}

/** Gates into fields. */
export function gateFields(of: Gates): GateFields {
  return {
    gates: String(of.gates),
    first: of.methods[0] ?? "",
    methods: of.methods.join(" "),
    toRegister: String(of.to_register),
    sameTwice: of.must_differ ? "" : "on",
  };
}

/** The names in a field, once each. */
export function names(field: string): GateMethod[] {
  return [...new Set(field.split(" ").filter((name) => name !== ""))] as GateMethod[];
}

/** The field after one method was ticked or not. */
export function ticked(field: string, method: GateMethod, on: boolean): string {
  const others = names(field).filter((name) => name !== method);
  return (on ? [...others, method] : others).join(" ");
}

/** The methods with which the pages can begin: ticked, and such as open the first gate. */
export function firsts(field: string, known: readonly MethodView[]): GateMethod[] {
  const opens = new Set(known.filter((method) => method.opens_first).map(({ name }) => name));
  return names(field).filter((name) => opens.has(name));
}

/** Fields into gates; what the pages begin with comes first. */
export function gates(of: GateFields): Gates {
  const all = names(of.methods);
  const first = all.includes(of.first as GateMethod) ? [of.first as GateMethod] : [];
  return {
    gates: Number(of.gates),
    methods: [...new Set([...first, ...all])],
    to_register: Number(of.toRegister),
    must_differ: of.sameTwice !== "on",
  };
}

/** Numbers of days, as people write them in one line; `undefined` where one is none. */
export function days(text: string): number[] | undefined {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  return parts.every((part) => /^\d{1,4}$/.test(part)) ? parts.map(Number) : undefined;
}

/** What is on lines of its own. */
export function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** Groups by what they are called, one on a line, and those that are gone by their id. One that is named already stays that very one. */
export function groupsOf(text: string, before: SsprPolicy["only_groups"]): SsprPolicy["only_groups"] {
  const named = lines(text);
  if (named.length === 0) return null;
  return named.map((name) => before?.find((group) => (group.name ?? group.id) === name) ?? { id: null, name });
}

/** The same into the field. */
export function groupLines(of: SsprPolicy["only_groups"]): string {
  return (of ?? []).map((group) => group.name ?? group.id ?? "").join("\n");
}
