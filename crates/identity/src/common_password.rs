//! The passwords of fifteen characters and more that many people choose, and how people make a short one long enough: the blocklist of SP
//! 800-63B-4. The whole password is compared, without regard to case; what only contains such a word may be a good one. It is short: lists
//! of what was breached are long, and the agents', who have a disk for them.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Long ones, as they come in lists of what people chose, and the best known examples of good ones.
const LONG: &[&str] = &[
    "1q2w3e4r5t6y7u8i9o0p",
    "a1b2c3d4e5f6g7h8",
    "accesso consentito",
    "administrator1234",
    "administratorpassword",
    "ascoltareilsilenzio",
    "changemechangeme",
    "changemeplease1",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "ilovemyfamily123",
    "ilovemyhusband1",
    "iloveyousomuch1",
    "iloveyousomuch123",
    "iloveyouforever",
    "iloveyouforever1",
    "juventuscampione",
    "lamiapassword123",
    "lapassworddiprova",
    "letmeinletmein1",
    "mypasswordis123",
    "mypasswordismypassword",
    "nel mezzo del cammin di nostra vita",
    "nonmelaricordopiu",
    "once upon a time",
    "password12345678",
    "password123456789",
    "password1234567890",
    "passwordpassword1",
    "passwordpassword123",
    "passwordsicura123",
    "qwerty123456789",
    "qwerty1234567890",
    "qwertyuiop12345",
    "qwertyuiop123456",
    "qwertyuiop1234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "thequickbrownfox",
    "the quick brown fox",
    "the quick brown fox jumps over the lazy dog",
    "thisismypassword",
    "thisismypassword1",
    "this is my password",
    "tiamopersempre1",
    "tiamopersempre123",
    "tobeornottobe123",
    "to be or not to be",
    "trustno1trustno1",
    "unapasswordsicura",
    "welcome123456789",
    "welcomewelcome1",
];

/// Rows along which fingers run, in both directions and from anywhere, again from the beginning when they are at the end.
const RUNS: &[&str] = &[
    "0123456789",
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// The longest part by whose repetition a password gets long only.
const REPEATED: usize = 9;

/// Whether anybody would try it.
pub(crate) fn is_one(password: &str) -> bool {
    let folded: Zeroizing<String> = Zeroizing::new(password.to_lowercase().nfkc().collect());
    let signs: Zeroizing<Vec<char>> = Zeroizing::new(folded.chars().collect());
    LONG.contains(&folded.as_str()) || repeats(&signs) || RUNS.iter().any(|row| runs_along(row, &signs))
}

/// Whether it is a short part again and again, a last one cut off perhaps.
fn repeats(signs: &[char]) -> bool {
    (1..=REPEATED.min(signs.len() / 2))
        .any(|part| signs.iter().zip(signs.iter().skip(part)).all(|(one, next)| one == next))
}

/// Whether it is a piece of the row that goes round and round.
fn runs_along(row: &str, signs: &[char]) -> bool {
    let round = |row: Vec<char>| {
        (0..row.len()).any(|first| row.iter().cycle().skip(first).zip(signs).all(|(one, other)| one == other))
    };
    round(row.chars().collect()) || round(row.chars().rev().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud_policy::MINIMUM_LENGTH;

    #[test]
    fn what_anybody_would_try_is_found() {
        for tried in [
            "ThisIsMyPassword",
            "Correct Horse Battery Staple",
            "passwordpassword",
            "Password!Password!",
            "aaaaaaaaaaaaaaa",
            "ababababababababa",
            "123123123123123",
            "123456789012345",
            "567890123456789",
            "098765432109876",
            "qwertyuiopasdfg",
            "mnbvcxzlkjhgfds",
            "1Q2W3E4R5T6Y7U8I",
            "abcdefghijklmnop",
            "\u{ff50}asswordpassword",
        ] {
            assert!(is_one(tried), "{tried}");
        }
    }

    #[test]
    fn what_only_contains_it_may_be_a_good_one() {
        for good in [
            "quattro gatti in fila",
            "the quick brown fox met four cats",
            "123456789012345 gatti",
            "gatti gatti cani gatti",
        ] {
            assert!(!is_one(good), "{good}");
        }
    }

    #[test]
    fn the_list_holds_only_what_the_policy_lets_through_to_it() {
        for long in LONG {
            assert!(long.chars().count() >= usize::from(MINIMUM_LENGTH), "{long}");
            assert_eq!(*long, long.to_lowercase());
        }
    }
}
