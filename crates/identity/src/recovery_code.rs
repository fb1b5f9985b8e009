//! Recovery codes: shown once, kept on paper, each good for one gate.

use ritorno_protocol::ids::{TenantId, UserId};
use ritorno_protocol::random::{Random, array};
use zeroize::Zeroizing;

use crate::pepper::Pepper;

/// How many a person gets at a time.
pub const HOW_MANY: usize = 10;
/// Letters of one: 80 bits that nobody can guess.
const LETTERS: usize = 16;
/// Crockford's base32: no letter that is taken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// One code in the clear: only on its way to the person and back.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

/// A code's keyed digest: what the database keeps. It is good for one person only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryDigest(pub [u8; 32]);

impl RecoveryCode {
    /// A new code.
    pub fn random(random: &dyn Random) -> Self {
        let thrown: Zeroizing<[u8; LETTERS]> = Zeroizing::new(array(random));
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(Zeroizing::new(thrown.iter().map(letter).collect()))
    }

    /// Reads what was typed: case, spaces and dashes do not matter, and what looks alike is taken for what it looks like.
    /// `None` if it is no code.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut read = Zeroizing::new(String::with_capacity(LETTERS));
        for letter in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                letter => letter,
            };
            if read.len() == LETTERS || !u8::try_from(letter).is_ok_and(|letter| ALPHABET.contains(&letter)) {
                return None;
            }
            read.push(letter);
        }
        (read.len() == LETTERS).then_some(Self(read))
    }

    /// The code in groups of four, to be written down.
    pub fn text(&self) -> Zeroizing<String> {
        let groups: Vec<&str> = (0..LETTERS).step_by(4).map(|at| &self.0[at..at + 4]).collect();
        Zeroizing::new(groups.join("-"))
    }

    /// What the database keeps.
    pub fn digest(&self, pepper: &Pepper, tenant: TenantId, user: UserId) -> RecoveryDigest {
        RecoveryDigest(
            pepper.digest("recovery-code", &[tenant.0.as_bytes(), user.0.as_bytes(), self.0.as_bytes()]),
        )
    }
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl std::fmt::Debug for RecoveryDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryDigest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn written_down_and_typed_again() {
        let code = RecoveryCode::random(&Counting(0.into()));
        assert_eq!(code.text().as_str(), "0123-4567-89AB-CDEF");
        let (pepper, tenant) = (Pepper::new([1; 32]), TenantId(uuid::Uuid::from_u128(1)));
        let user = |n| UserId(uuid::Uuid::from_u128(n));
        let typed = RecoveryCode::parse(" o123 4567-89ab-cdef").unwrap();
        assert_eq!(typed.digest(&pepper, tenant, user(1)), code.digest(&pepper, tenant, user(1)));
        assert_ne!(typed.digest(&pepper, tenant, user(1)), code.digest(&pepper, tenant, user(2)));
        assert_eq!(format!("{code:?}"), "RecoveryCode");
    }

    #[test]
    fn what_is_no_code_is_not_read() {
        for typed in
            ["", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEFG", "0123-4567-89AB-CDEU", "é123-4567-89AB-CDEF"]
        {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
    }
}
