//! One enrolled agent.

use ritorno_protocol::certificate::{KeyCertificate, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, Forest, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::Health;
use ritorno_protocol::signed::Signed;

use crate::user::{Mastered, User};

/// One enrolled agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The tenant.
    pub tenant: TenantId,
    /// Its name, shown in the console: usually the host's.
    pub name: String,
    /// The program's version, as it said last.
    pub version: String,
    /// The key that signs its statements.
    pub identity_key: PublicKey,
    /// That key, certified by the tenant's root.
    pub identity: Signed<KeyCertificate>,
    /// The key that opens envelopes, certified by the identity key. `None` until the agent's first hello.
    pub sealing: Option<Signed<KeyCertificate>>,
    /// The forests that it serves.
    pub forests: Vec<Forest>,
    /// Whether a cloud-only administrator switched its writeback on.
    pub writeback_on: bool,
    /// Its journal, as it said last.
    pub epoch: Option<EpochId>,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When it was heard last.
    pub last_seen_at: Option<Timestamp>,
    /// What it reported last.
    pub health: Option<Health>,
}

impl Agent {
    /// The chain to seal for, once the agent has shown its sealing key.
    pub fn chain(&self) -> Option<RecipientChain> {
        self.sealing.clone().map(|sealing| RecipientChain { identity: self.identity.clone(), sealing })
    }

    /// Whether an envelope for somebody of this forest may be sealed for this agent, live or not.
    pub fn can_receive(&self, forest: &Forest) -> bool {
        self.revoked_at.is_none()
            && self.writeback_on
            && self.sealing.is_some()
            && self.forests.contains(forest)
    }

    /// Whether this agent's credential may touch this person: only hybrid ones of its own forests.
    pub fn masters(&self, user: &User) -> bool {
        match &user.mastered {
            Mastered::CloudOnly => false,
            Mastered::Hybrid(object) => {
                self.revoked_at.is_none()
                    && user.tenant == self.tenant
                    && self.forests.contains(&object.forest)
            }
        }
    }
}
