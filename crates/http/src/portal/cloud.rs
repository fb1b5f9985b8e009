//! Passwords of people whose directory is the tenant itself: compared and made here, in the one place that ever sees them.

use axum_extra::extract::CookieJar;
use ritorno_identity::limit::{
    Limit, PASSWORDS_TRIED, PASSWORDS_TRIED_ANYWHERE, PASSWORDS_TRIED_IN_KNOWN_BROWSER,
};
use ritorno_identity::password::{PasswordError, PasswordHash};
use ritorno_identity::subject::Subject;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::secret::Password;
use tokio::sync::Semaphore;

use crate::page::PageError;
use crate::portal::visit::is_known;
use crate::reader::Reader;
use crate::state::AppState;

/// Password hashes of people computed at once: each takes 19 MiB and a core for tens of milliseconds. Administrators have room of their
/// own, so that whoever tries people's passwords keeps none of them out.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What came of a typed password.
pub(super) enum Compared {
    /// It is the one with this hash.
    Right(PasswordHash),
    /// It is not, or there is none to compare it with.
    Wrong {
        /// Whether the name had so many from everywhere that the answer is to take longer.
        slow: bool,
    },
    /// It was not compared: this browser or network had too many for this name.
    TooMany,
}

/// Compares a password with the one of `user`, or with nobody's, which costs as much and takes as many statements. The try is counted
/// before: against the person or name (`subject`) in this network, or in a browser in which the person succeeded before.
pub(super) async fn compare(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    subject: &Subject,
    user: Option<UserId>,
    password: Password,
) -> Result<Compared, PageError> {
    let (tenant, now, limits) = (state.tenant, state.clock.now(), state.store.limits());
    let known = is_known(state, jar, tenant, subject);
    let (limit, here): (&Limit, Subject) = if known {
        (&PASSWORDS_TRIED_IN_KNOWN_BROWSER, *subject)
    } else {
        (&PASSWORDS_TRIED, subject.from_network(&state.pepper, tenant, &reader.network))
    };
    if !limits.count(tenant, limit, &here, now).await.map_err(PageError::behind)? {
        return Ok(Compared::TooMany);
    }
    // Whoever comes from many networks is slowed down; the person in their own browser is not.
    let anywhere = limits.count(tenant, &PASSWORDS_TRIED_ANYWHERE, subject, now);
    let slow = !known && !anywhere.await.map_err(PageError::behind)?;
    let stored = state.store.cloud_passwords().get(tenant, user).await.map_err(PageError::behind)?;
    let right = computed(move || {
        let hash = stored.clone().unwrap_or_else(PasswordHash::of_nobody);
        stored.filter(|_| hash.matches(&password))
    });
    let Some(hash) = right.await? else { return Ok(Compared::Wrong { slow }) };
    limits.give_back(tenant, limit, &here).await.map_err(PageError::behind)?;
    Ok(Compared::Right(hash))
}

/// The hash of a new password that its policy allows.
pub(super) async fn hashed(state: &AppState, password: Password) -> Result<PasswordHash, PageError> {
    let random = state.random.clone();
    let made: Result<PasswordHash, PasswordError> =
        computed(move || PasswordHash::of_person(&password, &*random)).await?;
    made.map_err(PageError::behind)
}

/// Computes beside the threads that answer.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PageError> {
    let permit = HASHING.acquire().await.map_err(PageError::behind)?;
    let done = tokio::task::spawn_blocking(work).await.map_err(PageError::behind);
    drop(permit);
    done
}
