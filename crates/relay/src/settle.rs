//! A request whose agent began and stays away: another live agent of the person's forest is asked, by a signed question, which version
//! their password has at the PDC emulator. Nothing is written by it. A write is looked for once it can't come any more, and no
//! earlier: until then one version more may be somebody else's, with ours still to come. The rule is the agents' own
//! ([`prove`]): 'done' only by one version more that the very database wrote which was to be written to, at the time of the attempt;
//! 'not applied' only by the same version there. Never by `pwdLastSet`. Whatever can't be proved so stays unknown.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use ritorno_identity::request::{Attempt, Request};
use ritorno_identity::user::OnPremises;
use ritorno_protocol::authorisation::{MAXIMUM_VALIDITY, START_WITHIN};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, RequestId, TenantId};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::query::{Asks, Found, Query};
use ritorno_protocol::random::array;
use ritorno_protocol::settle::{Before, Proof, SETTLE_FOR, SeenVersion, prove};
use ritorno_protocol::statement::PasswordVersion;

use crate::ask::{OTHER_AFTER, put};
use crate::dispatch_error::DispatchError;
use crate::ledger::{Standing, Unsettled};
use crate::link::lock;
use crate::relay::Relay;

/// An agent that is linked settles what it began by itself, and knows more. If it has not by then, its journal is lost.
const LEFT_TO_ITS_AGENT: Duration = Duration::from_secs(60);
/// Pause after the first look at a request; doubled until [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause between two looks at a request.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long after its order's end a write may still reach the directory. The agent may have died after it had handed it to the system,
/// which goes on sending for a connection without an owner: with Linux's own settings some 100 s (tcp_orphan_retries).
const LATE_WRITE: Duration = Duration::from_secs(120);

/// Looks at the same time: people's own questions to the agents go before.
const LOOKS_AT_ONCE: usize = 8;

/// When each unsettled request is looked at next, and the pause after that.
pub(crate) type Looks = HashMap<RequestId, (Timestamp, Duration)>;

/// From when on the write of an attempt can't come any more: its order has ended, by the server's clock and by the agent's, and so has
/// whatever was on its way.
pub fn over_at(attempt: &Attempt) -> Timestamp {
    let ended = attempt.start_by.plus(MAXIMUM_VALIDITY.saturating_sub(START_WITHIN));
    ended.max(attempt.dead_after).plus(LATE_WRITE)
}

/// What another agent's look proves about a request, once its write can't come any more.
fn judge(operation: Operation, before: &Before, seen: &SeenVersion, locked: bool) -> Proof {
    match operation {
        // Clearing a lockout twice is clearing it once: what counts is that it is gone.
        Operation::Unlock if locked => Proof::NotYet,
        Operation::Unlock => Proof::Applied,
        Operation::Reset | Operation::Change => match before.version {
            PasswordVersion::Replicated { .. } => prove(before, seen, true),
            PasswordVersion::LastSet { .. } => Proof::Never,
        },
        // It writes nothing; a version that grew is somebody else's change.
        Operation::Verify => Proof::Never,
    }
}

impl Relay {
    /// Looks, through other agents, at every request that is not settled and whose agent does not see to it. Returns how many were
    /// settled.
    pub(crate) async fn settle_for_absent(&self, tenant: TenantId) -> Result<usize, DispatchError> {
        let now = self.timer.now();
        let unsettled = self.ledger.unsettled(tenant, now.minus(SETTLE_FOR)).await?;
        lock(&self.looks).retain(|id, _| unsettled.iter().any(|one| one.request.id == *id));
        let due: Vec<_> = unsettled.into_iter().filter(|one| self.is_due(&one.request, now)).collect();
        if due.is_empty() {
            return Ok(0);
        }
        let standing = self.ledger.standing(tenant).await?;
        let looks = due.into_iter().map(|one| self.look(one, &standing));
        let mut settled = 0;
        let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        while let Some(proved) = looks.next().await {
            settled += usize::from(proved?);
        }
        Ok(settled)
    }

    fn is_due(&self, request: &Request, now: Timestamp) -> bool {
        let linked = self.links.get(request.tenant, request.attempt.agent).is_some();
        let left_alone = linked && now < request.updated_at.plus(LEFT_TO_ITS_AGENT);
        let may_still_come = request.operation != Operation::Unlock && now < over_at(&request.attempt);
        !left_alone
            && !may_still_come
            && lock(&self.looks).get(&request.id).is_none_or(|(next, _)| now >= *next)
    }

    /// One look; whether it settled the request.
    async fn look(&self, one: Unsettled, standing: &Standing) -> Result<bool, DispatchError> {
        let Unsettled { request, before, object } = one;
        let Some(object) = object else {
            // Nobody of that anchor is in the tenant any more.
            self.ledger.never_settled(&request).await?;
            return Ok(false);
        };
        let now = self.timer.now();
        let Some((seen, locked, by)) = self.ask_version(&request, &object, standing, now).await? else {
            self.look_later(request.id, now);
            return Ok(false);
        };
        match judge(request.operation, &before, &seen, locked) {
            Proof::NotYet => {
                self.look_later(request.id, now);
                Ok(false)
            }
            Proof::Never => {
                tracing::info!(request = %request.id, agent = %by, "it can't be told by the password's version how it ended");
                self.ledger.never_settled(&request).await?;
                Ok(false)
            }
            proof @ (Proof::Applied | Proof::NotApplied) => {
                let name =
                    standing.agents.iter().find(|agent| agent.id == by).map_or("", |agent| &agent.name);
                let outcome = outcome(request.operation, proof == Proof::Applied, name);
                let settled = self.ledger.settle(&request, &outcome, by, self.timer.now()).await?;
                if settled {
                    tracing::info!(
                        request = %request.id, support_code = %request.support_code, agent = %by,
                        began = %request.attempt.agent, detail = outcome.operator().detail,
                        "settled for an agent that stays away"
                    );
                    if let Some(waiter) = self.waiting_for(request.id) {
                        waiter.wake();
                    }
                }
                Ok(settled)
            }
        }
    }

    /// Looks at a request later, and later each time.
    fn look_later(&self, request: RequestId, now: Timestamp) {
        let mut looks = lock(&self.looks);
        let pause = looks.get(&request).map_or(FIRST_PAUSE, |(_, pause)| *pause);
        looks.insert(request, (now.plus(pause), (pause * 2).min(LONGEST_PAUSE)));
    }

    /// The first answer of an agent that knows the question: the version, whether the account is locked, and who says so.
    async fn ask_version(
        &self,
        request: &Request,
        object: &OnPremises,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Option<(SeenVersion, bool, AgentId)>, DispatchError> {
        let able = self.able(request.tenant, &object.forest, standing);
        if able.is_empty() {
            return Ok(None);
        }
        let keys = self.keyring.keys(request.tenant, now).await?;
        for link in able {
            // One that hangs keeps the next one from nothing but a moment.
            let expires_at = self.timer.now().plus(OTHER_AFTER);
            let query = Query {
                id: uuid::Builder::from_random_bytes(array(&*self.random)).into_uuid(),
                tenant: request.tenant,
                agent: link.agent,
                anchor: object.source_anchor.clone(),
                forest: object.forest.clone(),
                object_guid: object.object_guid.clone(),
                object_sid: object.object_sid.clone(),
                forbid_names: false,
                asks: Asks::PasswordVersion,
                expires_at,
            };
            let agent = link.agent;
            let answered = tokio::select! {
                answered = put(link, query, &keys.signing) => answered,
                () = self.timer.sleep_until(expires_at) => continue,
            };
            // One of the version before tells the policy; another one may not see the person.
            if let Ok(Found::Password { seen, locked }) = answered {
                return Ok(Some((seen, locked, agent)));
            }
        }
        Ok(None)
    }
}

fn outcome(operation: Operation, applied: bool, by: &str) -> Outcome {
    let what = if applied { "did apply it" } else { "did not apply it" };
    let detail = format!(
        "settled by '{by}', which looked for the agent that began and stays away: the directory {what}"
    );
    let operator = Operator { detail, ..Operator::default() };
    if applied {
        // What came with it is not known; the least is said.
        let unlocked = operation == Operation::Unlock;
        Outcome::Done(Done { unlocked, must_change: false, history_enforced: false, operator })
    } else {
        Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator }
    }
}
