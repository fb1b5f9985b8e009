//! What keeps secrets in the database unreadable without the node's own credential.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ritorno_protocol::random::{Random, array};
use zeroize::Zeroizing;

use crate::error::StoreError;

const NONCE_SIZE: usize = 12;

/// The node's credential: 32 bytes, kept outside the database, the same on every node of an installation. It wraps signing
/// keys and letters with AES-256-GCM, a random nonce of 96 bits for each (NIST SP 800-38D section 8.2.2).
#[derive(Clone)]
pub struct NodeKey(Zeroizing<[u8; 32]>);

impl NodeKey {
    /// Takes over the secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// Encrypts `plain`, bound to `place`: the nonce, then the ciphertext.
    pub fn wrap(&self, place: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
        let nonce: [u8; NONCE_SIZE] = array(random);
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: place })
            .expect("AES-GCM takes up to 64 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`Self::wrap`] made for the same place.
    ///
    /// # Errors
    /// [`StoreError::NodeKey`].
    pub fn unwrap(&self, place: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (nonce, sealed) = wrapped.split_at_checked(NONCE_SIZE).ok_or(StoreError::NodeKey)?;
        let nonce: [u8; NONCE_SIZE] = nonce.try_into().map_err(|_| StoreError::NodeKey)?;
        self.cipher()
            .decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: place })
            .map(Zeroizing::new)
            .map_err(|_| StoreError::NodeKey)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&(*self.0).into())
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;
    impl Random for Sevens {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    #[test]
    fn opens_only_unaltered_in_its_place_and_with_its_key() {
        let key = NodeKey::new([1; 32]);
        let wrapped = key.wrap(b"here", b"secret", &Sevens);
        assert_eq!(key.unwrap(b"here", &wrapped).unwrap().as_slice(), b"secret");
        assert!(!wrapped.windows(6).any(|window| window == b"secret"));
        let mut altered = wrapped.clone();
        altered[NONCE_SIZE] ^= 1;
        for opened in [
            key.unwrap(b"there", &wrapped),
            NodeKey::new([2; 32]).unwrap(b"here", &wrapped),
            key.unwrap(b"here", &altered),
            key.unwrap(b"here", &wrapped[..5]),
        ] {
            assert!(matches!(opened, Err(StoreError::NodeKey)));
        }
    }
}
