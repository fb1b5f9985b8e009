//! Whether an order holds: signed by a key that chains to the root pinned at enrolment, for this agent and its journal,
//! fresh, and about this very envelope, which nobody unknown can open.

use ritorno_protocol::authorisation::{Authorisation, AuthorisationError};
use ritorno_protocol::certificate::{
    KeyCertificate, OLD_SIGNING_KEY_ACCEPTED, RecipientChain, check_server_signing,
};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Envelope, OpenError};
use ritorno_protocol::ids::{AgentId, EpochId, KeyId, TenantId};
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::outcome::Fault;
use ritorno_protocol::signed::{Signable, Signed};

/// Why something signed by the server is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// No signing key that chains to the root, is in force and has not been replaced for long signed it.
    #[error("not signed by a key of the server that chains to the pinned root")]
    Signature,
    /// It is the server's time, signed for another agent or in answer to another question.
    #[error("the server's time is not signed in answer to this agent's own nonce")]
    Time,
}

/// Why an authentic order is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The order does not hold.
    #[error("{0}")]
    Order(#[from] AuthorisationError),
    /// The envelope's shape is wrong.
    #[error("{0}")]
    Envelope(#[from] OpenError),
    /// The envelope can be opened with a key that is not certified for an agent of the tenant that serves the forest.
    #[error("the envelope is also sealed for a key that does not chain to the pinned root: {0}")]
    UnknownRecipient(KeyId),
}

impl OrderError {
    /// The typed fault.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Order(AuthorisationError::Addressee) => Fault::AuthorisationRefused,
            Self::Order(AuthorisationError::Expired) => Fault::Expired,
            Self::Order(AuthorisationError::Future) => Fault::ClockSkew,
            Self::Order(AuthorisationError::Envelope) | Self::Envelope(_) | Self::UnknownRecipient(_) => {
                Fault::EnvelopeUnreadable
            }
        }
    }
}

/// A list of signing keys that ends with an older key than one seen before: the server was rolled back, or lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's newest signing key has sequence {offered}, but {seen} was seen before")]
pub struct RolledBack {
    /// Newest sequence offered; 0 if no key chains to the root.
    pub offered: u64,
    /// Newest sequence seen.
    pub seen: u64,
}

/// Whom the agent believes: the pinned root, and what chains to it.
#[derive(Clone, Debug)]
pub struct Trust {
    tenant: TenantId,
    root: PublicKey,
    signing: Vec<KeyCertificate>,
    recipients: Vec<RecipientChain>,
}

impl Trust {
    /// Believes nobody yet but `root`.
    pub const fn new(tenant: TenantId, root: PublicKey) -> Self {
        Self { tenant, root, signing: Vec::new(), recipients: Vec::new() }
    }

    /// Takes the keys that the server shows, as far as they chain to the root. `seen` is the newest sequence ever seen;
    /// returns the newest one now.
    ///
    /// # Errors
    /// [`RolledBack`]; then the former keys stay.
    pub fn replace(
        &mut self,
        signing: &[Signed<KeyCertificate>],
        recipients: Vec<RecipientChain>,
        seen: u64,
        now: Timestamp,
    ) -> Result<u64, RolledBack> {
        let mut held: Vec<KeyCertificate> = signing
            .iter()
            .filter_map(|certificate| check_server_signing(certificate, &self.root, self.tenant, now).ok())
            .collect();
        held.sort_by_key(|certificate| std::cmp::Reverse(certificate.sequence));
        let offered = held.first().map_or(0, |newest| newest.sequence);
        if offered < seen || held.is_empty() {
            return Err(RolledBack { offered, seen });
        }
        self.signing = held;
        self.recipients = recipients;
        Ok(offered)
    }

    /// The content of something that the server signed.
    ///
    /// # Errors
    /// [`NotBelieved`].
    pub fn verify<T: Signable>(&self, signed: &Signed<T>, now: Timestamp) -> Result<T, NotBelieved> {
        self.signing
            .iter()
            .enumerate()
            .filter(|(index, key)| {
                // The newest is first. An older one is good for a day after the next one came into force.
                let replaced = index.checked_sub(1).and_then(|newer| self.signing.get(newer));
                let fresh = replaced.is_none_or(|by| now < by.not_before.plus(OLD_SIGNING_KEY_ACCEPTED));
                fresh && now >= key.not_before && now < key.not_after
            })
            .find(|(_, key)| key.key.id() == signed.key())
            .and_then(|(_, key)| signed.verify(&key.key).ok())
            .ok_or(NotBelieved::Signature)
    }

    /// Checks an authentic order against its envelope. `now` is the server's time.
    ///
    /// # Errors
    /// [`OrderError`], by what does not hold.
    pub fn check(
        &self,
        order: &Authorisation,
        envelope: &Envelope,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        order.check(envelope, self.tenant, agent, epoch, now)?;
        let known: Vec<KeyId> = self
            .recipients
            .iter()
            .filter_map(|chain| chain.check(&self.root, self.tenant, now).ok())
            .filter(|recipient| recipient.forests.contains(&order.forest))
            .map(|recipient| recipient.key_id())
            .collect();
        match envelope.recipient_keys()?.into_iter().find(|key| !known.contains(key)) {
            Some(stranger) => Err(OrderError::UnknownRecipient(stranger)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{NOW, Rig};

    #[test]
    fn a_replaced_key_is_good_for_a_day() {
        let rig = Rig::new();
        let (first, first_certificate) = rig.server_key(11, 1, NOW);
        let (second, second_certificate) = rig.server_key(12, 2, NOW.plus(Duration::from_secs(60)));
        let mut trust = Trust::new(rig.tenant, rig.root.public());
        let later = NOW.plus(Duration::from_secs(120));
        assert_eq!(trust.replace(&[first_certificate, second_certificate], vec![], 1, later), Ok(2));
        let (order, _) = rig.order(|_| {});
        let believed = |key, now| trust.verify(&Signed::sign(&order, key), now).is_ok();
        assert!(believed(&first, later));
        assert!(believed(&second, later));
        let a_day_on = NOW.plus(Duration::from_secs(60 + 24 * 3600));
        assert!(!believed(&first, a_day_on));
        assert!(believed(&second, a_day_on));
    }

    #[test]
    fn who_was_away_while_keys_were_rolled_believes_the_newest_by_the_root() {
        let rig = Rig::new();
        let mut trust = Trust::new(rig.tenant, rig.root.public());
        let (old, certificate) = rig.server_key(11, 1, NOW);
        assert_eq!(trust.replace(&[certificate], vec![], 0, NOW), Ok(1));
        // Two years and three rolls later; what was in between has expired and is not shown any more.
        let back = NOW.plus(Duration::from_secs(2 * 365 * 86_400));
        let (newest, certificate) = rig.server_key(14, 4, back);
        let (order, _) = rig.order(|_| {});
        let refused = trust.verify(&Signed::sign(&order, &newest), back);
        assert_eq!(refused, Err(NotBelieved::Signature), "unknown until its certificate is shown");
        assert_eq!(trust.replace(&[certificate], vec![], 1, back), Ok(4));
        assert!(trust.verify(&Signed::sign(&order, &newest), back).is_ok());
        assert!(trust.verify(&Signed::sign(&order, &old), back).is_err());
    }

    #[test]
    fn the_sequence_never_goes_back() {
        let rig = Rig::new();
        let (_, certificate) = rig.server_key(11, 1, NOW);
        let mut trust = Trust::new(rig.tenant, rig.root.public());
        let replaced = trust.replace(std::slice::from_ref(&certificate), vec![], 2, NOW);
        assert_eq!(replaced, Err(RolledBack { offered: 1, seen: 2 }));
        assert_eq!(trust.replace(&[], vec![], 0, NOW), Err(RolledBack { offered: 0, seen: 0 }));
    }

    #[test]
    fn a_key_of_another_root_signs_nothing() {
        let rig = Rig::new();
        let (order, _) = rig.order(|_| {});
        let stranger = ritorno_protocol::key::SigningKey::generate(&crate::testing::Fixed(77));
        assert_eq!(rig.trust().verify(&Signed::sign(&order, &stranger), NOW), Err(NotBelieved::Signature));
    }
}
