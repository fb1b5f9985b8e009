//! Passwords of people whose directory is the tenant itself: compared and made here, in the one place that ever sees them.

use axum_extra::extract::CookieJar;
use ritorno_identity::limit::{
    Limit, PASSWORDS_LIFTED, PASSWORDS_TRIED, PASSWORDS_TRIED_ANYWHERE, PASSWORDS_TRIED_IN_KNOWN_BROWSER,
};
use ritorno_identity::password::{PasswordError, PasswordHash};
use ritorno_identity::subject::Subject;
use ritorno_protocol::ids::UserId;
use ritorno_protocol::secret::Password;

use crate::hashing::Hashing;
use crate::page::PageError;
use crate::portal::visit::mark_since;
use crate::reader::Reader;
use crate::state::AppState;

/// Where people's passwords are compared and made.
static HASHING: Hashing = Hashing::new();

/// What came of a typed password.
pub(super) enum Compared {
    /// It is the right one. The try stays counted until it is [given back](Tried::give_back).
    Right {
        /// The hash that it was compared with.
        hash: PasswordHash,
        /// Whether an administrator gave it, so that it opens nothing but its change.
        must_change: bool,
        /// The try.
        tried: Tried,
    },
    /// It is not, or there is none to compare it with.
    Wrong {
        /// Whether the name had so many from everywhere that the answer is to take longer.
        slow: bool,
    },
    /// It was not compared: this browser or network had too many for this name.
    TooMany,
}

/// A try that was counted.
pub(super) struct Tried {
    limit: &'static Limit,
    here: Subject,
    /// Whether the name had so many from everywhere that any answer but a session is to take longer.
    pub(super) slow: bool,
}

impl Tried {
    /// It was the person, and is no try.
    pub(super) async fn give_back(&self, state: &AppState) -> Result<(), PageError> {
        state.store.limits().give_back(state.tenant, self.limit, &self.here).await.map_err(PageError::behind)
    }
}

/// Compares a password with the one of `user`, or with nobody's, which costs as much and takes as many statements. The try is counted
/// before: against this very browser, if the person succeeded in it since they have their password, and else, or when it had its number,
/// against the person or name (`subject`) in this network.
pub(super) async fn compare(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    subject: &Subject,
    user: Option<UserId>,
    password: Password,
) -> Result<Compared, PageError> {
    let (tenant, now, limits) = (state.tenant, state.clock.now(), state.store.limits());
    let kept = state.store.cloud_passwords().kept(tenant, user).await.map_err(PageError::behind)?;
    let must_change = kept.as_ref().is_some_and(|kept| kept.must_change);
    let (stored, since) = kept.map(|kept| (kept.hash, kept.changed_at)).unzip();
    let mark = mark_since(state, jar, tenant, subject, since);
    let lifted = limits.counted(tenant, &PASSWORDS_LIFTED, subject, now).await.map_err(PageError::behind)?;
    // What the help desk lifts begins to be counted anew.
    let subject_here = subject.after_lifts(&state.pepper, tenant, lifted);
    let in_browser = mark.as_deref().map(|mark| subject_here.in_browser(&state.pepper, tenant, mark));
    let in_network = subject_here.from_network(&state.pepper, tenant, &reader.network);
    let mut tried = None;
    for (limit, here) in
        [(&PASSWORDS_TRIED_IN_KNOWN_BROWSER, in_browser), (&PASSWORDS_TRIED, Some(in_network))]
    {
        let Some(here) = here else { continue };
        if limits.count(tenant, limit, &here, now).await.map_err(PageError::behind)? {
            tried = Some((limit, here));
            break;
        }
    }
    let Some((limit, here)) = tried else { return Ok(Compared::TooMany) };
    // Whoever comes from many networks is slowed down; the person in their own browser is not.
    let anywhere = limits.count(tenant, &PASSWORDS_TRIED_ANYWHERE, &subject_here, now);
    let slow = mark.is_none() && !anywhere.await.map_err(PageError::behind)?;
    let right = HASHING.compute(move || judged(stored, |hash| hash.matches(&password))).await?;
    Ok(match right {
        Some(hash) => Compared::Right { hash, must_change, tried: Tried { limit, here, slow } },
        None => Compared::Wrong { slow },
    })
}

/// The stored hash, if it is the right one. There is one comparison always: where nothing is stored, with what nothing matches.
fn judged(stored: Option<PasswordHash>, matches: impl FnOnce(&PasswordHash) -> bool) -> Option<PasswordHash> {
    let hash = stored.clone().unwrap_or_else(PasswordHash::of_nobody);
    // Before it is looked at whether there is one.
    let right = matches(&hash);
    stored.filter(|_| right)
}

/// The hash of a new password that its policy allows.
pub(crate) async fn hashed(state: &AppState, password: Password) -> Result<PasswordHash, PageError> {
    let random = state.random.clone();
    let made: Result<PasswordHash, PasswordError> =
        HASHING.compute(move || PasswordHash::of_person(&password, &*random)).await?;
    made.map_err(PageError::behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_comparison_for_whoever_has_a_password_and_whoever_has_none() {
        let hers = PasswordHash::from_stored("hers".into());
        for (stored, matches, right) in [
            (Some(hers.clone()), true, true),
            (Some(hers), false, false),
            (None, false, false),
            (None, true, false),
        ] {
            let (mut compared, whose) = (0, stored.clone().unwrap_or_else(PasswordHash::of_nobody));
            let found = judged(stored, |hash| {
                compared += 1;
                assert!(*hash == whose);
                matches
            });
            assert_eq!((compared, found.is_some()), (1, right));
        }
    }
}
