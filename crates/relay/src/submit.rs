//! One request, at most once: the row is committed, one agent is named, and nobody else may write until that agent
//! has said that it did not begin (SECURITY: 'One request, at most once').

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ritorno_identity::flow::Step;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_identity::user::{OnPremises, User};
use ritorno_protocol::authorisation::{Authorisation, MAXIMUM_VALIDITY, START_WITHIN};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::{Envelope, Operation};
use ritorno_protocol::ids::{AgentId, EpochId, Forest, SupportCode, TenantId};
use ritorno_protocol::link::ToAgent;
use ritorno_protocol::outcome::{Fault, Operator, Outcome, Settled};
use ritorno_protocol::settle::DIRECTORY_TIMEOUT;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Statement;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tracing::Instrument as _;

use crate::dispatch_error::DispatchError;
use crate::keyring::TenantKeys;
use crate::ledger::{Begun, LedgerError, Standing};
use crate::link::{Link, lock};
use crate::offer::Offer;
use crate::relay::Relay;
use crate::tenant_state::TenantState;

/// How far a clock may move between two of the agent's reports, on top of the skew that the last one showed.
const DRIFT: Duration = Duration::from_secs(2);
/// How long an unknown outcome may take to settle in front of the person.
pub const SETTLE_WITHIN: Duration = Duration::from_secs(5);
/// How long a new request of a person waits for an earlier one that is not settled.
pub const EARLIER_WITHIN: Duration = Duration::from_secs(120);
/// How often a waiter looks at the row by itself: the wake-up may have gone to another node.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// Most attempts of one request.
const MAXIMUM_ATTEMPTS: u32 = 3;

/// One request to the directory.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The person, as the row is now.
    pub user: User,
    /// What was handed to the page.
    pub offer: Offer,
    /// What the page sealed. It lives in memory only.
    pub envelope: Envelope,
    /// The administrator who asks it for the person; `None` if it is the person.
    pub administrator: Option<AdministratorId>,
    /// What the person can give the help desk.
    pub support_code: SupportCode,
    /// Whether the person must change it at the next sign-in.
    pub must_change: bool,
    /// Whether the tenant forbids account and display name in the password.
    pub forbid_names: bool,
    /// Words that the tenant bans from passwords.
    pub banned_words: Vec<String>,
    /// Whether the browser is one in which the person succeeded before.
    pub known_browser: bool,
    /// The step of the flow that makes it, stored together with the request's row.
    pub step: Option<Step>,
}

/// Whose attempt, by which journal, and the number of it.
type Attempted = (AgentId, EpochId, u32);

/// Whoever waits for one request.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    changed: Notify,
    fault: Mutex<Option<(Fault, Operator)>>,
    unrecorded: Mutex<Option<(Attempted, Outcome)>>,
}

impl Waiter {
    pub(crate) fn wake(&self) {
        self.changed.notify_waiters();
    }

    pub(crate) fn keep_fault(&self, fault: Fault, operator: Operator) {
        *lock(&self.fault) = Some((fault, operator));
    }

    /// Keeps what an agent said of its attempt and the database could not: the person is told, though the row does not have it yet.
    pub(crate) fn keep_unrecorded(&self, statement: &Statement, outcome: Outcome) {
        let attempted = (statement.agent, statement.epoch, statement.attempt);
        *lock(&self.unrecorded) = Some((attempted, outcome));
    }

    /// How the attempt that is under way by `request` ended, if only its agent says so.
    fn unrecorded(&self, request: &Request) -> Option<Outcome> {
        let said = lock(&self.unrecorded).clone();
        let (attempted, outcome) = said?;
        let attempt = &request.attempt;
        (attempted == (attempt.agent, attempt.epoch, attempt.number)).then_some(outcome)
    }
}

/// What a waiter does next about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing before this moment, unless the row changes.
    WaitUntil(Timestamp),
    /// The agent said that it did not begin, or the order never left: another attempt may be made.
    TryAgain,
    /// The agent has not begun, and gets no go-ahead from now on: then it has not, and can't any more.
    Lapse,
    /// Tell what the row says; without an outcome it is unknown.
    Tell,
}

/// What to do about `request` at `now`. After 'started' nobody else may write, so it is only ever waited for. An order that
/// was sent and not heard of lapses if it needs a go-ahead, since it got none; another one may have been begun all the same,
/// its 'started' lost with the link.
pub fn next(request: &Request, now: Timestamp) -> Next {
    let wait = |until: Timestamp, then: Next| if now < until { Next::WaitUntil(until) } else { then };
    match &request.state {
        RequestState::Finished(Outcome::Unknown { .. }) => {
            wait(request.updated_at.plus(SETTLE_WITHIN), Next::Tell)
        }
        RequestState::Finished(_) => Next::Tell,
        RequestState::Started { .. } => {
            wait(request.updated_at.plus(DIRECTORY_TIMEOUT).plus(SETTLE_WITHIN), Next::Tell)
        }
        RequestState::NotStarted => Next::TryAgain,
        RequestState::Dispatched => {
            let then = if request.attempt.go_ahead { Next::Lapse } else { Next::Tell };
            wait(request.attempt.dead_after, then)
        }
    }
}

impl Relay {
    /// Carries one request to the directory and waits for its outcome, at most about a minute. A second call with the
    /// same request id is answered with the first one's outcome and dispatches nothing. Goes on to the end even if the
    /// caller goes away.
    ///
    /// # Errors
    /// [`DispatchError`]; in every case but [`DispatchError::Ledger`] nothing was written.
    pub async fn submit(self: &Arc<Self>, new: NewRequest) -> Result<Settled, DispatchError> {
        let relay = self.clone();
        tokio::spawn(async move { relay.run(new).await }.in_current_span())
            .await
            .unwrap_or_else(|error| Err(DispatchError::Ledger(LedgerError(Box::new(error)))))
    }

    async fn run(&self, new: NewRequest) -> Result<Settled, DispatchError> {
        let object = new.user.on_premises().ok_or(DispatchError::NotHybrid)?;
        let tenant = new.user.tenant;
        let about = &new.offer.context;
        if about.tenant != tenant || about.anchor != object.source_anchor || !new.offer.fits(&new.envelope) {
            return Err(DispatchError::Envelope);
        }
        let digest = new.envelope.digest().map_err(|_| DispatchError::Envelope)?;
        let waiter = self.waiter(about.request);
        if let Some(first) = self.ledger.request(tenant, about.request).await? {
            return self.follow(first, &new, &waiter).await;
        }
        if self.timer.now() >= about.expires_at {
            return Err(DispatchError::Expired);
        }
        // A verification writes nothing that could hide whether an earlier write was applied.
        if about.operation != Operation::Verify {
            self.await_earlier(&new).await?;
        }

        let (standing, keys) =
            tokio::join!(self.ledger.standing(tenant), self.keyring.keys(tenant, self.timer.now()));
        let (standing, keys) = (standing?, keys?);
        let mut tried: Vec<AgentId> = Vec::new();
        let (link, mut permit) = self.reserve(&new, object, &standing, &tried).await?;
        let now = self.timer.now();
        let mut request = Request {
            id: about.request,
            tenant,
            user: new.user.id,
            anchor: about.anchor.clone(),
            operation: about.operation,
            administrator: new.administrator,
            envelope_digest: digest,
            support_code: new.support_code.clone(),
            attempt: attempt(1, &link, now),
            state: RequestState::Dispatched,
            settled_by: None,
            corrected: false,
            created_at: now,
            updated_at: now,
        };
        match self.ledger.begin(&request, new.step.as_ref()).await? {
            Begun::Now => {}
            Begun::Before => {
                // Another call of the same id was faster.
                let first = self.ledger.request(tenant, request.id).await?.unwrap_or(request);
                return self.follow(first, &new, &waiter).await;
            }
            Begun::StepTaken => return Err(DispatchError::StepTaken),
        }
        let give_up = now.plus(MAXIMUM_VALIDITY);
        self.hand_over(&link, &request, &new, object, &keys).await?;
        loop {
            tried.push(request.attempt.agent);
            request = match self.until_next(&request, &waiter, give_up).await? {
                Waited::Over(request) => return Ok(told(&request, &waiter, self.timer.now())),
                Waited::MayTryAgain(request) => request,
            };
            drop(permit);
            let enough = request.attempt.number >= MAXIMUM_ATTEMPTS || self.timer.now() >= give_up;
            let another = match enough {
                true => None,
                false => self.reserve(&new, object, &standing, &tried).await.ok(),
            };
            let Some((link, reserved)) = another else {
                return self.nobody_left(request, &new, &waiter).await;
            };
            permit = reserved;
            let now = self.timer.now();
            let following = attempt(request.attempt.number + 1, &link, now);
            if self.ledger.try_again(&request, &following, now).await? {
                request = Request {
                    attempt: following,
                    state: RequestState::Dispatched,
                    updated_at: now,
                    ..request
                };
                self.hand_over(&link, &request, &new, object, &keys).await?;
            } else if let Some(moved) = self.ledger.request(tenant, request.id).await? {
                request = moved;
            }
        }
    }

    /// Signs the order and queues it. If the link is gone, the order provably never left: the row says so at once.
    async fn hand_over(
        &self,
        link: &Link,
        request: &Request,
        new: &NewRequest,
        object: &OnPremises,
        keys: &TenantKeys,
    ) -> Result<(), DispatchError> {
        let issued_at = request.updated_at;
        let authorisation = Authorisation {
            tenant: request.tenant,
            request: request.id,
            attempt: request.attempt.number,
            agent: link.agent,
            epoch: link.epoch,
            operation: request.operation,
            initiator: request.initiator(),
            anchor: request.anchor.clone(),
            forest: object.forest.clone(),
            object_guid: object.object_guid.clone(),
            object_sid: object.object_sid.clone(),
            envelope: Bytes(request.envelope_digest.to_vec()),
            must_change: new.must_change,
            forbid_names: new.forbid_names,
            banned_words: new.banned_words.clone(),
            known_browser: new.known_browser,
            issued_at,
            start_by: request.attempt.start_by,
            expires_at: issued_at.plus(MAXIMUM_VALIDITY).min(new.offer.context.expires_at),
            go_ahead: request.attempt.go_ahead,
            evidence: None,
        };
        let frame = ToAgent::Work {
            authorisation: Signed::sign(&authorisation, &keys.signing),
            envelope: Box::new(new.envelope.clone()),
        };
        tracing::info!(
            request = %request.id, support_code = %request.support_code, agent = %link.agent,
            attempt = request.attempt.number, operation = ?request.operation, "request dispatched"
        );
        if link.send(frame).is_err() {
            self.ledger.advance(request, &RequestState::NotStarted, self.timer.now()).await?;
        }
        Ok(())
    }

    /// The live agents that reach the person's forest now and are unrevoked and on: the least busy first.
    pub(crate) fn able(&self, tenant: TenantId, forest: &Forest, standing: &Standing) -> Vec<Arc<Link>> {
        if !standing.writeback_enabled {
            return Vec::new();
        }
        let now = self.timer.now();
        let mut links: Vec<_> = standing
            .agents
            .iter()
            .filter(|agent| agent.can_receive(forest))
            .filter_map(|agent| self.links.get(tenant, agent.id))
            .filter(|link| link.reaches(forest, now))
            .collect();
        // The least loaded, and of those that have as much to do the one that is nearest to the PDC emulator.
        links.sort_by_cached_key(|link| {
            (std::cmp::Reverse(link.in_flight.available_permits()), link.distance_ms(forest, now))
        });
        links
    }

    async fn reserve(
        &self,
        new: &NewRequest,
        object: &OnPremises,
        standing: &Standing,
        tried: &[AgentId],
    ) -> Result<(Arc<Link>, OwnedSemaphorePermit), DispatchError> {
        let (tenant, now) = (new.user.tenant, self.timer.now());
        let mut able = self.able(tenant, &object.forest, standing);
        able.retain(|link| !tried.contains(&link.agent) && link.opens(&new.offer.keys, now));
        let Some(link) = able.into_iter().next() else {
            // 'Ready' would be no reason: the agents that are ready have come after the page got its keys.
            let state = match self.state_of(tenant, standing) {
                TenantState::Ready => TenantState::NoAgent { since: None },
                state => state,
            };
            return Err(DispatchError::Unavailable(state));
        };
        let until = self.timer.now().plus(START_WITHIN);
        let permit = tokio::select! {
            permit = link.in_flight.clone().acquire_owned() => permit.map_err(|_| DispatchError::Busy)?,
            () = self.timer.sleep_until(until) => return Err(DispatchError::Busy),
        };
        Ok((link, permit))
    }

    /// Waits until the row is over, or another attempt may be made.
    async fn until_next(
        &self,
        request: &Request,
        waiter: &Waiter,
        give_up: Timestamp,
    ) -> Result<Waited, DispatchError> {
        let mut row = request.clone();
        loop {
            // Listen first and look then, so that no change between the two is missed.
            let changed = waiter.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let read = self.ledger.request(request.tenant, request.id).await;
            let now = self.timer.now();
            match read {
                Ok(read) => row = read.unwrap_or(row),
                // An agent at work ends what it began, and says so, whether or not that can be written down here.
                Err(_) if waiter.unrecorded(&row).is_some() => return Ok(Waited::Over(row)),
                Err(_) if matches!(next(&row, now), Next::WaitUntil(_)) && now < give_up => {}
                Err(error) => return Err(error.into()),
            }
            let until = match next(&row, now) {
                Next::Tell => return Ok(Waited::Over(row)),
                Next::TryAgain => return Ok(Waited::MayTryAgain(row)),
                Next::Lapse => {
                    // A 'started' that comes at the same moment is committed first, or gets no go-ahead.
                    if self.ledger.advance(&row, &RequestState::NotStarted, now).await? {
                        waiter.keep_fault(Fault::Expired, lapsed());
                    }
                    continue;
                }
                Next::WaitUntil(_) if now >= give_up => return Ok(Waited::Over(row)),
                Next::WaitUntil(until) => until.min(give_up).min(now.plus(POLL_EVERY)),
            };
            tokio::select! {
                () = changed => {}
                () = self.timer.sleep_until(until) => {}
            }
        }
    }

    /// Answers a repeated request id from the first one's row. It has no right to make another attempt.
    async fn follow(
        &self,
        first: Request,
        new: &NewRequest,
        waiter: &Waiter,
    ) -> Result<Settled, DispatchError> {
        let about = &new.offer.context;
        if first.user != new.user.id || first.operation != about.operation || first.anchor != about.anchor {
            return Err(DispatchError::AnotherRequest);
        }
        let give_up = self.timer.now().plus(MAXIMUM_VALIDITY);
        let mut row = first;
        loop {
            row = match self.until_next(&row, waiter, give_up).await? {
                Waited::Over(row) => return Ok(told(&row, waiter, self.timer.now())),
                Waited::MayTryAgain(row) => row,
            };
            let now = self.timer.now();
            if now >= give_up {
                return Ok(told(&row, waiter, now));
            }
            // The first call holds the envelope and makes the attempt, or closes the row.
            self.timer.sleep_until(now.plus(POLL_EVERY)).await;
        }
    }

    /// There is no agent left to try: the request was not applied, for the last one's reason.
    async fn nobody_left(
        &self,
        request: Request,
        new: &NewRequest,
        waiter: &Waiter,
    ) -> Result<Settled, DispatchError> {
        let kept = lock(&waiter.fault).clone();
        let (fault, operator) = kept.unwrap_or_else(|| {
            let detail = "the link to the agent was lost before the request was sent".to_owned();
            (Fault::DirectoryUnavailable, Operator { detail, ..Operator::default() })
        });
        let state = RequestState::Finished(Outcome::NotApplied { fault, operator });
        let now = self.timer.now();
        if self.ledger.advance(&request, &state, now).await? {
            waiter.wake();
            return Ok(told(&Request { state, ..request }, waiter, now));
        }
        let moved = self.ledger.request(request.tenant, request.id).await?.unwrap_or(request);
        self.follow(moved, new, waiter).await
    }

    /// Waits for an earlier request of the same person that is not settled: a second write now would hide whether the
    /// first was applied.
    async fn await_earlier(&self, new: &NewRequest) -> Result<(), DispatchError> {
        loop {
            let Some(earlier) = self.ledger.latest_of(new.user.tenant, new.user.id).await? else {
                return Ok(());
            };
            let open = match &earlier.state {
                RequestState::Finished(outcome) => matches!(outcome, Outcome::Unknown { .. }),
                RequestState::NotStarted => false,
                RequestState::Dispatched | RequestState::Started { .. } => true,
            };
            let now = self.timer.now();
            if !open || now >= earlier.created_at.plus(EARLIER_WITHIN) {
                return Ok(());
            }
            if now >= new.offer.context.expires_at {
                return Err(DispatchError::Unsettled);
            }
            self.timer.sleep_until(now.plus(POLL_EVERY)).await;
        }
    }
}

/// What operators read of an order that lapsed.
pub(crate) fn lapsed() -> Operator {
    let detail = "the agent was not heard of, and can't begin any more: it got no go-ahead".to_owned();
    Operator { detail, ..Operator::default() }
}

enum Waited {
    Over(Request),
    MayTryAgain(Request),
}

fn attempt(number: u32, link: &Link, now: Timestamp) -> Attempt {
    let start_by = now.plus(START_WITHIN);
    let skew = Duration::from_millis(link.skew_ms()) + DRIFT;
    let dead_after = start_by.plus(skew).plus(DIRECTORY_TIMEOUT);
    Attempt { number, agent: link.agent, epoch: link.epoch, start_by, dead_after, go_ahead: link.go_ahead }
}

/// The last word for the person. A row without an outcome is unknown.
fn told(request: &Request, waiter: &Waiter, now: Timestamp) -> Settled {
    let is_open = request.outcome().is_none_or(|outcome| matches!(outcome, Outcome::Unknown { .. }));
    if let Some(outcome) = waiter.unrecorded(request).filter(|_| is_open) {
        return Settled { operation: request.operation, outcome, at: now, recorded: false };
    }
    let outcome = request.outcome().cloned().unwrap_or_else(|| {
        let detail = match request.state {
            RequestState::Started { .. } => "the agent began, and did not say in time how it ended",
            _ => "the agent did not say in time whether it began",
        };
        Outcome::Unknown { operator: Operator { detail: detail.into(), ..Operator::default() } }
    });
    let at = if request.outcome().is_some() { request.updated_at } else { now };
    Settled { operation: request.operation, outcome, at, recorded: true }
}
