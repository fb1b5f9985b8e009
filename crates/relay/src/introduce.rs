//! An agent shows its keys: in its hello, and on a live link when it has rolled them.

use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::{ForestClaim, after_hello, served};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::certificate::{CertificateError, KeyCertificate, RecipientChain};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::EpochId;
use ritorno_protocol::key::PublicKey;

use crate::dispatch_error::DispatchError;
use crate::ledger::Introduction;
use crate::link::{Link, LinkKeys};
use crate::relay::Relay;
use crate::session::LinkEnd;

impl Relay {
    /// Checks an agent's chain up to the root, and keeps it. The identity key is the one in use, or the next one that the
    /// root certified; it is in use from now on, and the one before is none of the agent's any more.
    pub(crate) async fn introduce(
        &self,
        agent: &Agent,
        root: &PublicKey,
        chain: &RecipientChain,
        epoch: EpochId,
        version: String,
    ) -> Result<LinkKeys, LinkEnd> {
        let now = self.timer.now();
        let recipient = chain.check(root, agent.tenant, now).map_err(LinkEnd::Chain)?;
        let name = chain.sealing.key();
        let known = agent.key(name).zip(agent.certificate(name)).filter(|_| recipient.agent == agent.id);
        let (key, certificate) = known.ok_or(LinkEnd::Proof)?;
        let former = agent.former_after(recipient.key_id(), now);
        let mut identities = vec![key.clone()];
        if agent.identity_key != *key {
            // What was signed just before the new key was taken may come over this link.
            identities.push(agent.identity_key.clone());
        }
        let keys = LinkKeys {
            identities,
            sealing: recipient.key_id(),
            former: former.iter().map(|former| (former.key, former.until)).collect(),
        };
        let all = self.ledger.standing(agent.tenant).await?.agents;
        let claim = after_hello(agent, &recipient.forests, &all, now);
        let facts = self.facts(agent, &claim, &all, now);
        let introduction = Introduction {
            agent: agent.id,
            version,
            epoch,
            identity_key: key.clone(),
            identity: certificate.clone(),
            sealing: chain.sealing.clone(),
            former,
            claim,
            facts,
        };
        if self.ledger.introduce(agent.tenant, &introduction, now).await? {
            Ok(keys)
        } else {
            Err(LinkEnd::Revoked)
        }
    }

    /// What is new in an agent's claim, for the administrators.
    fn facts(&self, agent: &Agent, claim: &ForestClaim, all: &[Agent], now: Timestamp) -> Vec<Fact> {
        let after = Agent { claim: claim.clone(), ..agent.clone() };
        let serves = served(&after, all);
        let mut facts = Vec::new();
        for forest in claim.said.iter().filter(|forest| !agent.claim.said.contains(forest)) {
            let taken = |claim: &ForestClaim| claim.taken.iter().any(|taken| taken.forest == *forest);
            let (activity, success) = if !serves.contains(forest) {
                (Activity::AgentForestRefused, Success::Failure)
            } else if taken(claim) && !taken(&agent.claim) {
                (Activity::AgentForestTaken, Success::Success)
            } else {
                continue;
            };
            tracing::warn!(agent = %agent.id, %forest, told = activity.name(), "the agent says that it serves another forest");
            facts.push(Fact {
                id: FactId::random(&*self.random),
                tenant: agent.tenant,
                at: now,
                activity,
                actor: Actor::Agent(agent.id),
                target: None,
                from: None,
                success,
                reason: format!("{}: {forest}", agent.name),
                support_code: None,
                correlation: CorrelationId::random(&*self.random),
                request: None,
            });
        }
        facts
    }

    /// Takes the keys that an agent has rolled while its link was up, and tells everybody, the agent itself too: that is how
    /// it knows that they are taken.
    pub(crate) async fn rolled(&self, link: &Link, chain: RecipientChain) -> Result<(), LinkEnd> {
        let keys = self.keyring.keys(link.tenant, self.timer.now()).await.map_err(DispatchError::from)?;
        let standing = self.ledger.standing(link.tenant).await?;
        let agent = standing.agents.iter().find(|agent| agent.id == link.agent);
        let agent = agent.ok_or(LinkEnd::UnknownAgent)?;
        if agent.revoked_at.is_some() {
            return Err(LinkEnd::Revoked);
        }
        // A hello is fresh by its nonce. Here an older chain that somebody on the way kept must not come back.
        let name = chain.sealing.key();
        let key = agent.key(name).ok_or(LinkEnd::Proof)?;
        let shown =
            chain.sealing.verify(key).map_err(|error| LinkEnd::Chain(CertificateError::Signature(error)))?;
        if shown.sequence < sequence_in_use(agent) {
            return Err(LinkEnd::OlderKeys);
        }
        let rolled = self.introduce(agent, &keys.root, &chain, link.epoch, agent.version.clone()).await?;
        tracing::info!(agent = %agent.id, sealing = %rolled.sealing, identity = %name, "the agent's keys");
        link.rolled(rolled);
        self.keys_changed(link.tenant).await?;
        Ok(())
    }
}

/// The sequence of the sealing certificate in use; 0 if there is none yet.
fn sequence_in_use(agent: &Agent) -> u64 {
    let content: Option<KeyCertificate> =
        agent.sealing.as_ref().and_then(|sealing| sealing.verify(&agent.identity_key).ok());
    content.map_or(0, |content| content.sequence)
}
