// Operations of the API whose document is not here yet.

import type { Me } from "./answers.ts";

type Agent = { agent: string };

export interface Coming {
  "GET /me": { path: {}; query: {}; body: undefined; answer: Me; keyed: false };
  "POST /enrolment-tokens": { path: {}; query: {}; body: undefined; answer: { token: string; expires_at: string }; keyed: true };
  "PUT /agents/{agent}/name": { path: Agent; query: {}; body: { name: string }; answer: undefined; keyed: false };
  "POST /agents/{agent}/forests": { path: Agent; query: {}; body: { forest: string }; answer: undefined; keyed: true };
  "POST /agents/{agent}/removals/approvals": { path: Agent; query: {}; body: { digest: string }; answer: { number: number }; keyed: true };
  "POST /onboarding/confirmations": { path: {}; query: {}; body: { code: string }; answer: { agent: string }; keyed: true };
}
