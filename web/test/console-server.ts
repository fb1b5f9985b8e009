// A server of these tests': the console's page and its script, and an API that answers what a test has said.

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** As `crates/http/src/page.rs` has it. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const AGENT = "1309ac3f-4e41-4128-a0fb-f259ae492bb6";

/** An answer: its status, its body, its headers. */
export interface Said {
  readonly status: number;
  readonly body?: unknown;
  /** In the place of a body: events, as they travel. */
  readonly events?: string;
  readonly headers?: Record<string, string>;
}

export const problem = (kind: string, status: number, more: object = {}): Said => ({
  status,
  body: { type: `urn:ritorno:problem:${kind}`, title: "No", status, detail: "Because it is so.", ...more },
});

/** Everything that a global administrator may, as the API names it. */
export const RIGHTS = [
  "enable-writeback", "disable-writeback", "enrol-agent", "change-tenant", "read-removals", "approve-removals", "change-guard", "read-licences",
  "manage-administrators", "read-audit", "read-users", "read-tenant", "lift-stop", "help-person", "approve-case", "revoke-methods", "reset-password",
];

const run = (id: number, profile: string, outcome = "succeeded") => ({
  id, profile, outcome, started_at: "2026-11-28T00:00:00Z", ended_at: "2026-11-28T00:00:02.5Z", adds: 3, updates: 1, deletes: 0, errors: 0,
  anchors: 0, anchors_refused: 0, server: "dc1.contoso.test", note: null,
});

/** What the API answers unless a test says otherwise, by `METHOD path`. */
export function usual(): Map<string, Said> {
  const ok = (body: unknown, tag?: string): Said => ({ status: 200, body, ...(tag !== undefined && { headers: { ETag: tag } }) });
  return new Map<string, Said>([
    ["GET /me", ok({ name: "ellen", role: "global", scope: null, tenant: { id: AGENT, name: "Contoso" }, language: "en", may: RIGHTS, fresh: true, fresh_until: null, token: null })],
    ["GET /overview", ok({ organisation: "Contoso", version: "0.1.0", standing: "ready", agents: 2, agents_running: 1, only_groups: ["Staff"] })],
    ["GET /switches", ok(["sspr", "writeback", "unlock", "forbid-names", "require-registration", "notify-administrators", "registration-mails"].map((name, at) => ({ name, on: at % 2 === 0 })))],
    ["GET /switches/writeback", ok({ name: "writeback", on: true }, '"w1"')],
    ["PUT /switches/writeback", ok({ name: "writeback", on: false }, '"w2"')],
    ["GET /agents", ok([
      { id: AGENT, name: "Verona 1", state: "running", version: "0.1.0", out_of_date: false, writeback_on: true, forests: ["contoso.test"], forests_waiting: ["fabrikam.test"], controllers: [{ name: "dc1.contoso.test", reachable: true }, { name: "dc2.contoso.test", reachable: false }], removals_held: 2, enrolled_at: "2026-11-01T08:00:00Z", last_seen_at: "2026-11-28T00:00:00Z" },
      { id: "78382582-2a6f-4e62-9a21-90e828e4c9d3", name: "Milano 1", state: "away", version: "0.0.9", out_of_date: true, writeback_on: false, forests: [], forests_waiting: [], controllers: [], removals_held: 0, enrolled_at: "2026-11-01T08:00:00Z" },
      { id: "88382582-2a6f-4e62-9a21-90e828e4c9d3", name: "Roma 1", state: "revoked", version: "0.0.9", out_of_date: false, writeback_on: false, forests: [], forests_waiting: [], controllers: [], removals_held: 0, enrolled_at: "2026-11-01T08:00:00Z", revoked_at: "2026-11-02T08:00:00Z" },
    ])],
    ["GET /sync", ok([{ agent: AGENT, name: "Verona 1", received_at: "2026-11-28T00:00:00Z", fresh: true, mode: "active", suspended: false, connectors: [{ name: "contoso.test", scope: [], groups: ["OU=Groups,DC=contoso,DC=test"], objects: 120, joined: 110, out_of_scope: 9, faulty: 1, pending_adds: 0, pending_updates: 2, pending_deletes: 0, pending_members: 0, refused: 0, overdue: false, cycled_at: "2026-11-28T00:00:00Z", held: { digest: "d", since: "2026-11-28T00:00:00Z", number: 12, because: "12 of 110 people" }, runs: [run(2, "export"), run(1, "full-import", "failed")] }] }])],
    ["GET /deletion-guard", ok({ removals: 500, percent: 10, memberships: 5000 }, '"g1"')],
    ["GET /doctor", ok([{ agent: AGENT, name: "Verona 1", received_at: "2026-11-28T00:00:00Z", fresh: true, checks: [{ id: "pdc-emulator", verdict: "pass", evidence: ["dc1.contoso.test answers in 2 ms"], cause: null, fixes: [] }, { id: "clock-skew", verdict: "fail", evidence: ["the clocks differ by 400 s"], cause: "chrony does not run", fixes: [["systemctl start chrony"]] }] }])],
    ["GET /statistics", ok({
      days: Array.from({ length: 30 }, (_, at) => ({ day: `2026-11-${String(at + 1).padStart(2, "0")}`, resets: { success: (at * 7) % 23, failure: at % 4, unknown: at % 11 === 0 ? 1 : 0 }, changes: { success: at, failure: 0, unknown: 0 }, unlocks: { success: 1, failure: 0, unknown: 0 } })),
      refusals: [{ result: "refused", reason: "history", number: 12 }, { result: "not_applied", reason: "pdc_unreachable", number: 3 }, { result: "unknown", reason: "", number: 1 }],
      latency: { number: 250, median_ms: 180, p95_ms: 410 }, last_sync: "2026-11-28T00:00:00Z", agents: 2, agents_running: 1,
    })],
    [`GET /agents/${AGENT}/held-exports`, ok([
      { connector: "contoso.test", digest: "d2", since: "2026-11-28T00:00:00Z", because: "12 of 110 people", number: 1, whole: true, approved: false, items: [{ kind: "disable", name: "paolo@contoso.test" }] },
      { connector: "emea.contoso.test", digest: "d3", since: "2026-11-28T00:00:00Z", because: "500", number: 500, whole: false, approved: false, items: [] },
    ])],
    ["GET /licences/products", ok([{ product: "AAD_PREMIUM", id: AGENT, title: "Premium", units: 50, consumed: 12 }])],
    ["GET /audit", ok({ items: [{ id: AGENT }] })],
    [`GET /agents/${AGENT}/removals`, ok({ number: 2, digest: "d1", items: [{ kind: "remove", name: "anna@contoso.test" }, { kind: "leave", name: "Sales: luca@contoso.test" }] })],
  ]);
}

/** A request to the API as it came. */
export interface Came {
  readonly name: string;
  readonly query: string;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
}

export interface ConsoleServer {
  readonly origin: string;
  answers: Map<string, Said>;
  came: Came[];
  /** How long each answer of the API takes, in milliseconds. */
  delay: number;
  close(): void;
}

async function api(server: ConsoleServer, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const name = `${request.method} ${url.pathname.slice("/api/v1".length)}`;
  server.came.push({ name, query: url.search, body: request.headers["content-type"] === "application/json" ? JSON.parse(text) : undefined, headers: request.headers });
  if (server.delay > 0) await new Promise((resolve) => setTimeout(resolve, server.delay));
  const said = server.answers.get(name) ?? problem("not-found", 404);
  if (said.events !== undefined) {
    response.writeHead(said.status, { "content-type": "text/event-stream", ...said.headers });
    return void response.write(said.events);
  }
  const kind = said.status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(said.status, { "content-type": kind, ...said.headers });
  response.end(said.body === undefined ? "" : JSON.stringify(said.body));
}

/** Starts it. */
export async function consoleServer(): Promise<ConsoleServer> {
  const made = { answers: usual(), came: [] as Came[], delay: 0 };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    if (url.pathname.startsWith("/api/v1/")) return api(own, url, request, response);
    if (url.pathname.startsWith("/assets/")) {
      const file = await readFile(`dist/${url.pathname.slice("/assets/".length)}`).catch(() => undefined);
      response.setHeader("content-type", url.pathname.endsWith(".css") ? "text/css" : "text/javascript");
      if (file === undefined) response.statusCode = 404;
      return void response.end(file);
    }
    response.setHeader("content-type", "text/html").setHeader("content-security-policy", CSP);
    if (!url.pathname.startsWith("/console/app")) return void response.end(`<!doctype html><title>${url.pathname}</title>`);
    const html = await readFile("test/console.html", "utf8");
    response.end(html.replace("LANGUAGE", url.searchParams.get("lang") ?? "en"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const own: ConsoleServer = Object.assign(made, {
    origin,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return own;
}
