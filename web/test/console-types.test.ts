// The types of the API's operations, made of its document.

import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error: a script of the build, without types
import { operations } from "../generate-api.mjs";

const json = (schema: object) => ({ content: { "application/json": { schema } } });

test("an operation has what its path, its query and its body take, and what it answers", () => {
  const text: string = operations({
    components: {
      schemas: {
        Position: { type: "object", properties: { on: { type: "boolean" } }, required: ["on"] },
        Page: { type: "object", properties: { items: { type: "array", items: { $ref: "#/components/schemas/Position" } }, next: { type: ["string", "null"] } }, required: ["items"] },
        Kind: { type: "string", enum: ["a", "b"] },
      },
    },
    paths: {
      "/api/v1/things/{thing}": {
        put: {
          parameters: [
            { name: "thing", in: "path", schema: { type: "string" } },
            { name: "If-Match", in: "header", schema: { type: "string" } },
          ],
          requestBody: json({ $ref: "#/components/schemas/Position" }),
          responses: { 204: { description: "Done." }, 412: json({}) },
        },
      },
      "/api/v1/things": {
        get: {
          parameters: [{ name: "limit", in: "query", schema: { type: "integer" } }],
          responses: { 200: json({ $ref: "#/components/schemas/Page" }) },
        },
        post: {
          parameters: [{ name: "Idempotency-Key", in: "header", schema: { type: "string" } }],
          responses: { 201: json({ oneOf: [{ $ref: "#/components/schemas/Kind" }, { type: "null" }] }) },
        },
      },
    },
  });
  const one = text.replace(/\s+/g, " ");
  for (const part of [
    "export type Position = { readonly on: boolean };",
    "export type Page = { readonly items: readonly (Position)[]; readonly next?: string | null | undefined };",
    'export type Kind = "a" | "b";',
    '"PUT /things/{thing}": { path: { thing: string }; query: { }; body: Position; answer: undefined; keyed: false; };',
    '"GET /things": { path: { }; query: { limit?: number | undefined }; body: undefined; answer: Page; keyed: false; };',
    '"POST /things": { path: { }; query: { }; body: undefined; answer: Kind | null; keyed: true; };',
    'new Set(["POST /things"])',
  ]) {
    assert.ok(one.includes(part), `${part}\n${text}`);
  }
});
