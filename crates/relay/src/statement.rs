//! What an agent said about a request: verified, judged against the row, committed, and only then told to the waiter.

use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::link::{GoAhead, ToAgent};
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::settle::Before;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::{Says, Statement};

use crate::ledger::LedgerError;
use crate::link::Link;
use crate::relay::Relay;

/// Why a statement is not believed. The link that brought it is closed: an honest agent sends none of these.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The signature is not the agent's.
    #[error("a statement is not signed by the agent of the link")]
    Signature,
    /// It speaks for another agent.
    #[error("a statement speaks for another agent")]
    Speaker,
    /// The database failed; the agent sends it again on the next link.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
}

/// What a statement does to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It moves the row to this state.
    Move(RequestState),
    /// The agent that made the write says otherwise than another one that looked for it: the former is right.
    Correct(Outcome),
    /// It says nothing new, or too late: the row stays.
    None,
    /// It speaks of an attempt that was never handed to this agent's journal. Kept out, and logged.
    NotThisAttempt,
}

/// What `statement` does to `request`. Judged by the row alone, so that a repeated or replayed statement does nothing.
pub fn effect(request: &Request, statement: &Statement) -> Effect {
    let attempt = &request.attempt;
    // What another agent sees is asked for by the relay, and judged by it: see `settle`.
    let by_whom_it_was_handed_to = statement.agent == attempt.agent && statement.epoch == attempt.epoch;
    if statement.attempt != attempt.number || !by_whom_it_was_handed_to {
        return Effect::NotThisAttempt;
    }
    match (&request.state, &statement.says) {
        (RequestState::Dispatched, Says::Started { .. }) => {
            Effect::Move(RequestState::Started { before: before(request.operation, statement) })
        }
        (RequestState::Dispatched, Says::NotStarted { fault, operator }) => {
            if of_the_agent(fault) {
                Effect::Move(RequestState::NotStarted)
            } else {
                let (fault, operator) = (fault.clone(), operator.clone());
                Effect::Move(RequestState::Finished(Outcome::NotApplied { fault, operator }))
            }
        }
        (RequestState::Dispatched | RequestState::Started { .. }, Says::Ended { outcome }) => {
            Effect::Move(RequestState::Finished(outcome.clone()))
        }
        (
            RequestState::Dispatched
            | RequestState::Started { .. }
            | RequestState::Finished(Outcome::Unknown { .. }),
            Says::Settled { outcome },
        ) if !matches!(outcome, Outcome::Unknown { .. }) => {
            Effect::Move(RequestState::Finished(outcome.clone()))
        }
        (RequestState::Finished(settled), Says::Ended { outcome } | Says::Settled { outcome })
            if request.settled_by.is_some()
                && !request.corrected
                && !matches!(outcome, Outcome::Unknown { .. })
                && matches!(settled, Outcome::Done(_)) != matches!(outcome, Outcome::Done(_)) =>
        {
            Effect::Correct(outcome.clone())
        }
        _ => Effect::None,
    }
}

/// What a write is settled by if its agent stays away. A verification writes nothing.
fn before(operation: Operation, statement: &Statement) -> Option<Before> {
    match &statement.says {
        Says::Started { version_before: Some(version), database } if operation != Operation::Verify => {
            let (version, database) = (version.clone(), database.clone());
            Some(Before { version, database, begun_at: statement.at })
        }
        _ => None,
    }
}

/// Whether a fault lies with the agent, so that another agent may do better. Every other one is the person's, and another
/// agent would say the same.
pub const fn of_the_agent(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::AuthorisationRefused
            | Fault::Expired
            | Fault::DirectoryUnavailable
            | Fault::EnvelopeUnreadable
            | Fault::LimitReached
            | Fault::PdcUnreachable { .. }
            | Fault::ClockSkew
            | Fault::SwitchedOff
    )
}

impl Relay {
    /// Takes a statement that came over `link`: commits it first, then wakes whoever waits, then acknowledges it. An
    /// outcome is committed and acknowledged even if nobody waits any more.
    pub(crate) async fn take_statement(
        &self,
        link: &Link,
        signed: &Signed<Statement>,
    ) -> Result<(), StatementError> {
        let statement = link.verify(signed).ok_or(StatementError::Signature)?;
        if statement.agent != link.agent {
            return Err(StatementError::Speaker);
        }
        let taken = self.keep(link, &statement).await;
        let outcome = match &statement.says {
            Says::Ended { outcome } | Says::Settled { outcome } => Some(outcome),
            _ => None,
        };
        let outcome = outcome.filter(|outcome| !matches!(outcome, Outcome::Unknown { .. }));
        // The agent says it again until it is kept; whoever waits for it need not wait so long.
        if let (Err(StatementError::Ledger(_)), Some(outcome), Some(waiter)) =
            (&taken, outcome, self.waiting_for(statement.request))
        {
            waiter.keep_unrecorded(&statement, outcome.clone());
            waiter.wake();
        }
        taken
    }

    async fn keep(&self, link: &Link, statement: &Statement) -> Result<(), StatementError> {
        let id = statement.request;
        while let Some(request) = self.ledger.request(link.tenant, id).await? {
            match effect(&request, statement) {
                Effect::Move(state) => {
                    let state = match (state, &statement.says) {
                        // Nobody is left who could ask another agent: then it is over, and known.
                        (RequestState::NotStarted, Says::NotStarted { fault, operator })
                            if self.waiting_for(id).is_none() =>
                        {
                            let (fault, operator) = (fault.clone(), operator.clone());
                            RequestState::Finished(Outcome::NotApplied { fault, operator })
                        }
                        (state, _) => state,
                    };
                    if !self.ledger.advance(&request, &state, self.timer.now()).await? {
                        // Somebody moved the row since it was read: judge again by what it is now.
                        continue;
                    }
                    log(&request, statement);
                    if matches!(state, RequestState::Started { .. }) {
                        self.go_ahead(link, &request).await;
                    }
                }
                Effect::Correct(outcome) => {
                    let fact = self.corrected(&request, &outcome);
                    if !self.ledger.correct(&request, &outcome, &fact, self.timer.now()).await? {
                        continue;
                    }
                    tracing::warn!(request = %id, agent = %link.agent, reason = fact.reason, "an outcome was corrected");
                    log(&request, statement);
                }
                // Said again over a new link: the first go-ahead was lost with the one before.
                Effect::None => {
                    let says_so = matches!(statement.says, Says::Started { .. });
                    if says_so && matches!(request.state, RequestState::Started { .. }) {
                        self.go_ahead(link, &request).await;
                    }
                }
                Effect::NotThisAttempt => tracing::warn!(
                    request = %id, agent = %link.agent, attempt = statement.attempt,
                    "a statement about an attempt that is not under way was ignored"
                ),
            }
            break;
        }
        if let Some(waiter) = self.waiting_for(id) {
            if let Says::NotStarted { fault, operator } = &statement.says {
                waiter.keep_fault(fault.clone(), operator.clone());
            }
            waiter.wake();
        }
        // A 'started' gets its go-ahead and is not acknowledged: the agent would take that for its outcome's.
        if !matches!(statement.says, Says::Started { .. }) {
            let frame = ToAgent::Acknowledged { request: id, attempt: statement.attempt, at: statement.at };
            // If the link is gone, the agent sends it again on the next one.
            let _ = link.send(frame);
        }
        Ok(())
    }
}

impl Relay {
    /// What the administrators read of an outcome that was settled by another agent, and otherwise than it was.
    fn corrected(&self, request: &Request, outcome: &Outcome) -> Fact {
        let (before, now) = (request.outcome().map_or("unknown", result), result(outcome));
        let by = request.settled_by.map_or_else(String::new, |agent| agent.to_string());
        Fact {
            id: FactId::random(&*self.random),
            tenant: request.tenant,
            at: self.timer.now(),
            activity: Activity::OutcomeCorrected,
            actor: Actor::Agent(request.attempt.agent),
            target: Some(request.user),
            from: None,
            success: if matches!(outcome, Outcome::Done(_)) { Success::Success } else { Success::Failure },
            reason: format!(
                "{now}, says the agent that made the write; agent {by}, which looked for it while it stayed away, had proved: {before}"
            ),
            support_code: Some(request.support_code.clone()),
            correlation: CorrelationId::random(&*self.random),
            request: Some(request.id),
        }
    }

    /// Lets the agent begin what the row says has begun, if it waits for that.
    async fn go_ahead(&self, link: &Link, request: &Request) {
        let Attempt { number, agent, epoch, go_ahead, .. } = request.attempt;
        if !go_ahead {
            return;
        }
        let keys = match self.keyring.keys(link.tenant, self.timer.now()).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::error!(request = %request.id, %error, "the agent gets no go-ahead");
                return;
            }
        };
        let content = GoAhead { tenant: request.tenant, agent, epoch, request: request.id, attempt: number };
        // If the link is gone, the agent says that it has begun on the next one, or that its time had passed.
        let _ = link.send(ToAgent::Begin { go_ahead: Signed::sign(&content, &keys.signing) });
    }
}

fn log(request: &Request, statement: &Statement) {
    let (said, operator): (&str, Option<&Operator>) = match &statement.says {
        Says::Started { .. } => ("started", None),
        Says::NotStarted { operator, .. } => ("not started", Some(operator)),
        Says::Ended { outcome } => (result(outcome), Some(outcome.operator())),
        Says::Settled { outcome } => (result(outcome), Some(outcome.operator())),
    };
    tracing::info!(
        request = %request.id,
        support_code = %request.support_code,
        agent = %statement.agent,
        attempt = statement.attempt,
        said,
        dc = operator.and_then(|operator| operator.dc.as_deref()),
        ldap_code = operator.and_then(|operator| operator.ldap_code),
        detail = operator.map(|operator| operator.detail.as_str()),
        agent_ms = operator.map(|operator| operator.agent_ms),
        "agent statement"
    );
}

const fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Refused { .. } => "refused",
        Outcome::NotApplied { .. } => "not applied",
        Outcome::Unknown { .. } => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::envelope::Operation;
    use ritorno_protocol::ids::{AgentId, EpochId, RequestId, SourceAnchor, SupportCode, TenantId, UserId};
    use ritorno_protocol::outcome::Done;
    use ritorno_protocol::policy::Rule;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn dispatched() -> Request {
        Request {
            id: RequestId(Uuid::nil()),
            tenant: TenantId(Uuid::nil()),
            user: UserId(Uuid::nil()),
            anchor: SourceAnchor(String::new()),
            operation: Operation::Reset,
            administrator: None,
            envelope_digest: [0; 32],
            support_code: SupportCode(String::new()),
            attempt: Attempt {
                number: 1,
                agent: AgentId(Uuid::from_u128(1)),
                epoch: EpochId(Uuid::from_u128(1)),
                start_by: NOW,
                dead_after: NOW,
                go_ahead: false,
            },
            state: RequestState::Dispatched,
            settled_by: None,
            corrected: false,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        let operator = Operator::default;
        prop_oneof![
            Just(Outcome::Unknown { operator: operator() }),
            Just(Outcome::Refused { rule: Rule::Complexity, operator: operator() }),
            Just(Outcome::NotApplied { fault: Fault::NotFound, operator: operator() }),
            Just(Outcome::Done(Done {
                unlocked: true,
                must_change: false,
                history_enforced: true,
                operator: operator(),
            })),
        ]
    }

    fn says() -> impl Strategy<Value = Says> {
        let fault = prop_oneof![Just(Fault::SwitchedOff), Just(Fault::OutOfScope)];
        prop_oneof![
            Just(Says::Started { version_before: None, database: None }),
            fault.prop_map(|fault| Says::NotStarted { fault, operator: Operator::default() }),
            outcome().prop_map(|outcome| Says::Ended { outcome }),
            outcome().prop_map(|outcome| Says::Settled { outcome }),
        ]
    }

    fn statement() -> impl Strategy<Value = Statement> {
        (1..3_u32, 1..3_u128, 1..3_u128, says()).prop_map(|(attempt, agent, epoch, says)| Statement {
            agent: AgentId(Uuid::from_u128(agent)),
            epoch: EpochId(Uuid::from_u128(epoch)),
            request: RequestId(Uuid::nil()),
            attempt,
            at: NOW,
            says,
        })
    }

    proptest! {
        /// Whatever is said, in whatever order: only the agent that was asked moves the row; a proved outcome stays, save for what
        /// the relay found out through another agent (here: before the statement of that place), which the one that was asked may
        /// correct once; and nothing that began is given to another agent.
        #[test]
        fn no_order_of_statements_undoes_what_is_proved(
            said in proptest::collection::vec(statement(), 0..12),
            found_out in (0..12_usize, outcome()),
        ) {
            let mut row = dispatched();
            let mut began = false;
            for (place, statement) in said.iter().enumerate() {
                let by_the_asked = statement.agent == row.attempt.agent && statement.epoch == row.attempt.epoch;
                let is_proved = |row: &Request| {
                    row.outcome().is_some_and(|outcome| !matches!(outcome, Outcome::Unknown { .. }))
                };
                if place == found_out.0 && began && !is_proved(&row) {
                    row.state = RequestState::Finished(found_out.1.clone());
                    row.settled_by = Some(AgentId(Uuid::from_u128(9)));
                }
                let (state, corrects) = match effect(&row, statement) {
                    Effect::Move(state) => (state, false),
                    Effect::Correct(outcome) => (RequestState::Finished(outcome), true),
                    Effect::None | Effect::NotThisAttempt => continue,
                };
                let may_be_corrected = row.settled_by.is_some() && !row.corrected;
                prop_assert!(!is_proved(&row) || (corrects && may_be_corrected), "{:?} moved {:?}", statement, row.state);
                prop_assert_eq!(statement.attempt, 1);
                prop_assert!(by_the_asked);
                row.state = state;
                row.corrected |= corrects;
                began |= matches!(row.state, RequestState::Started { .. } | RequestState::Finished(_));
                prop_assert!(!(began && row.may_try_again()));
            }
        }
    }
}
