//! The server's signed order to exactly one agent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::clock::Timestamp;
use crate::envelope::{Envelope, Operation};
use crate::ids::{AgentId, EpochId, Forest, RequestId, SourceAnchor, TenantId};
use crate::signed::Signable;

/// Longest validity of an authorisation.
pub const MAXIMUM_VALIDITY: Duration = Duration::from_secs(60);
/// How long after issue the agent may start.
pub const START_WITHIN: Duration = Duration::from_secs(5);
/// Largest difference between the agent's and the server's clock.
pub const MAXIMUM_SKEW: Duration = Duration::from_secs(120);

/// What the agent is authorised to do, once, with one envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// The tenant.
    pub tenant: TenantId,
    /// The request.
    pub request: RequestId,
    /// 1 for the first; n+1 only when attempt n provably did not start.
    pub attempt: u32,
    /// The one agent that may act.
    pub agent: AgentId,
    /// The agent's journal; another one refuses.
    pub epoch: EpochId,
    /// What is asked.
    pub operation: Operation,
    /// Who asks: the person, or an administrator for them. Chooses the event numbers.
    pub initiator: Initiator,
    /// Whose password.
    pub anchor: SourceAnchor,
    /// The forest that the person lives in.
    pub forest: Forest,
    /// `objectGUID`, 16 bytes as the directory stores them; must agree with what is found.
    pub object_guid: Bytes,
    /// `objectSid` as the directory stores it; must agree with what is found.
    pub object_sid: Bytes,
    /// SHA-256 of the whole envelope.
    pub envelope: Bytes,
    /// Whether the person must change it at the next sign-in (an administrator's reset).
    pub must_change: bool,
    /// Whether the tenant forbids account and display name in the password, whatever the directory does.
    pub forbid_names: bool,
    /// Words that the tenant bans from passwords. An agent of the version before does not look at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub banned_words: Vec<String>,
    /// Whether the browser that asks is one in which the person succeeded before. Others are stopped earlier by an account's wrong
    /// passwords, so that they leave some of them to the person. An agent of the version before stops all of them where it stops these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known_browser: bool,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Not to be started after this.
    pub start_by: Timestamp,
    /// Not to be opened after this.
    pub expires_at: Timestamp,
    /// Whether nothing is to be begun before the server's signed [`GoAhead`](crate::link::GoAhead). Then an order of whose
    /// beginning the server has not heard had no effect, and can have none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub go_ahead: bool,
    /// Proof that the agent can check by itself that the person takes part. None is demanded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Bytes>,
}

impl Signable for Authorisation {
    const PURPOSE: &'static str = "authorisation";
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The person.
    Person,
    /// An administrator or the help desk.
    Administrator,
}

/// Why an authorisation does not hold for this envelope at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorisationError {
    /// It is for another tenant, agent or journal.
    #[error("the authorisation is for another agent or journal")]
    Addressee,
    /// It, or its `start_by`, has passed, or it is valid for too long.
    #[error("the authorisation has expired")]
    Expired,
    /// It is dated in the future by more than the skew that is allowed.
    #[error("the authorisation is dated in the future: a clock is wrong")]
    Future,
    /// The envelope is another one, or about something else.
    #[error("the envelope is not the authorised one")]
    Envelope,
}

impl Authorisation {
    /// Checks what needs neither journal nor directory. `now` is the server's time: our clock, corrected by the skew that
    /// the hello measured.
    ///
    /// # Errors
    /// [`AuthorisationError`], by what does not hold.
    pub fn check(
        &self,
        envelope: &Envelope,
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<(), AuthorisationError> {
        if self.tenant != tenant || self.agent != agent || self.epoch != epoch {
            return Err(AuthorisationError::Addressee);
        }
        if self.issued_at > now.plus(MAXIMUM_SKEW) {
            return Err(AuthorisationError::Future);
        }
        let valid_for = self.expires_at.since(self.issued_at);
        let start_within = self.start_by.since(self.issued_at);
        if now >= self.expires_at
            || now >= self.start_by
            || valid_for > MAXIMUM_VALIDITY
            || start_within > START_WITHIN
        {
            return Err(AuthorisationError::Expired);
        }
        let about = &envelope.context;
        let same = about.tenant == self.tenant
            && about.operation == self.operation
            && about.anchor == self.anchor
            && about.request == self.request
            && about.expires_at <= self.issued_at.plus(Duration::from_secs(15 * 60))
            && envelope.digest().is_ok_and(|digest| digest.as_slice() == self.envelope.0);
        if !same {
            return Err(AuthorisationError::Envelope);
        }
        if now >= about.expires_at {
            return Err(AuthorisationError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Context, Passwords, seal};
    use crate::key::{OpeningKey, SigningKey};
    use crate::random::tests::Fixed;
    use crate::secret::Password;
    use crate::signed::{SignatureError, Signed};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn pair() -> (Authorisation, Envelope) {
        let context = Context {
            tenant: TenantId::random(&Fixed(1)),
            operation: Operation::Reset,
            anchor: SourceAnchor("AAECAwQFBgcICQoLDA0ODw==".into()),
            request: RequestId::random(&Fixed(2)),
            expires_at: NOW.plus(Duration::from_secs(600)),
        };
        let passwords = Passwords { new: Some(Password::new("Nuova-Passw0rd".into())), old: None };
        let key = OpeningKey::generate(&Fixed(3)).public().clone();
        let envelope = seal(&context, &passwords, &[key], &Fixed(4)).unwrap();
        let authorisation = Authorisation {
            tenant: context.tenant,
            request: context.request,
            attempt: 1,
            agent: AgentId::random(&Fixed(5)),
            epoch: EpochId::random(&Fixed(6)),
            operation: Operation::Reset,
            initiator: Initiator::Person,
            anchor: context.anchor,
            forest: Forest("contoso.test".into()),
            object_guid: Bytes(vec![0; 16]),
            object_sid: Bytes(vec![1; 28]),
            envelope: Bytes(envelope.digest().unwrap().to_vec()),
            must_change: false,
            forbid_names: false,
            banned_words: Vec::new(),
            known_browser: false,
            issued_at: NOW,
            start_by: NOW.plus(START_WITHIN),
            expires_at: NOW.plus(MAXIMUM_VALIDITY),
            go_ahead: false,
            evidence: None,
        };
        (authorisation, envelope)
    }

    fn check(
        authorisation: &Authorisation,
        envelope: &Envelope,
        now: Timestamp,
    ) -> Result<(), AuthorisationError> {
        let (good, _) = pair();
        authorisation.check(envelope, good.tenant, good.agent, good.epoch, now)
    }

    #[test]
    fn holds_for_its_agent_envelope_and_time() {
        let (authorisation, envelope) = pair();
        assert_eq!(check(&authorisation, &envelope, NOW), Ok(()));
        let just_before = NOW.plus(START_WITHIN).minus(Duration::from_millis(1));
        assert_eq!(check(&authorisation, &envelope, just_before), Ok(()));
    }

    #[test]
    fn refuses_each_thing_that_does_not_agree() {
        use AuthorisationError::{Addressee, Envelope as Other, Expired, Future};
        let (good, envelope) = pair();
        type Change = fn(&mut Authorisation);
        let cases: [(&str, Change, AuthorisationError); 10] = [
            ("another tenant", |a| a.tenant = TenantId::random(&Fixed(90)), Addressee),
            ("another agent", |a| a.agent = AgentId::random(&Fixed(91)), Addressee),
            ("another journal", |a| a.epoch = EpochId::random(&Fixed(92)), Addressee),
            ("another operation", |a| a.operation = Operation::Unlock, Other),
            ("another person", |a| a.anchor.0.push('x'), Other),
            ("another request", |a| a.request = RequestId::random(&Fixed(93)), Other),
            ("another envelope", |a| a.envelope.0[0] ^= 1, Other),
            ("startable for too long", |a| a.start_by = a.start_by.plus(Duration::from_millis(1)), Expired),
            ("valid for too long", |a| a.expires_at = a.expires_at.plus(Duration::from_millis(1)), Expired),
            (
                "dated in the future",
                |a| a.issued_at = a.issued_at.plus(MAXIMUM_SKEW).plus(Duration::from_millis(1)),
                Future,
            ),
        ];
        for (name, change, expected) in cases {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(check(&bad, &envelope, NOW), Err(expected), "{name}");
        }
        assert_eq!(check(&good, &envelope, NOW.plus(START_WITHIN)), Err(Expired), "start_by has passed");
        assert_eq!(check(&good, &envelope, NOW.plus(MAXIMUM_VALIDITY)), Err(Expired), "expired");
    }

    #[test]
    fn only_the_signing_key_makes_one() {
        let (authorisation, _) = pair();
        let signed = Signed::sign(&authorisation, &SigningKey::generate(&Fixed(20)));
        assert_eq!(signed.verify(&SigningKey::generate(&Fixed(20)).public()), Ok(authorisation));
        let other = SigningKey::generate(&Fixed(21)).public();
        assert_eq!(signed.verify(&other), Err(SignatureError::Key));
    }
}
