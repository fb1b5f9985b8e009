//! Bytes that strangers chose, as they may be shown on a terminal or a page.

use std::fmt::Write as _;

/// Characters that are shown of one record.
const SHOWN_AT_MOST: usize = 300;

/// Printable ASCII as it is and every other byte as `\xNN`, so that no record writes to a terminal; the rest of a long one as `...`.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if text.len() >= SHOWN_AT_MOST {
            text.push_str("...");
            break;
        }
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "\\x{byte:02x}")),
        }
    }
    text
}

/// What a mail server or a gateway said, without what it may repeat of the mail: addresses, long numbers (codes), and long words (links, tokens)
/// become `[...]`. One line, printable, at most 300 characters.
pub fn without_secrets(words: &str) -> String {
    /// Digits in a row that no status has: a code has eight.
    const DIGITS: usize = 6;
    /// Characters of a word that is no word of any language.
    const LONG: usize = 40;
    let mut kept: Vec<&str> = Vec::new();
    for word in words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        // Support codes and codes in groups as well: whatever stands between the digits.
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_secret = word.contains(['@', '\u{ff20}']) || digits >= DIGITS || word.chars().count() > LONG;
        match (is_secret, kept.last()) {
            (true, Some(&"[...]")) => {}
            (true, _) => kept.push("[...]"),
            (false, _) => kept.push(word),
        }
    }
    shown(kept.join(" ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_record_holds_reaches_a_terminal() {
        assert_eq!(shown(b"v=spf1 \x1b[31m\\ -all\xff\n"), "v=spf1 \\x1b[31m\\\\ -all\\xff\\x0a");
        let long = shown(&[b'a'; 5_000]);
        assert_eq!((long.len(), long.ends_with("a...")), (303, true));
    }

    #[test]
    fn a_refusal_says_why_and_not_whom_or_what() {
        for (said, kept) in [
            ("550 5.1.1 <anna@mail.test>: unknown user\r\n", "550 5.1.1 [...] unknown user"),
            (
                "554 5.7.1 spam: your code 01234567 https://reset.contoso.test/r/abcdefghijklmnopqrstuvwxyz",
                "554 5.7.1 spam: your code [...]",
            ),
            ("refused: code 0123-4567 \u{1b}[2J", "refused: code [...] [2J"),
            ("550 anna\u{ff20}mail.test", "550 [...]"),
        ] {
            assert_eq!(without_secrets(said), kept);
        }
    }
}
