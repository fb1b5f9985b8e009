//! A request whose outcome was unknown: looked at until its agent has settled it, then told by mail if the password was
//! set after all, and written down either way. The outcome page reads the same row by itself.

use std::time::Duration;

use ritorno_identity::audit::{Activity, Actor, Fact};
use ritorno_identity::flow::Flow;
use ritorno_identity::ids::FactId;
use ritorno_identity::user::User;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::Outcome;

use crate::portal::notice;
use crate::portal::submit::told_to_operators;
use crate::state::AppState;

/// How long an agent goes on settling.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// How often the row is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks in the background, while this server runs.
pub(super) fn watch(state: AppState, flow: Flow, user: User, request: RequestId) {
    tokio::spawn(async move {
        let until = state.clock.now().plus(GIVEN_UP_AFTER);
        while state.clock.now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(outcome) = settled(&state, &flow, request).await else { continue };
            if matches!(outcome, Outcome::Done(_)) {
                notice::changed(&state, &flow, &user).await;
            }
            note(&state, &flow, &user, request, &outcome).await;
            return;
        }
    });
}

/// The outcome, once it is not unknown any more. A database that fails is asked again.
async fn settled(state: &AppState, flow: &Flow, request: RequestId) -> Option<Outcome> {
    let row = state.store.requests().get(flow.tenant, request).await.ok()??;
    row.outcome().filter(|outcome| !matches!(outcome, Outcome::Unknown { .. })).cloned()
}

async fn note(state: &AppState, flow: &Flow, user: &User, request: RequestId, outcome: &Outcome) {
    let (success, what) = told_to_operators(outcome);
    let fact = Fact {
        id: FactId::random(&*state.random),
        tenant: flow.tenant,
        at: state.clock.now(),
        activity: Activity::ResetPassword,
        actor: Actor::User(user.id),
        target: Some(user.id),
        from: None,
        success,
        reason: format!("settled: {what}"),
        support_code: Some(flow.support_code.clone()),
        correlation: flow.correlation,
        request: Some(request),
    };
    if let Err(error) = state.store.audit().append(&fact).await {
        tracing::error!(%error, %request, "a settled outcome could not be written down");
    }
}
