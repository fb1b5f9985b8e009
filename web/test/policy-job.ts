// Judges passwords as the page does: a JSON array of { policy, now, password } on standard input, the first rule that each breaks, or
// null, on standard output. Run by `policy-job.mjs` for the Rust tests.
import { readFileSync } from "node:fs";
import { broken, type EffectivePolicy } from "../src/policy.ts";

interface Case {
  readonly policy: EffectivePolicy;
  readonly now: number;
  readonly password: string;
}

const cases = JSON.parse(readFileSync(0, "utf8")) as Case[];
const verdicts = cases.map(({ policy, now, password }) => broken(policy, password, now)[0] ?? null);
process.stdout.write(JSON.stringify(verdicts));
