// The types of the API, out of its document (OpenAPI 3.1).

const PREFIX = "/api/v1";

/** A schema as a TypeScript type. */
function type(schema) {
  if (schema === undefined || schema === true) return "unknown";
  if (schema.$ref !== undefined) return schema.$ref.split("/").pop();
  const several = schema.oneOf ?? schema.anyOf;
  if (several !== undefined) return several.map(type).join(" | ");
  // In brackets: what may be one of several is put together as a whole.
  if (schema.allOf !== undefined) return schema.allOf.map((part) => `(${type(part)})`).join(" & ");
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const kinds = [schema.type ?? "unknown"].flat();
  return kinds.map((kind) => kindOf(kind, schema)).join(" | ");
}

function kindOf(kind, schema) {
  switch (kind) {
    case "integer":
      return "number";
    case "array":
      return `readonly (${type(schema.items)})[]`;
    case "object":
      return object(schema);
    default:
      return kind;
  }
}

function object({ properties, required = [], additionalProperties }) {
  if (properties === undefined) {
    return typeof additionalProperties === "object" ? `Readonly<Record<string, ${type(additionalProperties)}>>` : "object";
  }
  // What may be absent may be there and empty as well, so that a form can hand over what it has.
  const members = Object.entries(properties).map(
    ([name, schema]) => `readonly ${name}${required.includes(name) ? "" : "?"}: ${type(schema)}${required.includes(name) ? "" : " | undefined"}`,
  );
  return `{ ${members.join("; ")} }`;
}

/** The body of the first kind that is JSON. */
const json = (content) => content?.["application/json"]?.schema;

/** One operation: what its path, its query and its body take, and what it answers. */
function operation(path, method, item, shared) {
  const parameters = [...(shared ?? []), ...(item.parameters ?? [])];
  const named = (place) => parameters.filter((parameter) => parameter.in === place);
  const inPath = named("path").map(({ name }) => `${name}: string`);
  const inQuery = named("query").map(({ name, schema }) => `${name}?: ${type(schema)} | undefined`);
  const body = json(item.requestBody?.content);
  const answered = Object.entries(item.responses).find(([status]) => status.startsWith("2"));
  const answer = json(answered?.[1].content);
  const keyed = named("header").some(({ name }) => name === "Idempotency-Key");
  return [
    `  "${method.toUpperCase()} ${path}": {`,
    `    path: { ${inPath.join("; ")} };`,
    `    query: { ${inQuery.join("; ")} };`,
    `    body: ${body === undefined ? "undefined" : type(body)};`,
    `    answer: ${answer === undefined ? "undefined" : type(answer)};`,
    `    keyed: ${keyed};`,
    "  };",
  ].join("\n");
}

/** The file: a type for each schema, and `Operations` with an entry for each, named `METHOD /path` below `/api/v1`. */
export function operations({ paths, components }) {
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `export type ${name} = ${type(schema)};`);
  const entries = [];
  const keyed = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (methods[method] === undefined) continue;
      const entry = operation(path.slice(PREFIX.length), method, methods[method], methods.parameters);
      entries.push(entry);
      if (entry.includes("keyed: true")) keyed.push(`${method.toUpperCase()} ${path.slice(PREFIX.length)}`);
    }
  }
  return [
    "// Made by generate-api.mjs out of docs/openapi.json.",
    ...schemas,
    "export interface Operations {",
    ...entries,
    "}",
    "/** Those that take an `Idempotency-Key`. */",
    `export const KEYED: ReadonlySet<string> = new Set(${JSON.stringify(keyed)});`,
    "",
  ].join("\n");
}
