// Seals what standard input describes and prints the envelope: how the Rust tests get one from the page's own code.

import { readFileSync } from "node:fs";
import { checkRecipients, type RecipientChain } from "../src/seal/chain.ts";
import { digest, seal, type Context, type Passwords } from "../src/seal/envelope.ts";
import { encode } from "../src/seal/bytes.ts";

interface Job {
  readonly root: string;
  readonly server_time: number;
  readonly context: Context;
  readonly recipients: readonly RecipientChain[];
  readonly passwords: Passwords;
}

const job = JSON.parse(readFileSync(0, "utf8")) as Job;
const recipients = await checkRecipients(job.root, job.recipients, job.context.tenant, job.server_time);
const envelope = await seal(job.context, job.passwords, recipients);
process.stdout.write(JSON.stringify({ envelope, digest: encode(await digest(envelope)) }));
