//! The relay's rows, in the database.

use async_trait::async_trait;
use ritorno_identity::audit::Fact;
use ritorno_identity::flow::Step;
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, TenantId, UserId};
use ritorno_protocol::link::Health;
use ritorno_protocol::outcome::Outcome;
use ritorno_relay::ledger::{Begun, HeldLink, Introduction, Ledger, LedgerError, Standing, Unsettled};
use ritorno_storage::{Committed, Hello, Store, StoreError};

/// A database as the relay's ledger.
#[derive(Clone)]
pub struct StoreLedger(pub Store);

/// Requests of one look.
const AT_ONCE: u32 = 100;
/// Requests that are waited for in memory: more than eight agents have in flight, so that none keeps another from its turn.
const UNSETTLED_AT_ONCE: u32 = 512;

fn failed(error: StoreError) -> LedgerError {
    LedgerError(Box::new(error))
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn standing(&self, tenant: TenantId) -> Result<Standing, LedgerError> {
        let (tenants, agents) = (self.0.tenants(), self.0.agents());
        let (found, agents) = tokio::try_join!(tenants.get(tenant), agents.list(tenant)).map_err(failed)?;
        Ok(Standing { writeback_enabled: found.is_some_and(|tenant| tenant.writeback_enabled), agents })
    }

    async fn introduce(
        &self,
        tenant: TenantId,
        introduction: &Introduction,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let hello = Hello {
            version: introduction.version.clone(),
            epoch: introduction.epoch,
            identity_key: introduction.identity_key.clone(),
            identity: introduction.identity.clone(),
            sealing: introduction.sealing.clone(),
            former: introduction.former.clone(),
            claim: introduction.claim.clone(),
        };
        let said =
            self.0.agents().said_hello(tenant, introduction.agent, &hello, &introduction.facts, now).await;
        said.map_err(failed)
    }

    async fn heard(
        &self,
        tenant: TenantId,
        agent: AgentId,
        health: &Health,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.0.agents().reported(tenant, agent, health, now).await.map(|_| ()).map_err(failed)
    }

    async fn link_up(&self, tenant: TenantId, held: &HeldLink) -> Result<(), LedgerError> {
        let HeldLink { agent, link, node, lease_until } = *held;
        let row = ritorno_storage::HeldLink { agent, link, node, lease_until };
        self.0.links().up(tenant, &row).await.map_err(failed)
    }

    async fn link_kept(&self, tenant: TenantId, held: &HeldLink) -> Result<bool, LedgerError> {
        self.0.links().kept(tenant, held.agent, held.link, held.lease_until).await.map_err(failed)
    }

    async fn link_down(&self, tenant: TenantId, held: &HeldLink) -> Result<(), LedgerError> {
        self.0.links().down(tenant, held.agent, held.link).await.map_err(failed)
    }

    async fn begin(&self, request: &Request, step: Option<&Step>) -> Result<Begun, LedgerError> {
        match self.0.requests().begin(request, step).await {
            Ok(true) => Ok(Begun::Now),
            Ok(false) => Ok(Begun::StepTaken),
            Err(StoreError::Contradiction(error)) => {
                // Either the id is there, or the person or agent is not any more.
                let there = self.0.requests().get(request.tenant, request.id).await.map_err(failed)?;
                if there.is_some() {
                    Ok(Begun::Before)
                } else {
                    Err(failed(StoreError::Contradiction(error)))
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn request(&self, tenant: TenantId, id: RequestId) -> Result<Option<Request>, LedgerError> {
        self.0.requests().get(tenant, id).await.map_err(failed)
    }

    async fn unheard(
        &self,
        tenant: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<Vec<Request>, LedgerError> {
        self.0.requests().unheard(tenant, agent, epoch, now, AT_ONCE).await.map_err(failed)
    }

    async fn lapsed(&self, tenant: TenantId, before: Timestamp) -> Result<Vec<Request>, LedgerError> {
        self.0.requests().lapsed(tenant, before, AT_ONCE).await.map_err(failed)
    }

    async fn unsettled(&self, tenant: TenantId, after: Timestamp) -> Result<Vec<Unsettled>, LedgerError> {
        let rows = self.0.requests().unsettled(tenant, after, UNSETTLED_AT_ONCE).await.map_err(failed)?;
        let mut unsettled = Vec::with_capacity(rows.len());
        for (request, before) in rows {
            let user = self.0.users().get(tenant, request.user).await.map_err(failed)?;
            let object = user.as_ref().and_then(User::on_premises).cloned();
            let object = object.filter(|object| object.source_anchor == request.anchor);
            unsettled.push(Unsettled { request, before, object });
        }
        Ok(unsettled)
    }

    async fn settle(
        &self,
        seen: &Request,
        outcome: &Outcome,
        by: AgentId,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let number = seen.attempt.number;
        let settled = self.0.requests().settle(seen.tenant, seen.id, number, outcome, Some(by), now).await;
        settled.map(|committed| committed == Committed::First).map_err(failed)
    }

    async fn never_settled(&self, seen: &Request) -> Result<(), LedgerError> {
        self.0.requests().never_settled(seen.tenant, seen.id).await.map_err(failed)
    }

    async fn correct(
        &self,
        seen: &Request,
        outcome: &Outcome,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let (tenant, id) = (seen.tenant, seen.id);
        self.0.requests().correct(tenant, id, &seen.attempt, outcome, fact, now).await.map_err(failed)
    }

    async fn latest_of(&self, tenant: TenantId, user: UserId) -> Result<Option<Request>, LedgerError> {
        self.0.requests().latest_of(tenant, user).await.map_err(failed)
    }

    async fn advance(
        &self,
        seen: &Request,
        state: &RequestState,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let requests = self.0.requests();
        let (tenant, id) = (seen.tenant, seen.id);
        let (number, agent) = (seen.attempt.number, seen.attempt.agent);
        match (&seen.state, state) {
            (_, RequestState::Dispatched) => return Ok(false),
            (_, RequestState::Started { before }) => {
                requests.started(tenant, id, number, agent, before.as_ref(), now).await
            }
            (_, RequestState::NotStarted) => requests.not_started(tenant, id, number, agent, now).await,
            (RequestState::Finished(_), RequestState::Finished(outcome)) => requests
                .settle(tenant, id, number, outcome, None, now)
                .await
                .map(|committed| committed == Committed::First),
            (_, RequestState::Finished(outcome)) => requests
                .finish(tenant, id, number, agent, outcome, now)
                .await
                .map(|committed| committed == Committed::First),
        }
        .map_err(failed)
    }

    async fn try_again(
        &self,
        seen: &Request,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.0.requests().next_attempt(seen.tenant, seen.id, attempt, now).await.map_err(failed)
    }
}
