//! Who may sign and who may open, certified up to the tenant's root key.
//!
//! The root signs the server's signing keys and the agents' identity keys; an agent's identity key signs its sealing key.
//! Rolls carry a sequence that never goes back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{AgentId, Forest, KeyId, TenantId};
use crate::key::PublicKey;
use crate::signed::{Signable, SignatureError, Signed};

/// How long a replaced signing key is still accepted.
pub const OLD_SIGNING_KEY_ACCEPTED: Duration = Duration::from_secs(24 * 3600);
/// How long an agent keeps a replaced sealing key, and the others accept it as a recipient, from when the server knew the new
/// one: a page that got the old one may be sent for 15 minutes, the order that it leads to is valid for one, and clocks may
/// differ by two either way.
pub const OLD_SEALING_KEY_KEPT: Duration = Duration::from_secs(20 * 60);
/// The age at which keys are replaced by themselves: six months.
pub const ROLLED_AFTER: Duration = Duration::from_secs(182 * 86_400);

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum KeyRole {
    /// Signs authorisations for the tenant. Certified by the root.
    ServerSigning,
    /// Signs an agent's statements. Certified by the root.
    AgentIdentity {
        /// The agent.
        agent: AgentId,
    },
    /// Opens envelopes. Certified by the agent's identity key.
    AgentSealing {
        /// The agent.
        agent: AgentId,
        /// The forests that it serves.
        forests: Vec<Forest>,
    },
}

/// A certificate: this key has this role, in this tenant, for this long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCertificate {
    /// The tenant.
    pub tenant: TenantId,
    /// The role.
    #[serde(flatten)]
    pub role: KeyRole,
    /// The key.
    pub key: PublicKey,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// First moment after validity.
    pub not_after: Timestamp,
    /// Grows with each certificate for the same role; one that is lower than a seen one is refused.
    pub sequence: u64,
}

impl Signable for KeyCertificate {
    const PURPOSE: &'static str = "key-certificate";
}

/// Why a certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The signature does not hold.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// It is for another tenant.
    #[error("certified for another tenant")]
    Tenant,
    /// It is for another role or agent.
    #[error("certified for another role")]
    Role,
    /// It is not valid yet, or not any more.
    #[error("outside the certificate's validity")]
    Validity,
}

fn check(
    certificate: &Signed<KeyCertificate>,
    issuer: &PublicKey,
    tenant: TenantId,
    now: Timestamp,
) -> Result<KeyCertificate, CertificateError> {
    let content = certificate.verify(issuer)?;
    if content.tenant != tenant {
        return Err(CertificateError::Tenant);
    }
    if now < content.not_before || now >= content.not_after {
        return Err(CertificateError::Validity);
    }
    Ok(content)
}

/// Checks a server signing key against the root.
///
/// # Errors
/// [`CertificateError`], by what does not hold.
pub fn check_server_signing(
    certificate: &Signed<KeyCertificate>,
    root: &PublicKey,
    tenant: TenantId,
    now: Timestamp,
) -> Result<KeyCertificate, CertificateError> {
    let content = check(certificate, root, tenant, now)?;
    if content.role == KeyRole::ServerSigning { Ok(content) } else { Err(CertificateError::Role) }
}

/// Checks an agent's identity key against the root.
///
/// # Errors
/// [`CertificateError`], by what does not hold.
pub fn check_agent_identity(
    certificate: &Signed<KeyCertificate>,
    root: &PublicKey,
    tenant: TenantId,
    now: Timestamp,
) -> Result<(AgentId, KeyCertificate), CertificateError> {
    let content = check(certificate, root, tenant, now)?;
    match content.role {
        KeyRole::AgentIdentity { agent } => Ok((agent, content)),
        _ => Err(CertificateError::Role),
    }
}

/// What a page, the server and every other agent need to seal for an agent: the chain from the root to its sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientChain {
    /// The identity key, certified by the root.
    pub identity: Signed<KeyCertificate>,
    /// The sealing key, certified by the identity key.
    pub sealing: Signed<KeyCertificate>,
}

/// A sealing key whose chain holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The agent that can open.
    pub agent: AgentId,
    /// The key to seal for.
    pub key: PublicKey,
    /// The forests that the agent serves.
    pub forests: Vec<Forest>,
}

impl Recipient {
    /// The key's name.
    pub fn key_id(&self) -> KeyId {
        self.key.id()
    }
}

impl RecipientChain {
    /// Checks the chain from the root down.
    ///
    /// # Errors
    /// [`CertificateError`], by what does not hold.
    pub fn check(
        &self,
        root: &PublicKey,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Recipient, CertificateError> {
        let (agent, identity) = check_agent_identity(&self.identity, root, tenant, now)?;
        let sealing = check(&self.sealing, &identity.key, tenant, now)?;
        match sealing.role {
            KeyRole::AgentSealing { agent: named, forests } if named == agent => {
                Ok(Recipient { agent, key: sealing.key, forests })
            }
            _ => Err(CertificateError::Role),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{OpeningKey, SigningKey};
    use crate::random::tests::Fixed;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn certificate(role: KeyRole, key: PublicKey, tenant: TenantId) -> KeyCertificate {
        let day = Duration::from_secs(86_400);
        KeyCertificate {
            tenant,
            role,
            key,
            not_before: NOW.minus(day),
            not_after: NOW.plus(day),
            sequence: 1,
        }
    }

    #[test]
    fn chain_holds_only_whole() {
        let tenant = TenantId::random(&Fixed(1));
        let agent = AgentId::random(&Fixed(2));
        let root = SigningKey::generate(&Fixed(3));
        let identity = SigningKey::generate(&Fixed(4));
        let sealing = OpeningKey::generate(&Fixed(5));
        let chain = RecipientChain {
            identity: Signed::sign(
                &certificate(KeyRole::AgentIdentity { agent }, identity.public(), tenant),
                &root,
            ),
            sealing: Signed::sign(
                &certificate(
                    KeyRole::AgentSealing { agent, forests: vec![Forest("contoso.test".into())] },
                    sealing.public().clone(),
                    tenant,
                ),
                &identity,
            ),
        };
        let recipient = chain.check(&root.public(), tenant, NOW).unwrap();
        assert_eq!((recipient.agent, &recipient.key), (agent, sealing.public()));

        let other_root = SigningKey::generate(&Fixed(6)).public();
        assert_eq!(
            chain.check(&other_root, tenant, NOW),
            Err(CertificateError::Signature(SignatureError::Key))
        );
        assert_eq!(
            chain.check(&root.public(), TenantId::random(&Fixed(9)), NOW),
            Err(CertificateError::Tenant)
        );
        let later = NOW.plus(Duration::from_secs(2 * 86_400));
        assert_eq!(chain.check(&root.public(), tenant, later), Err(CertificateError::Validity));

        // A sealing key that names another agent than the identity does.
        let stranger = AgentId::random(&Fixed(8));
        let swapped = RecipientChain {
            identity: chain.identity.clone(),
            sealing: Signed::sign(
                &certificate(
                    KeyRole::AgentSealing { agent: stranger, forests: vec![] },
                    sealing.public().clone(),
                    tenant,
                ),
                &identity,
            ),
        };
        assert_eq!(swapped.check(&root.public(), tenant, NOW), Err(CertificateError::Role));

        // An identity certificate is no signing certificate.
        assert_eq!(
            check_server_signing(&chain.identity, &root.public(), tenant, NOW),
            Err(CertificateError::Role)
        );
    }
}
