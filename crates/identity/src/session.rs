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
/// How long whoever gave the right password has to show the second factor.
pub const TO_PROVE: Duration = Duration::from_secs(5 * 60);
/// How long a second factor counts as shown just now ([`crate::administrator::Action::takes_fresh_proof`]).
pub const FRESH: Duration = Duration::from_secs(10 * 60);

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
    /// When the second factor was shown, or where none is asked for: the password. Until then the session opens nothing but the
    /// page that asks for it.
    pub proved_at: Option<Timestamp>,
    /// First moment at which it does not hold any more, used or not.
    pub expires_at: Timestamp,
    /// The same of one in which the second factor is still to be shown.
    pub half_until: Option<Timestamp>,
}

impl Session {
    /// A session of whoever gave the right password now, and has the second factor still to show.
    pub fn half(
        digest: TokenDigest,
        tenant: TenantId,
        administrator: AdministratorId,
        now: Timestamp,
    ) -> Self {
        // To a server of a version that knows no second factor, to which one may have been rolled back, it is over from its begin on.
        let whole = Self::new(digest, tenant, administrator, now);
        Self { proved_at: None, expires_at: now, half_until: Some(now.plus(TO_PROVE)), ..whole }
    }

    /// A session that begins now, with all shown that is asked for.
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
            proved_at: Some(now),
            expires_at: now.plus(ABSOLUTE),
            half_until: None,
        }
    }
}
