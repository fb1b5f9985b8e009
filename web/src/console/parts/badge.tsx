// A state in a word, with a colour that says the same.

/** `well`: how it is; absent where it is neither. */
export function Badge({ text, well }: { text: string; well?: boolean | undefined }) {
  const kind = well === undefined ? "" : well ? " badge-ok" : " badge-error";
  return <span class={`badge${kind}`}>{text}</span>;
}
