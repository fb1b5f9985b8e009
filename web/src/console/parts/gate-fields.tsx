// The fields of what people prove before a reset.

import type { GateMethod, MethodView } from "../generated/api.ts";
import { firsts, names, ticked, type GateFields } from "../policy-form.ts";
import { t } from "../words.ts";
import { Choice, Field, Tick } from "./field.tsx";

/** What a method is called. */
export function methodName(method: GateMethod): string {
  switch (method) {
    case "recovery-code":
      return t("method-recovery");
    case "temporary-pass":
      return t("method-pass");
    default:
      return t(`method-${method}`);
  }
}

/** The fields. `id` is before each of theirs. */
export function GatesOf(props: { id: string; fields: GateFields; set: (field: keyof GateFields, text: string) => void; known: readonly MethodView[] }) {
  const { id, fields, set, known } = props;
  const on = names(fields.methods);
  return (
    <>
      <Choice
        label={t("policy-gates")}
        value={fields.gates}
        set={(text) => set("gates", text)}
        options={["1", "2"].map((number) => [number, number] as const)}
        id={`${id}-gates`}
      />
      <fieldset>
        <legend>{t("policy-methods")}</legend>
        {known.map((method) => (
          <div key={method.name}>
            <Tick
              label={methodName(method.name)}
              on={on.includes(method.name)}
              // One that the server lacks something for can only be taken away.
              disabled={!method.available && !on.includes(method.name)}
              set={(ticks) => set("methods", ticked(fields.methods, method.name, ticks))}
            />
            {method.lacks != null && (
              <p class="hint" lang="en">
                {method.lacks}
              </p>
            )}
          </div>
        ))}
      </fieldset>
      <Choice
        label={t("policy-first")}
        value={fields.first}
        set={(text) => set("first", text)}
        options={firsts(fields.methods, known).map((method) => [method, methodName(method)] as const)}
        id={`${id}-first`}
      />
      <Field
        label={t("policy-to-register")}
        type="number"
        min={1}
        max={known.length}
        value={fields.toRegister}
        set={(text) => set("toRegister", text)}
        required
        id={`${id}-to-register`}
      />
      <Tick label={t("policy-same-twice")} on={fields.sameTwice === "on"} set={(twice) => set("sameTwice", twice ? "on" : "")} />
    </>
  );
}
