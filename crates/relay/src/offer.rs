//! What a page seals for: the context, and the certified keys of the agents that serve the person's forest.

use std::cmp::Reverse;
use std::time::Duration;

use ritorno_identity::user::User;
use ritorno_protocol::certificate::{Recipient, RecipientChain};
use ritorno_protocol::envelope::{Context, Envelope, MAXIMUM_RECIPIENTS, Operation};
use ritorno_protocol::ids::{Forest, KeyId, RequestId, SourceAnchor, TenantId};
use serde::{Deserialize, Serialize};

use crate::dispatch_error::DispatchError;
use crate::keyring::TenantKeys;
use crate::ledger::Standing;
use crate::relay::Relay;

/// How long a page may take to seal and send.
pub const OFFER_VALID: Duration = Duration::from_secs(15 * 60);

/// What was handed to a page. The server keeps it; only an envelope that fits it is dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What the envelope must be about.
    pub context: Context,
    /// The keys to seal for, each with its chain to the root, in the order in which they are bound.
    pub recipients: Vec<RecipientChain>,
    /// The sealing keys' names, in the same order.
    pub keys: Vec<KeyId>,
}

impl Offer {
    /// Whether `envelope` is about this context, and sealed for exactly these keys in this order.
    pub fn fits(&self, envelope: &Envelope) -> bool {
        envelope.context == self.context && envelope.recipient_keys().is_ok_and(|keys| keys == self.keys)
    }
}

impl Relay {
    /// The agents to seal for: enrolled, unrevoked, switched on, serving the forest, live or not; at most eight, the
    /// healthiest first.
    ///
    /// # Errors
    /// [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn recipients(
        &self,
        tenant: TenantId,
        forest: &Forest,
    ) -> Result<Vec<RecipientChain>, DispatchError> {
        let standing = self.ledger.standing(tenant).await?;
        let keys = self.keyring.keys(tenant, self.timer.now()).await?;
        let chains = self.ordered(tenant, forest, &standing, &keys);
        Ok(chains.into_iter().map(|(chain, _)| chain).collect())
    }

    /// Makes the offer for one request about one person.
    ///
    /// # Errors
    /// [`DispatchError::NotHybrid`]; [`DispatchError::Unavailable`] if there is nobody to seal for;
    /// [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn offer(
        &self,
        user: &User,
        operation: Operation,
        request: RequestId,
    ) -> Result<Offer, DispatchError> {
        let object = user.on_premises().ok_or(DispatchError::NotHybrid)?;
        self.offer_for(user.tenant, &object.source_anchor, &object.forest, operation, request).await
    }

    /// Makes the offer for one request about one object of a forest, whether or not there is such an object: before it is
    /// known who asks, an invented one must look the same.
    ///
    /// # Errors
    /// [`DispatchError::Unavailable`] if there is nobody to seal for; [`DispatchError::Keyring`],
    /// [`DispatchError::Ledger`].
    pub async fn offer_for(
        &self,
        tenant: TenantId,
        anchor: &SourceAnchor,
        forest: &Forest,
        operation: Operation,
        request: RequestId,
    ) -> Result<Offer, DispatchError> {
        let now = self.timer.now();
        let standing = self.ledger.standing(tenant).await?;
        let keys = self.keyring.keys(tenant, now).await?;
        let ordered = self.ordered(tenant, forest, &standing, &keys);
        if ordered.is_empty() || !standing.writeback_enabled {
            return Err(DispatchError::Unavailable(self.state_of(tenant, &standing)));
        }
        let (recipients, keys) =
            ordered.into_iter().map(|(chain, recipient)| (chain, recipient.key_id())).unzip();
        let anchor = anchor.clone();
        let context = Context { tenant, operation, anchor, request, expires_at: now.plus(OFFER_VALID) };
        Ok(Offer { context, recipients, keys })
    }

    fn ordered(
        &self,
        tenant: TenantId,
        forest: &Forest,
        standing: &Standing,
        keys: &TenantKeys,
    ) -> Vec<(RecipientChain, Recipient)> {
        let now = self.timer.now();
        let mut known: Vec<_> = standing
            .agents
            .iter()
            .filter(|agent| agent.can_receive(forest))
            .filter(|agent| agent.health.as_ref().is_none_or(|health| health.writeback_on))
            .filter_map(|agent| {
                let chain = agent.chain()?;
                let recipient = chain.check(&keys.root, tenant, now).ok()?;
                let serves = recipient.agent == agent.id && recipient.forests.contains(forest);
                serves.then_some((agent, chain, recipient))
            })
            .collect();
        known.sort_by_key(|(agent, _, _)| {
            let link = self.links.get(tenant, agent.id);
            let reaches = link.as_ref().is_some_and(|link| link.reaches(forest, now));
            Reverse((reaches, link.is_some(), agent.last_seen_at))
        });
        known.truncate(MAXIMUM_RECIPIENTS);
        known.into_iter().map(|(_, chain, recipient)| (chain, recipient)).collect()
    }
}
