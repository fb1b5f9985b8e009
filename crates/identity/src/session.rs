//! Administrators' sessions.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::ids::AdministratorId;
use crate::token::TokenDigest;

/// How long a session lasts, whatever is done in it.
pub const ABSOLUTE: Duration = Duration::from_secs(8 * 3_600);
/// How long a session lasts while nothing is done in it.
pub const IDLE: Duration = Duration::from_secs(30 * 60);

/// One session of one administrator. Made at sign-in, never before, so that none can be planted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Digest of the token in the cookie.
    pub digest: TokenDigest,
    /// The tenant.
    pub tenant: TenantId,
    /// Who signed in.
    pub administrator: AdministratorId,
    /// When.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Timestamp,
    /// First moment at which it does not hold any more, used or not.
    pub expires_at: Timestamp,
}

impl Session {
    /// A session that begins now.
    pub fn new(
        digest: TokenDigest,
        tenant: TenantId,
        administrator: AdministratorId,
        now: Timestamp,
    ) -> Self {
        Self {
            digest,
            tenant,
            administrator,
            created_at: now,
            last_used_at: now,
            expires_at: now.plus(ABSOLUTE),
        }
    }
}
