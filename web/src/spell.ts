// How a password is read aloud: each letter by the word that stands for it, a capital one announced.

/** The words of a language. */
export interface SpellingWords {
  /** For A to Z. */
  readonly letters: readonly string[];
  /** For 0 to 9. */
  readonly digits: readonly string[];
  /** Says that the next letter is a capital one. */
  readonly capital: string;
}

/** The words for each group of `password`, which dashes divide. Whatever is neither letter nor digit is its own word. */
export function spelled(password: string, words: SpellingWords): string[] {
  const word = (sign: string): string => {
    if (/[0-9]/.test(sign)) return words.digits[Number(sign)] ?? sign;
    const letter = /[a-z]/i.test(sign) ? words.letters[sign.toLowerCase().charCodeAt(0) - 97] : undefined;
    if (letter === undefined) return sign;
    return sign === sign.toLowerCase() ? letter : `${words.capital} ${letter}`;
  };
  return password.split("-").map((group) => [...group].map(word).join(", "));
}
