//! `GET /reset/outcome`: how it ended, as often as it is asked. Nothing is done again by asking.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::flow::{Flow, FlowState};
use ritorno_identity::request::Request;
use ritorno_identity::sspr::{self, Due};
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::Outcome;
use serde::Deserialize;
use std::sync::Arc;

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::code::ended;
use crate::portal::offers::Offers;
use crate::portal::password::{NOT_ARRIVED, person};
use crate::portal::refusal::Refusal;
use crate::portal::register::standing;
use crate::portal::rules::refused;
use crate::portal::visit::{done_here, is_known, of_browser, tenant};
use crate::reader::Reader;
use crate::state::AppState;

/// What the link says.
#[derive(Deserialize)]
pub(super) struct Asked {
    other: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "portal/outcome.html")]
pub(super) struct OutcomePage {
    t: Words,
    frame: Frame,
    title: &'static str,
    end: End,
    /// Whether it is about unlocking alone.
    unlock: bool,
    /// Whether to tell that what was sent last was not taken, since another tab or window had gone on.
    other: bool,
    /// The key of what the person is asked to do about their ways to prove who they are.
    due: Option<&'static str>,
    support_code: String,
}

/// How it ended, for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The new password works.
    Done {
        /// Whether the lockout is cleared too.
        unlocked: bool,
        /// Whether it must be changed at the next sign-in.
        must_change: bool,
    },
    /// The new password is kept in the tenant itself, and works.
    Kept,
    /// The account is unlocked, and the password is the one it was.
    Unlocked,
    /// A rule refused it.
    Refused {
        /// The rule in words.
        told: String,
    },
    /// It provably changed nothing.
    Failed {
        /// Why.
        refusal: Refusal,
        /// Whether the gate is still passed.
        again: bool,
    },
    /// It can't be told.
    Unknown,
    /// It is on its way.
    Pending,
}

impl End {
    /// An outcome for the person.
    pub(super) fn of(operation: Operation, outcome: &Outcome, t: Words, flow: &Flow) -> Self {
        match outcome {
            Outcome::Done(_) if operation == Operation::Unlock => Self::Unlocked,
            Outcome::Done(done) => Self::Done { unlocked: done.unlocked, must_change: done.must_change },
            Outcome::Refused { rule, .. } => Self::Refused { told: refused(t, rule) },
            Outcome::NotApplied { fault, .. } => Self::Failed {
                refusal: Refusal::of_fault(fault, flow.support_code.clone()),
                // What was settled after the flow had ended leaves no gate passed.
                again: !matches!(flow.state, FlowState::Finished(_)),
            },
            Outcome::Unknown { .. } => Self::Unknown,
        }
    }
}

impl OutcomePage {
    /// The page for a flow that came to `end` with that operation.
    pub(super) fn new(reader: &Reader, tenant: &Tenant, flow: &Flow, operation: Operation, end: End) -> Self {
        let unlock = operation == Operation::Unlock;
        let title = match &end {
            End::Done { .. } | End::Kept => key("done-title"),
            End::Unlocked => key("unlocked-title"),
            End::Refused { .. } => key("refused-title"),
            End::Failed { .. } if unlock => key("unlock-failed-title"),
            End::Failed { .. } => key("refusal-title"),
            End::Unknown => key("unknown-title"),
            End::Pending => key("pending-title"),
        };
        Self {
            t: reader.words(tenant),
            frame: Frame::new(tenant, "/reset/outcome"),
            title,
            end,
            unlock,
            other: false,
            due: None,
            support_code: flow.support_code.0.clone(),
        }
    }
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(offers): Extension<Arc<Offers>>,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let other = asked.other.is_some();
    let tenant = tenant(&state).await?;
    let Some(flow) = of_browser(&state, &jar).await? else { return Ok(ended()) };
    let end = match flow.state {
        FlowState::Submitted(request) | FlowState::Finished(request) => {
            of_request(&state, &reader, &tenant, &flow, request).await?
        }
        // Until it has a row, of which kind it is can't be told, and need not.
        FlowState::GatePassed if offers.sent_by(flow.id).is_some() => Some((Operation::Reset, End::Pending)),
        FlowState::GatePassed => match offers.refusal(flow.id) {
            Some((operation, refusal)) => Some((operation, End::Failed { refusal, again: true })),
            None => last_of(&state, &reader, &tenant, &flow).await?,
        },
        FlowState::Kept => Some((flow.purpose.operation(), End::Kept)),
        FlowState::Started | FlowState::CodeSent => {
            let place = if other { "/reset/code?other=tab" } else { "/reset/code" };
            return Ok(Redirect::to(place).into_response());
        }
    };
    let Some((operation, end)) = end else { return Ok(Redirect::to(NOT_ARRIVED).into_response()) };
    let due = match end {
        End::Done { .. } | End::Kept => asked_for(&state, &tenant, &flow).await,
        _ => None,
    };
    // Nobody may have waited for the answer that said so, or it came later.
    let done = matches!(end, End::Done { .. } | End::Kept | End::Unlocked);
    let jar = if done && !is_known(&state, &jar, flow.tenant, &flow.subject) {
        done_here(&state, jar, &flow)
    } else {
        jar
    };
    let shown = OutcomePage { due, other, ..OutcomePage::new(&reader, &tenant, &flow, operation, end) };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// What is asked of the person whose new password works. If that can't be read, the page tells all the same that it does.
async fn asked_for(state: &AppState, tenant: &Tenant, flow: &Flow) -> Option<&'static str> {
    match due(state, tenant, flow).await {
        Ok(Some(Due::Register)) => Some(key("due-register")),
        Ok(Some(Due::Confirm { .. })) => Some(key("due-confirm")),
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(?error, "whether registration is due can't be told");
            None
        }
    }
}

async fn due(state: &AppState, tenant: &Tenant, flow: &Flow) -> Result<Option<Due>, PageError> {
    let user = person(state, flow).await?;
    // Whoever may not register any more is asked for nothing.
    if sspr::person_allowed(tenant, &user).is_err() {
        return Ok(None);
    }
    Ok(sspr::due(tenant, &user, &standing(state, &user).await?, state.clock.now()))
}

/// What the row of the flow's request says.
async fn of_request(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    flow: &Flow,
    request: RequestId,
) -> Result<Option<(Operation, End)>, PageError> {
    let row = state.store.requests().get(tenant.id, request).await.map_err(PageError::behind)?;
    // The row came with the step; a flow of an earlier version may lack it.
    let operation = row.as_ref().map_or(flow.purpose.operation(), |row| row.operation);
    let Some(outcome) = row.as_ref().and_then(Request::outcome) else {
        let late = state.clock.now() >= flow.expires_at;
        return Ok(Some((operation, if late { End::Unknown } else { End::Pending })));
    };
    // The node that waited may have gone before it could write down the end.
    if let Ok(after) = flow.ended(request, outcome) {
        state.store.flows().advance(flow, &after).await.map_err(PageError::behind)?;
    }
    Ok(Some((operation, End::of(operation, outcome, reader.words(tenant), flow))))
}

/// The last request that this flow made, if it made one: it was refused, and another may be made.
async fn last_of(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    flow: &Flow,
) -> Result<Option<(Operation, End)>, PageError> {
    let Some(user) = flow.user() else { return Ok(None) };
    let last = state.store.requests().latest_of(tenant.id, user).await.map_err(PageError::behind)?;
    let own = last.filter(|request| request.support_code == flow.support_code);
    Ok(own.and_then(|request| {
        let end = End::of(request.operation, request.outcome()?, reader.words(tenant), flow);
        Some((request.operation, end))
    }))
}
