//! The server's secret for keyed digests: codes, subjects and decoys are derived with it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 secret bytes, the same on every node of an installation and kept outside the database. Whoever holds only the
/// database can neither try codes nor tell decoys from people.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; 32]>);

impl Pepper {
    /// Takes over the secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// HMAC-SHA256 (RFC 2104) of `parts` for one purpose. Each part goes in behind its length, so that no two lists of
    /// parts give the same bytes.
    pub(crate) fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes a key of any length");
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_purposes_do_not_run_into_each_other() {
        let pepper = Pepper::new([7; 32]);
        assert_ne!(pepper.digest("a", &[b"bc", b"d"]), pepper.digest("a", &[b"b", b"cd"]));
        assert_ne!(pepper.digest("a", &[b"b"]), pepper.digest("ab", &[]));
        assert_ne!(pepper.digest("a", &[b"b"]), Pepper::new([8; 32]).digest("a", &[b"b"]));
        assert_eq!(format!("{pepper:?}"), "Pepper");
    }
}
