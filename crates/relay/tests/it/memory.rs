//! Rows in memory, with the conditions that the database's updates have.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use ritorno_identity::agent::Agent;
use ritorno_identity::agent_forests::served;
use ritorno_identity::audit::Fact;
use ritorno_identity::flow::Step;
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_identity::user::OnPremises;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, TenantId, UserId};
use ritorno_protocol::link::Health;
use ritorno_protocol::outcome::Outcome;
use ritorno_protocol::settle::Before;
use ritorno_relay::ledger::{Begun, HeldLink, Introduction, Ledger, LedgerError, Standing, Unsettled};

#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) agents: Vec<Agent>,
    pub(crate) requests: HashMap<RequestId, Request>,
    pub(crate) before: HashMap<RequestId, Before>,
    /// The object of whoever asks, as the rows have it.
    pub(crate) object: Option<OnPremises>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) links: HashMap<AgentId, HeldLink>,
    pub(crate) writeback_enabled: bool,
    /// Whether requests can't be read or moved.
    pub(crate) failing: bool,
}

impl Rows {
    fn fail(&self) -> Result<(), LedgerError> {
        match self.failing {
            true => Err(LedgerError("no connection".into())),
            false => Ok(()),
        }
    }
}

/// The rows, with the conditions that the database's updates have.
pub(crate) struct Memory(pub(crate) Mutex<Rows>);

#[async_trait]
impl Ledger for Memory {
    async fn standing(&self, _: TenantId) -> Result<Standing, LedgerError> {
        let rows = self.0.lock().unwrap();
        Ok(Standing { writeback_enabled: rows.writeback_enabled, agents: rows.agents.clone() })
    }

    async fn introduce(&self, _: TenantId, said: &Introduction, now: Timestamp) -> Result<bool, LedgerError> {
        self.agent(said.agent, |agent| {
            agent.identity_key = said.identity_key.clone();
            agent.identity = said.identity.clone();
            agent.next_identity = agent.next_identity.take().filter(|next| next.key != said.identity_key);
            agent.former = said.former.clone();
            agent.sealing = Some(said.sealing.clone());
            agent.epoch = Some(said.epoch);
            agent.claim = said.claim.clone();
            agent.last_seen_at = Some(now);
        });
        let mut rows = self.0.lock().unwrap();
        let all = rows.agents.clone();
        rows.agents.iter_mut().for_each(|agent| agent.forests = served(agent, &all));
        rows.facts.extend(said.facts.iter().cloned());
        Ok(true)
    }

    async fn heard(
        &self,
        _: TenantId,
        id: AgentId,
        health: &Health,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.agent(id, |agent| {
            agent.health = Some(health.clone());
            agent.last_seen_at = Some(now);
        });
        Ok(())
    }

    async fn link_up(&self, _: TenantId, held: &HeldLink) -> Result<(), LedgerError> {
        self.0.lock().unwrap().links.insert(held.agent, *held);
        Ok(())
    }

    async fn link_kept(&self, _: TenantId, held: &HeldLink) -> Result<bool, LedgerError> {
        let mut rows = self.0.lock().unwrap();
        let row = rows.links.get_mut(&held.agent).filter(|row| row.link == held.link);
        Ok(row.map(|row| *row = *held).is_some())
    }

    async fn link_down(&self, _: TenantId, held: &HeldLink) -> Result<(), LedgerError> {
        let mut rows = self.0.lock().unwrap();
        if rows.links.get(&held.agent).is_some_and(|row| row.link == held.link) {
            rows.links.remove(&held.agent);
        }
        Ok(())
    }

    async fn begin(&self, request: &Request, _: Option<&Step>) -> Result<Begun, LedgerError> {
        let mut rows = self.0.lock().unwrap();
        let new = !rows.requests.contains_key(&request.id);
        rows.requests.entry(request.id).or_insert_with(|| request.clone());
        Ok(if new { Begun::Now } else { Begun::Before })
    }

    async fn request(&self, _: TenantId, id: RequestId) -> Result<Option<Request>, LedgerError> {
        let rows = self.0.lock().unwrap();
        rows.fail()?;
        Ok(rows.requests.get(&id).cloned())
    }

    async fn unheard(
        &self,
        _: TenantId,
        agent: AgentId,
        epoch: EpochId,
        now: Timestamp,
    ) -> Result<Vec<Request>, LedgerError> {
        let of_it = |attempt: &Attempt| !attempt.go_ahead && attempt.agent == agent && attempt.epoch == epoch;
        Ok(self.dispatched(|attempt| of_it(attempt) && attempt.dead_after <= now))
    }

    async fn lapsed(&self, _: TenantId, before: Timestamp) -> Result<Vec<Request>, LedgerError> {
        Ok(self.dispatched(|attempt| attempt.go_ahead && attempt.dead_after <= before))
    }

    async fn unsettled(&self, _: TenantId, after: Timestamp) -> Result<Vec<Unsettled>, LedgerError> {
        let rows = self.0.lock().unwrap();
        let open = |request: &&Request| match &request.state {
            RequestState::Started { .. } | RequestState::Finished(Outcome::Unknown { .. }) => {
                request.created_at > after
            }
            _ => false,
        };
        let unsettled = rows.requests.values().filter(open).filter_map(|request| {
            let before = rows.before.get(&request.id)?.clone();
            Some(Unsettled { request: request.clone(), before, object: rows.object.clone() })
        });
        Ok(unsettled.collect())
    }

    async fn settle(
        &self,
        seen: &Request,
        outcome: &Outcome,
        by: AgentId,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let settled = self.advance(seen, &RequestState::Finished(outcome.clone()), now).await?;
        if settled {
            self.0.lock().unwrap().requests.get_mut(&seen.id).unwrap().settled_by = Some(by);
        }
        Ok(settled)
    }

    async fn never_settled(&self, seen: &Request) -> Result<(), LedgerError> {
        self.0.lock().unwrap().before.remove(&seen.id);
        Ok(())
    }

    async fn correct(
        &self,
        seen: &Request,
        outcome: &Outcome,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut rows = self.0.lock().unwrap();
        let row = rows.requests.get_mut(&seen.id).unwrap();
        let by_another = row.settled_by.is_some() && !row.corrected;
        if by_another {
            row.corrected = true;
            row.state = RequestState::Finished(outcome.clone());
            row.updated_at = now;
            rows.facts.push(fact.clone());
        }
        Ok(by_another)
    }

    async fn latest_of(&self, _: TenantId, user: UserId) -> Result<Option<Request>, LedgerError> {
        let rows = self.0.lock().unwrap();
        let of_user = rows.requests.values().filter(|request| request.user == user);
        let writing = of_user.filter(|request| request.operation != Operation::Verify);
        Ok(writing.max_by_key(|request| request.created_at).cloned())
    }

    async fn advance(
        &self,
        seen: &Request,
        state: &RequestState,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut rows = self.0.lock().unwrap();
        rows.fail()?;
        let row = rows.requests.get_mut(&seen.id).unwrap();
        let unmoved = row.state == seen.state && row.attempt == seen.attempt;
        if unmoved {
            row.state = state.clone();
            row.updated_at = now;
            if let RequestState::Started { before: Some(before) } = state {
                rows.before.insert(seen.id, before.clone());
            }
        }
        Ok(unmoved)
    }

    async fn try_again(&self, seen: &Request, next: &Attempt, now: Timestamp) -> Result<bool, LedgerError> {
        let mut rows = self.0.lock().unwrap();
        let row = rows.requests.get_mut(&seen.id).unwrap();
        let may = row.attempt.number + 1 == next.number && row.may_try_again();
        if may {
            row.attempt = *next;
            row.state = RequestState::Dispatched;
            row.updated_at = now;
        }
        Ok(may)
    }
}

impl Memory {
    fn dispatched(&self, which: impl Fn(&Attempt) -> bool) -> Vec<Request> {
        let rows = self.0.lock().unwrap();
        let open = rows.requests.values().filter(|row| row.state == RequestState::Dispatched);
        open.filter(|row| which(&row.attempt)).cloned().collect()
    }

    pub(crate) fn agent(&self, id: AgentId, change: impl FnOnce(&mut Agent)) {
        let mut rows = self.0.lock().unwrap();
        change(rows.agents.iter_mut().find(|agent| agent.id == id).unwrap());
    }

    pub(crate) fn row_of(&self, id: AgentId) -> Agent {
        self.0.lock().unwrap().agents.iter().find(|agent| agent.id == id).unwrap().clone()
    }

    /// The agent's link as other nodes see it.
    pub(crate) fn held_link(&self, id: AgentId) -> Option<HeldLink> {
        self.0.lock().unwrap().links.get(&id).copied()
    }

    /// What the administrators were told of so far.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.0.lock().unwrap().facts.clone()
    }

    /// The person is gone from the tenant.
    pub(crate) fn forget_the_person(&self) {
        self.0.lock().unwrap().object = None;
    }

    pub(crate) fn writeback(&self, enabled: bool) {
        self.0.lock().unwrap().writeback_enabled = enabled;
    }

    pub(crate) fn row(&self, id: RequestId) -> Option<Request> {
        self.0.lock().unwrap().requests.get(&id).cloned()
    }
}
