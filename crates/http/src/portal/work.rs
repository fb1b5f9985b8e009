//! Work that a browser does before a name is taken, where many were given lately: by the same name, from the same network, or in the
//! whole tenant. Nobody is stopped by it, and a browser in which the person succeeded before is spared. Whose browser can't
//! compute waits instead.
//!
//! What is asked of a name hangs on the name as it was typed, and on nothing that is known of it: it tells nobody who is there, or
//! which spelling is whose.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::limit::{STARTS, WAITED};
use ritorno_identity::name::SignInName;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::work::{Answer, Challenge, PIECES, Pressure};
use serde::Deserialize;

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

/// What a form sends along that was answered with this page.
#[derive(Default, Deserialize)]
pub(in crate::portal) struct Sent {
    #[serde(default)]
    challenge: String,
    /// What the script found; empty if somebody waited.
    #[serde(default)]
    answer: String,
}

/// Where a name was given, and what goes along with it.
pub(in crate::portal) struct Door {
    /// Where the form sends to.
    pub(in crate::portal) to: &'static str,
    /// The page that it begins with.
    pub(in crate::portal) front: &'static str,
    /// A field that goes along.
    pub(in crate::portal) with: Option<(&'static str, &'static str)>,
}

/// What came of a challenge that was sent along.
pub(in crate::portal) enum Paid {
    /// It was answered, and is used up now.
    Worked,
    /// The time is over that it asked for, and it is used up now.
    Waited,
    /// Whoever waits instead came back before the time. The challenge is still good.
    TooEarly(Challenge),
    /// Whoever waits instead did so too often for this name.
    TooOften,
    /// None was sent, or none that holds.
    No,
}

impl Paid {
    /// Whether nothing more is asked for.
    pub(in crate::portal) const fn is_enough(&self) -> bool {
        matches!(self, Self::Worked | Self::Waited)
    }

    /// What the audit says of it.
    pub(in crate::portal) const fn told(&self) -> &'static str {
        match self {
            Self::Worked => ", after a proof of work",
            Self::Waited => ", after waiting",
            Self::TooEarly(_) | Self::TooOften | Self::No => "",
        }
    }
}

#[derive(Template)]
#[template(path = "portal/work.html")]
struct WorkPage<'a> {
    t: Words,
    frame: Frame,
    door: &'a Door,
    name: &'a str,
    challenge: &'a str,
    bits: u8,
    pieces: usize,
    /// Seconds that whoever can't compute waits.
    wait: u16,
    early: bool,
}

/// Looks at what was sent along for `name`, and uses it up.
pub(in crate::portal) async fn paid(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    name: &SignInName,
    sent: &Sent,
) -> Result<Paid, PageError> {
    let now = state.clock.now();
    let whose = Subject::of_name(&state.pepper, tenant.id, name);
    let Some(challenge) = Challenge::open(&state.pepper, tenant.id, &whose, &sent.challenge, now) else {
        return Ok(Paid::No);
    };
    let limits = state.store.limits();
    let paid = if sent.answer.is_empty() {
        if now < challenge.waited_at {
            return Ok(Paid::TooEarly(challenge));
        }
        let here = whose.from_network(&state.pepper, tenant.id, &reader.network);
        if !limits.count(tenant.id, &WAITED, &here, now).await.map_err(PageError::behind)? {
            return Ok(Paid::TooOften);
        }
        Paid::Waited
    } else {
        let answer = Answer::parse(&sent.answer);
        if !answer.is_some_and(|answer| challenge.is_answered_by(&sent.challenge, &answer)) {
            return Ok(Paid::No);
        }
        Paid::Worked
    };
    let spent = limits.spend(tenant.id, challenge.spent(), challenge.expires_at).await;
    Ok(if spent.map_err(PageError::behind)? { paid } else { Paid::No })
}

/// Counts a name that was given, and asks for work if that is too often and it was not `paid` for; `None` if it may go on.
/// Where the person succeeded in this browser before (`spared`), it always may.
pub(in crate::portal) async fn asked(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    door: &Door,
    (typed, name): (&str, &SignInName),
    (sent, paid): (&Sent, &Paid),
    spared: bool,
) -> Result<Option<Response>, PageError> {
    let (now, pepper, limits) = (state.clock.now(), &state.pepper, state.store.limits());
    let whose = Subject::of_name(pepper, tenant.id, name);
    let network = Subject::of_network(pepper, tenant.id, &reader.network);
    let subjects = [whose, network, Subject::of_tenant(pepper, tenant.id)];
    let mut counts = [0; 3];
    for (count, subject) in counts.iter_mut().zip(&subjects) {
        *count = limits.raise(tenant.id, &STARTS, subject, now).await.map_err(PageError::behind)?;
    }
    let [name, network, everybody] = counts;
    let pressure = Pressure { name, network, tenant: everybody };
    let Some(level) = pressure.level().filter(|_| !spared && !paid.is_enough()) else { return Ok(None) };
    // What is asked for and not done must not make it dearer for the next one.
    for subject in &subjects {
        limits.give_back(tenant.id, &STARTS, subject).await.map_err(PageError::behind)?;
    }
    let (challenge, text) = match paid {
        Paid::TooEarly(challenge) => (challenge.clone(), sent.challenge.clone()),
        _ => {
            let challenge = Challenge::new(level, now, &*state.random);
            let text = challenge.seal(pepper, tenant.id, &whose);
            (challenge, text)
        }
    };
    // Up to the next second, so that whoever waits by a clock is not told that it was too early.
    let left = challenge.waited_at.since(now).as_millis().div_ceil(1_000);
    Ok(Some(page(
        StatusCode::OK,
        &WorkPage {
            t: reader.words(tenant),
            frame: Frame::new(tenant, door.front),
            door,
            name: typed,
            challenge: &text,
            bits: challenge.bits,
            pieces: PIECES,
            wait: u16::try_from(left).unwrap_or(u16::MAX),
            early: matches!(paid, Paid::TooEarly(_)),
        },
    )))
}

/// What is told instead where somebody waited too often.
pub(in crate::portal) const fn too_often() -> &'static str {
    key("work-too-often")
}
