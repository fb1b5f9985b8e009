//! Short-lived access of an agent to SCIM and onboarding.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::ACCESS_VALID;
use ritorno_protocol::ids::{AgentId, TenantId};

use crate::token::TokenDigest;

/// An access token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentToken {
    /// Digest of the token.
    pub digest: TokenDigest,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent that it was given to.
    pub agent: AgentId,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

impl AgentToken {
    /// A token given out now.
    pub fn new(digest: TokenDigest, tenant: TenantId, agent: AgentId, now: Timestamp) -> Self {
        Self { digest, tenant, agent, expires_at: now.plus(ACCESS_VALID) }
    }
}
