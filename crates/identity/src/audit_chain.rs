//! The chain of audit facts: each has a position and a hash, which covers the fact and the hash of the one before it. So none can be
//! changed, taken out or put in without every later hash changing too; and the last one is signed now and then
//! (`ritorno_protocol::audit`) and sent away, where nobody who gets hold of the database can change it.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::audit::Fact;

/// How far a chain has come. The default is that of an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last fact's position, from 1; 0 if there is none.
    pub position: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A fact as it is hashed and sent away: one line of JSON, whose fields never change their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    position: u64,
    tenant: String,
    id: String,
    at: i64,
    activity: &'static str,
    actor: &'static str,
    actor_id: Option<String>,
    target: Option<String>,
    from: Option<String>,
    success: &'static str,
    reason: String,
    support_code: Option<String>,
    correlation: String,
    request: Option<String>,
}

impl Line {
    /// `fact` at `position`.
    pub fn new(position: u64, fact: &Fact) -> Self {
        let (actor, actor_id) = fact.actor.parts();
        Self {
            position,
            tenant: fact.tenant.to_string(),
            id: fact.id.to_string(),
            at: fact.at.unix_ms(),
            activity: fact.activity.name(),
            actor,
            actor_id,
            target: fact.target.map(|id| id.to_string()),
            from: fact.from.clone(),
            success: fact.success.as_str(),
            reason: fact.reason.clone(),
            support_code: fact.support_code.as_ref().map(|code| code.0.clone()),
            correlation: fact.correlation.to_string(),
            request: fact.request.map(|id| id.to_string()),
        }
    }

    /// The line, without an end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers always serialise")
    }
}

impl Head {
    /// The head once `fact` is its next.
    pub fn after(&self, fact: &Fact) -> Self {
        let position = self.position.saturating_add(1);
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update(Line::new(position, fact).to_json());
        Self { position, hash: hash.finalize().into() }
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::ids::TenantId;

    use super::*;
    use crate::audit::{Activity, Actor, Success};
    use crate::ids::{CorrelationId, FactId};

    fn fact() -> Fact {
        Fact {
            id: FactId(uuid::Uuid::from_u128(1)),
            tenant: TenantId(uuid::Uuid::from_u128(2)),
            at: Timestamp::from_unix_ms(1_800_000_000_000),
            activity: Activity::TenantMade,
            actor: Actor::System,
            target: None,
            from: None,
            success: Success::Success,
            reason: "a \"quoted\"\nline".into(),
            support_code: None,
            correlation: CorrelationId(uuid::Uuid::from_u128(3)),
            request: None,
        }
    }

    #[test]
    fn a_line_is_written_as_it_always_was() {
        // What was hashed and sent away once has to come out the same for ever.
        let expected = "{\"position\":1,\"tenant\":\"00000000-0000-0000-0000-000000000002\",\
            \"id\":\"00000000-0000-0000-0000-000000000001\",\"at\":1800000000000,\"activity\":\"Create tenant\",\
            \"actor\":\"system\",\"actor_id\":null,\"target\":null,\"from\":null,\"success\":\"success\",\
            \"reason\":\"a \\\"quoted\\\"\\nline\",\"support_code\":null,\
            \"correlation\":\"00000000-0000-0000-0000-000000000003\",\"request\":null}";
        assert_eq!(Line::new(1, &fact()).to_json(), expected);
    }

    #[test]
    fn every_change_shows_in_every_later_hash() {
        let (first, second) = (fact(), Fact { reason: "second".into(), ..fact() });
        let whole = Head::default().after(&first).after(&second);
        assert_eq!(whole.position, 2);
        let changed = Head::default().after(&Fact { reason: "other".into(), ..first.clone() }).after(&second);
        let swapped = Head::default().after(&second).after(&first);
        let without = Head::default().after(&second);
        for other in [changed, swapped, without] {
            assert_ne!(other.hash, whole.hash);
        }
    }
}
