//! A value with a signature over the very bytes that were sent, so that nothing has to be canonicalised to be checked.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::bytes::Bytes;
use crate::ids::KeyId;
use crate::key::{PublicKey, SigningKey};

/// What may be signed, and under which label: a signature made for one purpose never holds for another.
pub trait Signable: Serialize + DeserializeOwned {
    /// The purpose, bound into the signature.
    const PURPOSE: &'static str;
}

/// A signed value as it travels. Its content can be had only by verifying it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Signed<T> {
    /// The value's JSON, exactly as signed.
    payload: Bytes,
    /// The key that signed.
    key: KeyId,
    /// ECDSA P-256 with SHA-256, r then s.
    signature: Bytes,
    #[serde(skip)]
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self {
            payload: self.payload.clone(),
            key: self.key,
            signature: self.signature.clone(),
            value: PhantomData,
        }
    }
}

/// Why a signed value does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It holds, but does not say what its type should.
    #[error("the signed content is not what it should be")]
    Content,
    /// Another key signed it.
    #[error("signed by another key")]
    Key,
    /// The signature does not belong to the content.
    #[error("the signature does not hold")]
    Signature,
}

impl<T: Signable> Signed<T> {
    /// Signs `value`.
    pub fn sign(value: &T, key: &SigningKey) -> Self {
        let payload = serde_json::to_vec(value).expect("protocol types always serialise");
        let signature = key.sign(&message(T::PURPOSE, &payload));
        Self {
            payload: Bytes(payload),
            key: key.public().id(),
            signature: Bytes(signature),
            value: PhantomData,
        }
    }

    /// The key that claims to have signed, to choose the one to verify with.
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// The value, if `key` signed it for this purpose.
    ///
    /// # Errors
    /// [`SignatureError`], by what does not hold.
    pub fn verify(&self, key: &PublicKey) -> Result<T, SignatureError> {
        if key.id() != self.key {
            return Err(SignatureError::Key);
        }
        if !key.verifies(&message(T::PURPOSE, &self.payload.0), &self.signature.0) {
            return Err(SignatureError::Signature);
        }
        serde_json::from_slice(&self.payload.0).map_err(|_| SignatureError::Content)
    }
}

/// The signed bytes: version, purpose and payload, kept apart by a zero byte that neither of the first two contains.
fn message(purpose: &str, payload: &[u8]) -> Vec<u8> {
    [VERSION.as_bytes(), b"\0", purpose.as_bytes(), b"\0", payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::Fixed;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note(String);
    impl Signable for Note {
        const PURPOSE: &'static str = "note";
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order(String);
    impl Signable for Order {
        const PURPOSE: &'static str = "order";
    }

    #[test]
    fn holds_only_for_its_key_content_and_purpose() {
        let key = SigningKey::generate(&Fixed(1));
        let other = SigningKey::generate(&Fixed(2));
        let signed = Signed::sign(&Note("ciao".into()), &key);
        assert_eq!(signed.verify(&key.public()), Ok(Note("ciao".into())));
        assert_eq!(signed.verify(&other.public()), Err(SignatureError::Key));

        let mut text: serde_json::Value = serde_json::to_value(&signed).unwrap();
        let moved: Signed<Order> = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(moved.verify(&key.public()), Err(SignatureError::Signature));

        text["payload"] = serde_json::to_value(Bytes(b"\"addio\"".to_vec())).unwrap();
        let changed: Signed<Note> = serde_json::from_value(text).unwrap();
        assert_eq!(changed.verify(&key.public()), Err(SignatureError::Signature));
    }
}
