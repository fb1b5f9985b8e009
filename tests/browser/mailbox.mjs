// The page of the lab's mail server, read as a person would: what came to an address, and the code in it.

/** Time for a mail to come. */
const LIMIT_MS = 20_000;
const PAUSE_MS = 150;

function decoded(html) {
  const names = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
  return html.replace(/&(amp|lt|gt|quot|#x27);/g, (_, name) => names[name]);
}

async function got(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

/** The numbers of the messages to `address`, newest first. */
async function numbers(page, address) {
  const rows = (await got(page)).matchAll(/<tr><td>(\d+)<td>([^<]*)/g);
  return [...rows]
    .filter((row) => decoded(row[2]).toLowerCase().split(", ").includes(address.toLowerCase()))
    .map((row) => Number(row[1]));
}

/** The newest message's number, 0 if there is none: taken before the act that sends mail. */
export async function newest(page, address) {
  return (await numbers(page, address))[0] ?? 0;
}

/** The first message to `address` after number `after`, once it came; `undefined` if none does in time. */
export async function mailAfter(page, address, after, limit = LIMIT_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const number = (await numbers(page, address)).filter((candidate) => candidate > after).at(-1);
    if (number !== undefined) {
      const text = /<pre>([\s\S]*)<\/pre>/.exec(await got(new URL(`/${number}`, page)));
      return { number, text: decoded(text?.[1] ?? "") };
    }
    if (Date.now() > end) return undefined;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The address of a page in a message, which stands on a line of its own. */
export function linkIn(message) {
  const found = /^https:\/\/\S+$/m.exec(message?.text ?? "");
  if (found === null) throw new Error(`no link in ${message === undefined ? "any mail" : message.text}`);
  return found[0];
}

/** The one-time code in a message: the run of exactly eight digits. */
export function code(message) {
  const found = /(?<!\d)\d{8}(?!\d)/.exec(message?.text ?? "");
  if (found === null) throw new Error(`no code in ${message === undefined ? "any mail" : message.text}`);
  return found[0];
}
