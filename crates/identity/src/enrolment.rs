//! The record of an enrolment token.

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::enrolment::TOKEN_VALID;
use ritorno_protocol::ids::TenantId;

use crate::ids::AdministratorId;

/// An enrolment token as it is stored: good for one agent, within 15 minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentRecord {
    /// SHA-256 of the token's secret.
    pub secret_digest: [u8; 32],
    /// The tenant.
    pub tenant: TenantId,
    /// Who made it; `None` if it was made on the server's command line.
    pub made_by: Option<AdministratorId>,
    /// When.
    pub created_at: Timestamp,
    /// First moment at which it does not hold any more.
    pub expires_at: Timestamp,
}

impl EnrolmentRecord {
    /// The record of a token made now.
    pub fn new(
        secret_digest: [u8; 32],
        tenant: TenantId,
        made_by: Option<AdministratorId>,
        now: Timestamp,
    ) -> Self {
        Self { secret_digest, tenant, made_by, created_at: now, expires_at: now.plus(TOKEN_VALID) }
    }
}
