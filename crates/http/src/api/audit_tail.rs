//! `GET /api/v1/audit/tail`: facts of the audit as they come, as server-sent events (HTML Living Standard section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use ritorno_identity::administrator::Action;
use ritorno_storage::AuditFilter;

use super::audit::{FactView, Filter, wrong};
use super::caller::Caller;
use super::input::Asked;
use super::tails::{By, OF_ALL, OF_ONE, Place, Tails, Told, told_after};
use crate::problem::Problem;
use crate::state::AppState;

/// How long nothing comes before it is said that it is still there: less than proxies wait, and than our own patience.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After how long it is worth to ask again for a place.
const AGAIN_AFTER: u64 = 30;

/// One who looks on.
struct Tail {
    state: AppState,
    place: Place,
    filter: AuditFilter,
    /// The last one that was told, or passed over.
    at: u64,
    /// What comes next.
    waiting: VecDeque<Event>,
}

fn event(told: &Told) -> Event {
    Event::default().id(told.position.to_string()).event("fact").data(&told.text)
}

impl Tail {
    /// Takes up facts that come next.
    fn take<'a>(&mut self, facts: impl Iterator<Item = &'a Told>) {
        for told in facts {
            if told.position <= self.at {
                continue;
            }
            self.at = told.position;
            if self.filter.lets_through(&told.fact) {
                self.waiting.push_back(event(told));
            }
        }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let seen = *self.place.seen.borrow_and_update();
            if seen <= self.at {
                tokio::select! {
                    biased;
                    // Whether it was ended, or whoever looks for all is gone.
                    _ = &mut self.place.end => return None,
                    changed = self.place.seen.changed() => changed.ok()?,
                }
                continue;
            }
            let kept: Option<Vec<Arc<Told>>> = self.state.tails.after(self.at);
            match kept.filter(|kept| !kept.is_empty()) {
                Some(kept) => self.take(kept.iter().map(|told| &**told)),
                None => match told_after(&self.state, self.at).await {
                    Ok(told) if told.is_empty() => self.at = seen,
                    Ok(told) => self.take(told.iter()),
                    Err(error) => {
                        tracing::error!(%error, "a tail of the audit ends; whoever looks on asks again");
                        return None;
                    }
                },
            }
            if self.place.end.try_recv() != Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                return None;
            }
        }
    }
}

/// Facts as they come, as server-sent events, oldest first, within two seconds or so.
///
/// They go on until the connection is cut, the token or the session ends, or its administrator may not read the audit any more.
///
/// Each event `fact` has a fact as its data, as lists show it, and its position in the audit's chain as its id. Whoever sends the last id that they saw
/// as `Last-Event-ID` goes on behind it, without a gap and without hearing anything twice; browsers do so by themselves. If facts behind it were
/// cut off by retention meanwhile, an event `cut` comes first. Where nothing happens, a comment comes every 15 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/audit/tail",
    tag = "audit",
    security(("token" = ["audit.read"])),
    params(
        Filter,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen; without it, what comes from now on."),
    ),
    responses(
        (status = 200, description = "Events: `fact` with a fact as its data, `cut` with the position up to which facts are gone.", body = FactView, content_type = "text/event-stream"),
        (status = 400, description = "`filter`, `cursor`: it can't be read.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many`: the token asked too often, or has as many tails as it may, or the tenant has.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tail_facts(
    State(state): State<AppState>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let operator = caller.require(Action::ReadAudit)?;
    let filter = filter.asked().filter(&state, operator).await?.map_err(wrong)?;
    let last = last_seen(&headers)?;
    let by = match &caller {
        Caller::Token(by) => By::Token(Box::new(by.token().clone())),
        Caller::Session(by) => By::Session { digest: by.session(), administrator: operator.administrator.id },
    };
    let place = Tails::enter(&state, by).ok_or_else(|| {
        let detail = format!("A token has {OF_ONE} tails at the same time, and a tenant {OF_ALL}.");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many tails", detail)
            .retry_after(AGAIN_AFTER)
    })?;
    let chain = state.store.audit_chain();
    let head = chain.head(operator.tenant.id).await?.position;
    // A position that is not there yet was another database's, before it was put back.
    let mut at = last.map_or(head, |last| last.min(head));
    let mut waiting = VecDeque::new();
    if last.is_some() {
        let cut = chain.cut_at(operator.tenant.id).await?;
        if at < cut {
            at = cut;
            let id = cut.to_string();
            waiting.push_back(Event::default().event("cut").data(&id).id(id));
        }
    }
    let tail = Tail { state, place, filter, at, waiting };
    let mut response = Sse::new(events(tail))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT).text("nothing new"))
        .into_response();
    // What gathers answers before it hands them on would hand on nothing.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(tail, |mut tail| async { tail.next().await.map(|event| (Ok(event), tail)) })
}

fn last_seen(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(said) = headers.get("last-event-id").filter(|said| !said.is_empty()) else { return Ok(None) };
    let read = said.to_str().ok().and_then(|text| text.parse().ok());
    read.map(Some).ok_or_else(|| {
        let detail = "The id of an event is a number.";
        Problem::new(StatusCode::BAD_REQUEST, "cursor", "It is no id of these events", detail)
    })
}
