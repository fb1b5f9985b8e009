//! Whoever looks on at the audit, and the one task that looks for all of them: once a second while there is anybody.
//!
//! Positions of the chain are what a tail counts by. A fact gets one when it is linked, within a second of being written, and each is one more
//! than the one before; so nothing is left out and nothing told twice, whichever transaction ended first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_identity::administrator::Action;
use ritorno_identity::api_token::{ApiToken, Holds};
use ritorno_identity::audit::Fact;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::StoreError;
use tokio::sync::{oneshot, watch};

use super::audit::view;
use crate::operations::audit::Names;
use crate::state::AppState;

/// Most tails that one token, or one session, holds at the same time: a page, its reload, and one more.
pub const OF_ONE: usize = 3;
/// Most tails of a tenant, on one server.
pub const OF_ALL: usize = 64;
/// How often it is looked for new facts.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so many looks it is asked whether those who look on still may.
const RIGHTS_EVERY: u32 = 5;
/// Most facts that a look finds: the next one goes on.
const AT_ONCE: u32 = 500;
/// How many are kept for tails that were not quick enough.
const KEPT: usize = 1_000;

/// A fact as it is told.
pub(super) struct Told {
    pub(super) position: u64,
    pub(super) fact: Fact,
    /// The fact as lists show it, as JSON.
    pub(super) text: String,
}

/// Who looks on at a tenant's audit.
#[derive(Default)]
pub struct Tails(Mutex<Looking>);

struct Looking {
    /// Whether there is a task that looks.
    at_work: bool,
    /// The number of the next tail.
    next: u64,
    tails: Vec<Onlooker>,
    /// The newest facts, in their order and without a gap.
    newest: VecDeque<Arc<Told>>,
    /// Up to where it was looked; 0 before the first look.
    seen: watch::Sender<u64>,
}

impl Default for Looking {
    fn default() -> Self {
        let seen = watch::channel(0).0;
        Self { at_work: false, next: 0, tails: Vec::new(), newest: VecDeque::new(), seen }
    }
}

/// By what somebody looks on.
#[derive(Clone, Debug)]
pub enum By {
    /// A program.
    Token(Box<ApiToken>),
    /// An administrator in the console.
    Session {
        /// The session.
        digest: TokenDigest,
        /// Whose it is.
        administrator: AdministratorId,
    },
}

impl By {
    /// Whether it is the same token, or the same session.
    fn is_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one.id == other.id,
            (Self::Session { digest: one, .. }, Self::Session { digest: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Whether it has ended by its time: a session's is in the database alone, since it lasts while it is used.
    fn has_ended(&self, now: Timestamp) -> bool {
        matches!(self, Self::Token(token) if token.expires_at <= now)
    }
}

struct Onlooker {
    number: u64,
    by: By,
    /// The tail ends when this is dropped.
    _ends: oneshot::Sender<()>,
}

/// A place among those who look on, until it is dropped.
pub(super) struct Place {
    tails: Arc<Tails>,
    number: u64,
    pub(super) seen: watch::Receiver<u64>,
    pub(super) end: oneshot::Receiver<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.tails.lock().tails.retain(|tail| tail.number != self.number);
    }
}

impl Tails {
    fn lock(&self) -> MutexGuard<'_, Looking> {
        // Nothing is done under the lock that could leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many look on.
    pub fn number(&self) -> usize {
        self.lock().tails.len()
    }

    /// A place for one more; `None` if that token or session, or the tenant, has as many as it may.
    pub(super) fn enter(state: &AppState, by: By) -> Option<Place> {
        let tails = &state.tails;
        let mut looking = tails.lock();
        let theirs = looking.tails.iter().filter(|tail| tail.by.is_the_same_as(&by)).count();
        if theirs >= OF_ONE || looking.tails.len() >= OF_ALL {
            return None;
        }
        let (ends, end) = oneshot::channel();
        let number = looking.next;
        looking.next += 1;
        looking.tails.push(Onlooker { number, by, _ends: ends });
        if !looking.at_work {
            looking.at_work = true;
            looking.newest.clear();
            looking.seen.send_replace(0);
            tokio::spawn(look_on(state.clone()));
        }
        let seen = looking.seen.subscribe();
        Some(Place { tails: tails.clone(), number, seen, end })
    }

    /// The facts after a position that are kept here; `None` if some that come next are not.
    pub(super) fn after(&self, position: u64) -> Option<Vec<Arc<Told>>> {
        let looking = self.lock();
        let first = looking.newest.front()?.position;
        (first <= position + 1)
            .then(|| looking.newest.iter().filter(|told| told.position > position).cloned().collect())
    }
}

/// Facts after a position, as they are told.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn told_after(state: &AppState, position: u64) -> Result<Vec<Told>, StoreError> {
    let linked = state.store.audit_chain().linked(state.tenant, position, AT_ONCE).await?;
    if linked.is_empty() {
        return Ok(Vec::new());
    }
    let facts: Vec<Fact> = linked.iter().map(|one| one.fact.clone()).collect();
    let names = Names::of(state, &facts).await?;
    let told = linked.into_iter().map(|one| {
        let text = serde_json::to_string(&view(&names, one.fact.clone()));
        let text = text.expect("texts always serialise");
        Told { position: one.head.position, fact: one.fact, text }
    });
    Ok(told.collect())
}

/// Should the task that looks end otherwise than by itself, whoever looks on is let go, and the next one begins another.
struct AtWork(Arc<Tails>);

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut looking = self.0.lock();
        if looking.at_work {
            looking.at_work = false;
            looking.tails.clear();
        }
    }
}

/// Looks for new facts as long as somebody looks on.
async fn look_on(state: AppState) {
    let _at_work = AtWork(state.tails.clone());
    let (mut position, mut looks) = (None, 0_u32);
    loop {
        if let Err(error) = look(&state, &mut position, &mut looks).await {
            tracing::error!(%error, "new facts of the audit can't be read for those who look on; it is tried again");
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let now = state.clock.now();
        let mut looking = state.tails.lock();
        looking.tails.retain(|tail| !tail.by.has_ended(now));
        if looking.tails.is_empty() {
            looking.at_work = false;
            return;
        }
    }
}

async fn look(state: &AppState, position: &mut Option<u64>, looks: &mut u32) -> Result<(), StoreError> {
    *looks += 1;
    let seen = match *position {
        None => state.store.audit_chain().head(state.tenant).await?.position,
        Some(before) => {
            let told = told_after(state, before).await?;
            let last = told.last().map_or(before, |told| told.position);
            let mut looking = state.tails.lock();
            looking.newest.extend(told.into_iter().map(Arc::new));
            let surplus = looking.newest.len().saturating_sub(KEPT);
            looking.newest.drain(..surplus);
            last
        }
    };
    *position = Some(seen);
    state.tails.lock().seen.send_if_modified(|before| std::mem::replace(before, seen) != seen);
    if looks.is_multiple_of(RIGHTS_EVERY) {
        ask_for_rights(state).await?;
    }
    Ok(())
}

/// Lets go whoever may not look on any more.
async fn ask_for_rights(state: &AppState) -> Result<(), StoreError> {
    let tokens = state.store.api_tokens().list(state.tenant).await?;
    let administrators = state.store.administrators().list(state.tenant).await?;
    let now = state.clock.now();
    let sessions = state.store.sessions().live(state.tenant, now).await?;
    let administrator = |id| administrators.iter().find(|one| one.id == id);
    let may = |by: &By| match by {
        By::Token(shown) => tokens.iter().find(|token| token.id == shown.id).is_some_and(|token| {
            token.holds(now) == Holds::Yes
                && administrator(token.administrator)
                    .is_some_and(|one| token.may(one, Action::ReadAudit).is_ok())
        }),
        By::Session { digest, administrator: id } => {
            sessions.contains(&(*digest, *id))
                && administrator(*id).is_some_and(|one| one.may(Action::ReadAudit).is_ok())
        }
    };
    let served = state.store.tenants().get(state.tenant).await?;
    let served = served.is_some_and(|tenant| tenant.disabled_at.is_none());
    state.tails.lock().tails.retain(|tail| served && may(&tail.by));
    Ok(())
}
