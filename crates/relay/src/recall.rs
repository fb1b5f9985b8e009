//! An order that nobody has heard of: it was lost with its link or its agent, or the server ended while it was on its way.
//!
//! One that needs a go-ahead got none, and gets none from now on: so nothing was begun, whatever became of the agent and its
//! journal. An agent from before there was a go-ahead is asked once more with what can't be begun any more, and answers from
//! its journal: what it did, or, signed, that it did not begin. Only the very journal that the order was for can say so; one
//! that was opened anew may have been put back from before.

use std::time::Duration;

use ritorno_identity::request::{Request, RequestState};
use ritorno_protocol::authorisation::{Authorisation, START_WITHIN};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{Forest, TenantId};
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::outcome::{Fault, Outcome};
use ritorno_protocol::signed::Signed;

use crate::dispatch_error::DispatchError;
use crate::relay::Relay;
use crate::submit::lapsed;

/// Whoever waits for an order sees within half a second that it lapsed, on whichever node, and may ask another agent.
const LEFT_TO_WAITERS: Duration = Duration::from_secs(5);

impl Relay {
    /// Ends every order that lapsed and that nobody waits for, and asks about each other one of which nothing was heard, as
    /// far as the agent that it went to is linked with the same journal. What was begun, and is not settled by its own agent, is
    /// settled through another one. Returns how many were ended, asked about or settled.
    ///
    /// # Errors
    /// [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn recall(&self, tenant: TenantId) -> Result<usize, DispatchError> {
        let asked = self.end_lapsed(tenant).await? + self.ask_about_unheard(tenant).await?;
        Ok(asked + self.settle_for_absent(tenant).await?)
    }

    async fn end_lapsed(&self, tenant: TenantId) -> Result<usize, DispatchError> {
        let now = self.timer.now();
        let mut ended = 0;
        for request in self.ledger.lapsed(tenant, now.minus(LEFT_TO_WAITERS)).await? {
            if self.waiting_for(request.id).is_some() {
                continue;
            }
            // In two steps, each only from the state before it: a 'started' that comes in between is refused its go-ahead,
            // or has got it and keeps its row.
            if self.ledger.advance(&request, &RequestState::NotStarted, now).await? {
                let outcome = Outcome::NotApplied { fault: Fault::Expired, operator: lapsed() };
                let unstarted = Request { state: RequestState::NotStarted, ..request };
                if self.ledger.advance(&unstarted, &RequestState::Finished(outcome), now).await? {
                    tracing::info!(request = %unstarted.id, "a lost order lapsed: it was not begun");
                    ended += 1;
                }
            }
        }
        Ok(ended)
    }

    async fn ask_about_unheard(&self, tenant: TenantId) -> Result<usize, DispatchError> {
        let now = self.timer.now();
        let mut asked = 0;
        for link in self.links.of(tenant) {
            let unheard = self.ledger.unheard(tenant, link.agent, link.epoch, now).await?;
            if unheard.is_empty() {
                continue;
            }
            let keys = self.keyring.keys(tenant, now).await?;
            for request in unheard {
                let (order, envelope) = expired(&request);
                let authorisation = Signed::sign(&order, &keys.signing);
                if link.send(ToAgent::Work { authorisation, envelope: Box::new(envelope) }).is_ok() {
                    tracing::info!(request = %request.id, agent = %link.agent, "the agent is asked about a lost order");
                    asked += 1;
                }
            }
        }
        Ok(asked)
    }
}

/// The order once more, as it was dated, with nothing in it that could be written: every agent refuses to begin it.
fn expired(request: &Request) -> (Authorisation, Envelope) {
    let attempt = &request.attempt;
    let context = Context {
        tenant: request.tenant,
        operation: request.operation,
        anchor: request.anchor.clone(),
        request: request.id,
        expires_at: attempt.start_by,
    };
    let nothing = || Bytes(Vec::new());
    let order = Authorisation {
        tenant: request.tenant,
        request: request.id,
        attempt: attempt.number,
        agent: attempt.agent,
        epoch: attempt.epoch,
        operation: request.operation,
        initiator: request.initiator(),
        anchor: request.anchor.clone(),
        forest: Forest(String::new()),
        object_guid: nothing(),
        object_sid: nothing(),
        envelope: Bytes(request.envelope_digest.to_vec()),
        must_change: false,
        forbid_names: false,
        banned_words: Vec::new(),
        known_browser: false,
        issued_at: attempt.start_by.minus(START_WITHIN),
        start_by: attempt.start_by,
        expires_at: attempt.start_by,
        go_ahead: false,
        evidence: None,
    };
    (order, Envelope { context, recipients: Vec::new(), nonce: nothing(), ciphertext: nothing() })
}
