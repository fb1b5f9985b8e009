//! What follows an outcome that nobody waited for: the server stopped in between, or the outcome was unknown and its agent, or
//! another one that looked for it, has settled it since. The flow is advanced, the fact written down, and whoever's password was set after all is told by mail.

use std::time::Duration;

use ritorno_identity::audit::{Activity, Actor, Fact};
use ritorno_identity::flow::Flow;
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::request::{Attempt, Request};
use ritorno_protocol::authorisation::MAXIMUM_VALIDITY;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_storage::StoreError;

use crate::administrator_mails;
use crate::portal::notice;
use crate::portal::submit::{activity, told_to_operators};
use crate::state::AppState;

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Whoever waits for an outcome follows it up within a moment; this long it is left to them.
pub const LEFT_ALONE: Duration = Duration::from_secs(15);
/// No server goes on with a request after its validity.
const GIVEN_UP_AFTER: Duration = MAXIMUM_VALIDITY.saturating_mul(2);
/// Requests of one look.
const AT_ONCE: u32 = 100;

/// Follows up what is left over, for as long as it is let.
pub async fn work(state: AppState) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = once(&state).await {
            tracing::error!(%error, "an outcome could not be followed up; it is tried again");
        }
    }
}

/// Looks once; how many requests were followed up. One that fails is tried again after a while, and may then be told
/// twice: better than not at all.
///
/// # Errors
/// [`StoreError`].
pub async fn once(state: &AppState) -> Result<usize, StoreError> {
    close_unstarted(state).await?;
    let now = state.clock.now();
    let before = now.minus(LEFT_ALONE);
    let left = state.store.requests().to_follow_up(state.tenant, before, AT_ONCE).await?;
    let mut done = 0;
    for request in &left {
        let Some(outcome) = request.outcome() else { continue };
        // Another server may have been faster.
        if !state.store.requests().take_follow_up(request.tenant, request.id, before, now).await? {
            continue;
        }
        match follow(state, request, outcome).await {
            Ok(()) => {
                state.store.requests().followed_up(request.tenant, request.id, request.corrected).await?;
                done += 1;
            }
            // One that fails keeps no other from being told.
            Err(error) => {
                tracing::error!(%error, request = %request.id, "an outcome could not be followed up");
            }
        }
    }
    Ok(done)
}

/// Ends what no agent began and nobody sends to another one any more, since its server stopped: nothing was written.
async fn close_unstarted(state: &AppState) -> Result<(), StoreError> {
    let now = state.clock.now();
    let before = now.minus(GIVEN_UP_AFTER);
    let left = state.store.requests().left_unstarted(state.tenant, before, AT_ONCE).await?;
    for request in &left {
        let detail = "no agent began, and the server stopped before another one was asked".to_owned();
        let operator = Operator { detail, ..Operator::default() };
        let outcome = Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator };
        let Attempt { number, agent, .. } = request.attempt;
        state.store.requests().finish(request.tenant, request.id, number, agent, &outcome, now).await?;
    }
    Ok(())
}

async fn follow(state: &AppState, request: &Request, outcome: &Outcome) -> Result<(), StoreError> {
    let flow = state.store.flows().by_support_code(request.tenant, &request.support_code).await?;
    if let Some(flow) = &flow
        && let Ok(after) = flow.ended(request.id, outcome)
    {
        state.store.flows().advance(flow, &after).await?;
    }
    // The fact first: if it can't be written down, nobody gets a letter at every look. If what follows fails, it is there
    // already at the next look.
    match state.store.audit().append(&fact(state, request, outcome, flow.as_ref())).await {
        Ok(()) | Err(StoreError::Contradiction(_)) => {}
        Err(error) => return Err(error),
    }
    let done = matches!(outcome, Outcome::Done(_));
    if (done || request.corrected)
        && request.operation != Operation::Unlock
        && let Some(user) = state.store.users().get(request.tenant, request.user).await?
    {
        let tenant = state.store.tenants().get(request.tenant).await?;
        let of_tenant = || tenant.as_ref().map(|tenant| tenant.language_of(&user)).unwrap_or_default();
        let language = user.language.or(flow.as_ref().map(|flow| flow.language)).unwrap_or_else(of_tenant);
        if done {
            notice::forget_registrations(state, &user).await;
            match request.administrator {
                None => {
                    let unusual = flow.as_ref().is_some_and(|flow| !flow.known_browser);
                    notice::changed(state, &user, language, &request.support_code, unusual).await?;
                    if let Some(tenant) = tenant.filter(|_| request.operation == Operation::Reset) {
                        administrator_mails::person_reset(state, &tenant, &user, &request.support_code).await;
                    }
                }
                Some(by) => {
                    let by = state.store.administrators().get(request.tenant, by).await?;
                    let name = by.map(|by| by.name).unwrap_or_default();
                    notice::given(state, &user, language, &name, &request.support_code).await?;
                }
            }
        } else {
            notice::not_changed(state, &user, language, &request.support_code).await?;
        }
    }
    Ok(())
}

fn fact(state: &AppState, request: &Request, outcome: &Outcome, flow: Option<&Flow>) -> Fact {
    let (success, what) = told_to_operators(outcome);
    Fact {
        // One for each request, however often it is tried.
        id: FactId(request.id.0),
        tenant: request.tenant,
        at: state.clock.now(),
        activity: match request.administrator {
            None => activity(request.operation),
            Some(_) => Activity::ResetByAdministrator,
        },
        actor: request.administrator.map_or(Actor::User(request.user), Actor::Administrator),
        target: Some(request.user),
        from: None,
        success,
        reason: format!("told later: {what}"),
        support_code: Some(request.support_code.clone()),
        correlation: flow.map_or_else(|| CorrelationId::random(&*state.random), |flow| flow.correlation),
        request: Some(request.id),
    }
}
