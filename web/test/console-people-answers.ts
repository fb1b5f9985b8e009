// What the API says of one person in the tests of the console's pages about people.

import { problem, type Said } from "./console-server.ts";

export const ANNA = "5d0c1f0e-93a4-4a3e-8a44-2f57b0d43a11";
export const CASE = "0a6f1c1c-3bb1-4b6e-9a55-6d1d2f0a7c22";
export const CODE = "7K2QM-9XW4D";

const ok = (body: unknown): Said => ({ status: 200, body });

export const line = { id: ANNA, user_principal_name: "anna.rossi@contoso.test", display_name: "Anna Rossi", enabled: true };

/** A case of the help desk, with what is otherwise about it. */
export const open = (more: object = {}): Said =>
  ok({ id: CASE, own: true, reason: "lost her telephone", by_code: true, cleared: false, passed: false, expires_at: "2026-11-28T01:00:00Z", ...more });

const fact = {
  id: "11111111-93a4-4a3e-8a44-2f57b0d43a11", at: "2026-11-28T00:30:00Z", activity: "Reset password (self-service)", actor: "user",
  actor_id: ANNA, actor_name: "anna.rossi@contoso.test", target: "anna.rossi@contoso.test", target_id: ANNA, from: "203.0.113.0/24",
  success: "failure", reason: "minimum_length", support_code: CODE, correlation: "c1", request: "22222222-93a4-4a3e-8a44-2f57b0d43a11",
};

const request = {
  id: "22222222-93a4-4a3e-8a44-2f57b0d43a11", at: "2026-11-28T00:29:59Z", updated_at: "2026-11-28T00:30:00Z", operation: "reset", state: "finished",
  outcome: { result: "refused", reason: "minimum_length", dc: "dc1.contoso.test", detail: "0000052D", agent_ms: 40, directory_ms: 31 },
  agent_id: ANNA, agent: "Verona 1", by_administrator: false, settled: false, support_code: CODE,
};

/** More of the same, as a page of a list has them. */
export const facts = (many: number, from = 0) =>
  Array.from({ length: many }, (_, at) => ({ ...fact, id: `f${from + at}`, actor: "administrator", actor_name: "ellen", actor_id: "e1", success: "success", reason: "", support_code: null }));

/** What the API answers about her, by `METHOD path`. */
export function people(): Map<string, Said> {
  return new Map<string, Said>([
    ["GET /people", ok({ items: [line, { ...line, id: "other", display_name: "Luca Verdi", user_principal_name: "luca.verdi@contoso.test", enabled: false }], next: "after-luca" })],
    [`GET /people/${ANNA}`, ok({
      ...line, directory: { forest: "contoso.test", domain: "CONTOSO", account_name: "anna" }, refused: "SSPR_0012", addresses: ["a***@example.test"],
      registered: { mail: true, sms: false, app: true, passkeys: 2, recovery_codes: 0, questions: false },
    })],
    [`GET /people/${ANNA}/help-desk/case`, problem("not-found", 404)],
    [`GET /people/${ANNA}/directory`, ok({
      locked: true, disabled: false, password_expires_at: "2026-12-24T00:00:00Z",
      policy: { source: "pso", pso: "Staff", minimum_length: 14, complexity: true, history: 24, enforced_on_reset: true, not_before: "2026-11-29T00:00:00Z" },
    })],
    [`GET /people/${ANNA}/timeline`, ok({ items: [{ kind: "fact", ...fact }, { kind: "request", ...request }], next: null })],
    [`GET /support-codes/${CODE}`, ok({
      code: CODE, person: line, requests: [request], facts: [fact],
      flow: { purpose: "reset", state: "finished", gates: 2, passed: ["mail"], started_at: "2026-11-28T00:20:00Z", expires_at: "2026-11-28T00:50:00Z" },
    })],
    ["GET /audit", ok({ items: [fact, ...facts(2)], next: "older" })],
  ]);
}
