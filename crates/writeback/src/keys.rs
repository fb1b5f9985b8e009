//! The keys that a handler uses: they are rolled while it runs.

use std::sync::{PoisonError, RwLock};

use ritorno_protocol::envelope::{Envelope, OpenError, Passwords};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::signed::{Signable, Signed};

use crate::handle::Handler;

/// The keys in use.
#[derive(Debug)]
pub(crate) struct KeysInUse(RwLock<(SigningKey, Vec<OpeningKey>)>);

impl KeysInUse {
    pub(crate) const fn new(signing: SigningKey, opening: Vec<OpeningKey>) -> Self {
        Self(RwLock::new((signing, opening)))
    }
}

impl<D> Handler<D> {
    /// Signs with this key from now on.
    pub fn sign_with(&self, key: SigningKey) {
        self.keys.0.write().unwrap_or_else(PoisonError::into_inner).0 = key;
    }

    /// Opens with these keys from now on: the one in use, and replaced ones that a page may have.
    pub fn open_with(&self, keys: Vec<OpeningKey>) {
        self.keys.0.write().unwrap_or_else(PoisonError::into_inner).1 = keys;
    }

    pub(crate) fn sign<T: Signable>(&self, value: &T) -> Signed<T> {
        Signed::sign(value, &self.keys.0.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    pub(crate) fn open(&self, envelope: &Envelope) -> Result<Passwords, OpenError> {
        let sealed_for = envelope.recipient_keys()?;
        let keys = self.keys.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.1.iter().find(|key| sealed_for.contains(&key.public().id()));
        envelope.open(key.ok_or(OpenError::NotARecipient)?)
    }
}
