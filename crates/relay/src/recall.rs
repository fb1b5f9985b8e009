//! An order that nobody has heard of: it was lost with its link, or the server ended while it was on its way. The agent is asked
//! once more with what can't be begun any more, and answers from its journal: what it did, or, signed, that it did not begin.
//!
//! Only the very journal that the order was for can say so. An agent that has started since may have a journal from before.

use ritorno_identity::request::Request;
use ritorno_protocol::authorisation::{Authorisation, Initiator, START_WITHIN};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{Forest, TenantId};
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::signed::Signed;

use crate::dispatch_error::DispatchError;
use crate::relay::Relay;

impl Relay {
    /// Asks about every order whose time is over and of which nothing was heard, as far as the agent that it went to is linked
    /// with the same journal. Returns how many were asked about.
    ///
    /// # Errors
    /// [`DispatchError::Keyring`], [`DispatchError::Ledger`].
    pub async fn recall(&self, tenant: TenantId) -> Result<usize, DispatchError> {
        let now = self.timer.now();
        let unheard = self.ledger.unheard(tenant, now).await?;
        if unheard.is_empty() {
            return Ok(0);
        }
        let keys = self.keyring.keys(tenant, now).await?;
        let mut asked = 0;
        for request in unheard {
            let link = self.links.get(tenant, request.attempt.agent);
            let Some(link) = link.filter(|link| link.epoch == request.attempt.epoch) else { continue };
            let (order, envelope) = expired(&request);
            let authorisation = Signed::sign(&order, &keys.signing);
            if link.send(ToAgent::Work { authorisation, envelope: Box::new(envelope) }).is_ok() {
                tracing::info!(request = %request.id, agent = %link.agent, "the agent is asked about a lost order");
                asked += 1;
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
        initiator: Initiator::Person,
        anchor: request.anchor.clone(),
        forest: Forest(String::new()),
        object_guid: nothing(),
        object_sid: nothing(),
        envelope: Bytes(request.envelope_digest.to_vec()),
        must_change: false,
        forbid_names: false,
        issued_at: attempt.start_by.minus(START_WITHIN),
        start_by: attempt.start_by,
        expires_at: attempt.start_by,
        evidence: None,
    };
    (order, Envelope { context, recipients: Vec::new(), nonce: nothing(), ciphertext: nothing() })
}
