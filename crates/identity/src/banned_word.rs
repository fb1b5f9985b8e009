//! Words that a tenant bans from passwords: the organisation's name, its towns, its products.

/// Fewest letters of a word: shorter ones are in too many passwords that are good.
pub const LEAST: usize = 4;
/// Most letters of a word.
pub const MOST: usize = 32;
/// Most words of a tenant: they go along with every order, whose size is limited.
pub const WORDS_AT_MOST: usize = 100;

/// Why a text is no word to ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWord {
    /// Too short or too long.
    #[error("a banned word has {LEAST} to {MOST} letters")]
    Length,
    /// It has something in it that is neither a letter nor a digit.
    #[error("a banned word has letters and digits alone")]
    Characters,
}

/// Reads a word, in lower case.
///
/// # Errors
/// [`NotAWord`].
pub fn parse(typed: &str) -> Result<String, NotAWord> {
    let word = typed.trim().to_lowercase();
    if !(LEAST..=MOST).contains(&word.chars().count()) {
        Err(NotAWord::Length)
    } else if !word.chars().all(char::is_alphanumeric) {
        Err(NotAWord::Characters)
    } else {
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_letters_and_digits_of_some_length() {
        assert_eq!(parse(" Contoso "), Ok("contoso".into()));
        assert_eq!(parse("Città2"), Ok("città2".into()));
        for (typed, fault) in [
            ("abc", NotAWord::Length),
            ("", NotAWord::Length),
            ("two words", NotAWord::Characters),
            ("a-b-c-d", NotAWord::Characters),
        ] {
            assert_eq!(parse(typed), Err(fault), "{typed}");
        }
        assert_eq!(parse(&"a".repeat(33)), Err(NotAWord::Length));
    }
}
