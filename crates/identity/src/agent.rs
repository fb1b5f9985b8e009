//! One enrolled agent.

use ritorno_protocol::certificate::{KeyCertificate, OLD_SEALING_KEY_KEPT, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, Forest, KeyId, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::link::Health;
use ritorno_protocol::signed::Signed;
use serde::{Deserialize, Serialize};

use crate::agent_forests::ForestClaim;
use crate::user::{Mastered, User};

/// A new identity key, certified, that the agent has not shown yet: it may have crashed in between, and then goes on with
/// the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextIdentity {
    /// The key.
    pub key: PublicKey,
    /// That key, certified by the tenant's root.
    pub certificate: Signed<KeyCertificate>,
}

/// A replaced sealing key, for which pages may have been handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerChain {
    /// The chain to it.
    pub chain: RecipientChain,
    /// Its name.
    pub key: KeyId,
    /// First moment at which nobody seals for it any more.
    pub until: Timestamp,
}

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
    /// The key that takes its place once the agent uses it.
    pub next_identity: Option<NextIdentity>,
    /// Replaced sealing keys.
    pub former: Vec<FormerChain>,
    /// The key that opens envelopes, certified by the identity key. `None` until the agent's first hello.
    pub sealing: Option<Signed<KeyCertificate>>,
    /// The forests that it serves, and none that it may not: computed from its own and the other agents' claims.
    pub forests: Vec<Forest>,
    /// What it says that it serves, and by what right.
    pub claim: ForestClaim,
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
    /// The identity key of that name, if it is this agent's: the one in use, or the one that takes its place.
    pub fn key(&self, name: KeyId) -> Option<&PublicKey> {
        let next = self.next_identity.as_ref().map(|next| &next.key);
        std::iter::once(&self.identity_key).chain(next).find(|key| key.id() == name)
    }

    /// The certificate of that identity key of this agent.
    pub fn certificate(&self, name: KeyId) -> Option<&Signed<KeyCertificate>> {
        if self.identity_key.id() == name {
            return Some(&self.identity);
        }
        self.next_identity.as_ref().filter(|next| next.key.id() == name).map(|next| &next.certificate)
    }

    /// The chains that an envelope which is under way may have been sealed for: the one in use, and replaced ones.
    pub fn chains(&self, now: Timestamp) -> impl Iterator<Item = RecipientChain> {
        let former = self.former.iter().filter(move |former| now < former.until);
        self.chain().into_iter().chain(former.map(|former| former.chain.clone()))
    }

    /// The replaced sealing keys once `key` is the one in use. Those whose time is over are left out.
    pub fn former_after(&self, key: KeyId, now: Timestamp) -> Vec<FormerChain> {
        let kept = |former: &&FormerChain| now < former.until && former.key != key;
        let mut former: Vec<_> = self.former.iter().filter(kept).cloned().collect();
        if let Some(chain) = self.chain()
            && let Ok(content) = chain.sealing.verify(&self.identity_key)
            && content.key.id() != key
        {
            let until = now.plus(OLD_SEALING_KEY_KEPT);
            former.push(FormerChain { chain, key: content.key.id(), until });
        }
        former
    }

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
