//! The signed head of a tenant's audit chain.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::certificate::{CertificateError, KeyCertificate, check_server_signing};
use crate::clock::Timestamp;
use crate::ids::TenantId;
use crate::key::{PublicKey, SigningKey};
use crate::signed::{Signable, SignatureError, Signed};

/// How far a chain had come: whoever has seen this knows what every fact up to it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The tenant.
    pub tenant: TenantId,
    /// The last fact's position, from 1.
    pub position: u64,
    /// Its hash, 32 bytes of SHA-256.
    pub hash: Bytes,
    /// When it was signed.
    pub at: Timestamp,
}

impl Signable for AuditHead {
    const PURPOSE: &'static str = "audit-head";
}

/// A head, signed by a server's key, with the certificate that the tenant's root gave that key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The head.
    pub head: Signed<AuditHead>,
    /// The certificate.
    pub certificate: Signed<KeyCertificate>,
}

/// Why a checkpoint does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The key was not certified for this when it signed.
    #[error("the key that signed it: {0}")]
    Certificate(#[from] CertificateError),
    /// The signature does not hold.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// It is another tenant's.
    #[error("it is another tenant's")]
    Tenant,
}

impl Checkpoint {
    /// Signs a head.
    pub fn sign(head: &AuditHead, key: &SigningKey, certificate: Signed<KeyCertificate>) -> Self {
        Self { head: Signed::sign(head, key), certificate }
    }

    /// The head, if a key signed it that the tenant's root had certified then. That the key has expired since says nothing
    /// about what it signed.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn check(&self, root: &PublicKey, tenant: TenantId) -> Result<AuditHead, CheckpointError> {
        let named = self.certificate.verify(root).map_err(CertificateError::from)?;
        let head = self.head.verify(&named.key)?;
        check_server_signing(&self.certificate, root, tenant, head.at)?;
        if head.tenant == tenant { Ok(head) } else { Err(CheckpointError::Tenant) }
    }
}
