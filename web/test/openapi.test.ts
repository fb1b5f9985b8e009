// The API's document is one: it keeps OpenAPI's own JSON schema of the version that it names.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";

const read = async (): Promise<Record<string, any>> => JSON.parse(await readFile("../docs/openapi.json", "utf8"));

test("the API's document keeps the schema of OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(await read());
  assert.equal(valid, true, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, "3.1");
});

test("what does not keep it is found", async () => {
  const breaks: ((document: Record<string, any>) => void)[] = [
    (document) => delete document.info.title,
    (document) => (document.paths["/api/v1/me"].get.responses = {}),
    (document) => delete document.paths["/api/v1/agents/{agent}"].get.parameters[0].in,
    (document) => (document.components.securitySchemes.session.type = "cookie"),
  ];
  for (const damage of breaks) {
    const document = await read();
    damage(document);
    assert.equal((await new Validator().validate(document)).valid, false, String(damage));
  }
});
