//! Random tokens that are shown once and kept as a digest.

use ritorno_protocol::bytes::{decode, encode};
use ritorno_protocol::random::{Random, array};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::pepper::Pepper;

/// 256 random bits, for cookies and bearer tokens. The database holds only [`Token::digest`].
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

/// SHA-256 of a token. No salt and no stretching: 256 random bits can't be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl Token {
    /// A new token.
    pub fn random(random: &dyn Random) -> Self {
        Self(Zeroizing::new(array(random)))
    }

    /// The token as text: 43 letters of base64url, fit for a cookie or a header.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(encode(self.0.as_slice()))
    }

    /// Reads the text; `None` if it is not a token.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(decode(text)?);
        let sized: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(sized)))
    }

    /// The token that follows this one where `parts` say: without this one and the server's secret nobody can compute it.
    pub(crate) fn following(&self, pepper: &Pepper, parts: &[&[u8]]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().copied().chain([self.0.as_slice()]).collect();
        Self(Zeroizing::new(pepper.digest("following-token", &parts)))
    }

    /// What the database keeps.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_slice()).into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenDigest({})", encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_and_digest_is_not_the_token() {
        let token = Token(Zeroizing::new([9; 32]));
        let read = Token::from_text(&token.to_text()).unwrap();
        assert_eq!(read.digest(), token.digest());
        assert_ne!(token.digest().0, [9; 32]);
        assert!(Token::from_text("short").is_none());
        assert_eq!(format!("{token:?}"), "Token");
    }
}
