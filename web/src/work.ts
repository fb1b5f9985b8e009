// Proof of work: for each piece of a challenge a number whose digest begins with so many zero bits. The digests are the browser's
// own (WebCrypto), many at a time, so that the page stays alive meanwhile.

/** How many digests are asked for at once. */
const AT_ONCE = 256;

/** How many zero bits the digest of `text.piece.number` begins with. */
export async function zeroBits(text: string, piece: number, number: number): Promise<number> {
  const bytes = new TextEncoder().encode(`${text}.${piece}.${number}`);
  const digest = new DataView(await crypto.subtle.digest("SHA-256", bytes));
  const first = Math.clz32(digest.getUint32(0));
  return first < 32 ? first : 32 + Math.clz32(digest.getUint32(4));
}

/** The numbers for all pieces, as the server reads them; `solved` hears after each how many there are. */
export async function solve(text: string, bits: number, pieces: number, solved: (pieces: number) => void): Promise<string> {
  const numbers: number[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    let found = -1;
    for (let from = 0; found < 0; from += AT_ONCE) {
      const tried = Array.from({ length: AT_ONCE }, (_, at) => zeroBits(text, piece, from + at));
      const at = (await Promise.all(tried)).findIndex((zeros) => zeros >= bits);
      if (at >= 0) found = from + at;
    }
    numbers.push(found);
    solved(numbers.length);
  }
  return numbers.join(".");
}
