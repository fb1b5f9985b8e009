//! Whom a counter counts for, without naming them.

use ritorno_protocol::ids::{TenantId, UserId};

use crate::ids::{CaseId, FlowId};
use crate::name::SignInName;
use crate::pepper::Pepper;
use crate::token::TokenDigest;

/// A keyed digest that stands for a person, a name, or an address in the counters. Whoever reads the table without the
/// pepper learns nobody's name from it, and a name that is nobody's is counted like a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject(pub [u8; 32]);

impl Subject {
    /// A person of the tenant.
    pub fn of_user(pepper: &Pepper, tenant: TenantId, user: UserId) -> Self {
        Self(pepper.digest("subject/user", &[tenant.0.as_bytes(), user.0.as_bytes()]))
    }

    /// A name, whether or not it is anybody's.
    pub fn of_name(pepper: &Pepper, tenant: TenantId, name: &SignInName) -> Self {
        Self(pepper.digest("subject/name", &[tenant.0.as_bytes(), name.as_str().as_bytes()]))
    }

    /// A mail address, compared without regard to case.
    pub fn of_address(pepper: &Pepper, tenant: TenantId, address: &str) -> Self {
        let folded = address.trim().to_lowercase();
        Self(pepper.digest("subject/address", &[tenant.0.as_bytes(), folded.as_bytes()]))
    }

    /// This subject as far as one network is concerned: what is counted against it stops nobody elsewhere.
    #[must_use]
    pub fn from_network(&self, pepper: &Pepper, tenant: TenantId, network: &str) -> Self {
        Self(pepper.digest("subject/from-network", &[tenant.0.as_bytes(), &self.0, network.as_bytes()]))
    }

    /// This subject as far as one browser is concerned, by the mark that it was given when the person succeeded in it.
    #[must_use]
    pub fn in_browser(&self, pepper: &Pepper, tenant: TenantId, mark: &str) -> Self {
        Self(pepper.digest("subject/in-browser", &[tenant.0.as_bytes(), &self.0, mark.as_bytes()]))
    }

    /// This subject after the help desk lifted its stops so often, what was counted before being another's.
    #[must_use]
    pub fn after_lifts(&self, pepper: &Pepper, tenant: TenantId, lifts: u32) -> Self {
        Self(pepper.digest("subject/after-lifts", &[tenant.0.as_bytes(), &self.0, &lifts.to_be_bytes()]))
    }

    /// One way through the pages: what is counted against it stops nobody but itself.
    pub fn of_flow(pepper: &Pepper, tenant: TenantId, flow: FlowId) -> Self {
        Self(pepper.digest("subject/flow", &[tenant.0.as_bytes(), flow.0.as_bytes()]))
    }

    /// A session of an administrator, by the digest of its token.
    pub fn of_session(pepper: &Pepper, tenant: TenantId, session: &TokenDigest) -> Self {
        Self(pepper.digest("subject/session", &[tenant.0.as_bytes(), &session.0]))
    }

    /// A case of the help desk, for the pass that was made in it.
    pub fn of_case(pepper: &Pepper, tenant: TenantId, case: CaseId) -> Self {
        Self(pepper.digest("subject/case", &[tenant.0.as_bytes(), case.0.as_bytes()]))
    }

    /// Everybody of a tenant together.
    pub fn of_tenant(pepper: &Pepper, tenant: TenantId) -> Self {
        Self(pepper.digest("subject/tenant", &[tenant.0.as_bytes()]))
    }

    /// A network that requests come from: an address in text form.
    pub fn of_network(pepper: &Pepper, tenant: TenantId, network: &str) -> Self {
        Self(pepper.digest("subject/network", &[tenant.0.as_bytes(), network.as_bytes()]))
    }
}
