//! The seam to the tenant's keys.

use std::sync::Arc;

use async_trait::async_trait;
use ritorno_protocol::certificate::KeyCertificate;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::{PublicKey, SigningKey};
use ritorno_protocol::signed::Signed;

/// What the relay needs of a tenant's keys at one moment.
#[derive(Debug)]
pub struct TenantKeys {
    /// The root's public half.
    pub root: PublicKey,
    /// The key to sign with now.
    pub signing: SigningKey,
    /// Every signing key in force, certified by the root.
    pub certificates: Vec<Signed<KeyCertificate>>,
}

/// There is no usable key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signing key can be used: {0}")]
pub struct KeyringError(pub String);

/// Where a tenant's keys come from.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// The keys in force at `now`.
    ///
    /// # Errors
    /// [`KeyringError`] if none is in force, or it can't be read.
    async fn keys(&self, tenant: TenantId, now: Timestamp) -> Result<Arc<TenantKeys>, KeyringError>;
}
