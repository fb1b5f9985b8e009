//! Work that a browser does before a name is taken, where many were given lately: by the same name, from the same network, or in the
//! whole tenant. Nobody is stopped by it, and a browser in which the person succeeded before is spared. Whose browser can't
//! compute waits instead.
//!
//! What is asked of a name hangs on the name as it was typed, and on nothing that is known of it: it tells nobody who is there, or
//! which spelling is whose.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_identity::limit::{CHALLENGES_OPEN, STARTS, WAITED};
use ritorno_identity::name::SignInName;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::work::{Answer, Challenge, PIECES, Pressure};
use ritorno_protocol::ids::SupportCode;
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
    /// It was answered, and is used up now: what it was worth, from 1 to [`ritorno_identity::work::LEVELS`].
    Worked(u8),
    /// The time is over that it asked for, and it is used up now.
    Waited(u8),
    /// Whoever waits instead came back before the time. The challenge is still good.
    TooEarly(Challenge),
    /// Whoever waits instead did so too often for this name.
    TooOften,
    /// None was sent, or none that holds.
    No,
}

impl Paid {
    /// Whether something was paid.
    pub(in crate::portal) const fn is_something(&self) -> bool {
        matches!(self, Self::Worked(_) | Self::Waited(_))
    }

    /// Whether nothing more is asked for at that level. It may have gone up by one since the challenge was made, and no further: what was
    /// laid in while it was cheap is not good when it is dear.
    const fn is_enough_at(&self, level: u8) -> bool {
        match self {
            Self::Worked(paid) | Self::Waited(paid) => *paid + 1 >= level,
            Self::TooEarly(_) | Self::TooOften | Self::No => false,
        }
    }

    /// What the audit says of it.
    pub(in crate::portal) const fn told(&self) -> &'static str {
        match self {
            Self::Worked(_) => ", after a proof of work",
            Self::Waited(_) => ", after waiting",
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
    /// For the help desk; the log has it.
    support_code: SupportCode,
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
    let waited = sent.answer.is_empty();
    if waited {
        if now < challenge.waited_at {
            return Ok(Paid::TooEarly(challenge));
        }
    } else {
        let answer = Answer::parse(&sent.answer);
        if !answer.is_some_and(|answer| challenge.is_answered_by(&sent.challenge, &answer)) {
            return Ok(Paid::No);
        }
    }
    // Used up before anything is counted for it, so that a form that is sent twice counts once.
    let spent = limits.spend(tenant.id, challenge.spent(), challenge.expires_at).await;
    if !spent.map_err(PageError::behind)? {
        return Ok(Paid::No);
    }
    let here = whose.from_network(&state.pepper, tenant.id, &reader.network);
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    for subject in [&here, &network] {
        limits.give_back(tenant.id, &CHALLENGES_OPEN, subject).await.map_err(PageError::behind)?;
    }
    if !waited {
        return Ok(Paid::Worked(challenge.level()));
    }
    let counted = limits.count(tenant.id, &WAITED, &here, now).await.map_err(PageError::behind)?;
    Ok(if counted { Paid::Waited(challenge.level()) } else { Paid::TooOften })
}

/// How often a name was given, this time included. It is counted, or only looked at.
async fn pressure(
    state: &AppState,
    tenant: &Tenant,
    subjects: &[Subject; 3],
    counts: bool,
) -> Result<Pressure, PageError> {
    let (now, limits) = (state.clock.now(), state.store.limits());
    let mut number = [0; 3];
    for (number, subject) in number.iter_mut().zip(subjects) {
        let counted = if counts {
            limits.raise(tenant.id, &STARTS, subject, now).await
        } else {
            limits.counted(tenant.id, &STARTS, subject, now).await.map(|before| before.saturating_add(1))
        };
        *number = counted.map_err(PageError::behind)?;
    }
    let [name, network, everybody] = number;
    Ok(Pressure { name, network, tenant: everybody })
}

/// Counts a name that was given, and asks for work if that is too often and too little was `paid` for it; `None` if it may go on.
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
    let owes =
        |pressure: &Pressure| pressure.level().is_some_and(|level| !spared && !paid.is_enough_at(level));
    // Whoever paid nothing is looked at before they are counted: what is asked for and not done must not make it dearer for the next
    // one, not even for a moment.
    let looked_at = if spared || paid.is_something() {
        None
    } else {
        Some(self::pressure(state, tenant, &subjects, false).await?).filter(owes)
    };
    let pressure = match looked_at {
        Some(pressure) => pressure,
        None => {
            let pressure = self::pressure(state, tenant, &subjects, true).await?;
            if !owes(&pressure) {
                return Ok(None);
            }
            for subject in &subjects {
                limits.give_back(tenant.id, &STARTS, subject).await.map_err(PageError::behind)?;
            }
            pressure
        }
    };
    let (challenge, text) = match paid {
        Paid::TooEarly(challenge) => (challenge.clone(), sent.challenge.clone()),
        _ => {
            let here = whose.from_network(pepper, tenant.id, &reader.network);
            let mut others = [0; 2];
            for (others, subject) in others.iter_mut().zip([&here, &network]) {
                let open = limits.raise(tenant.id, &CHALLENGES_OPEN, subject, now).await;
                *others = open.map_err(PageError::behind)?.saturating_sub(1);
            }
            let with_those = Pressure {
                name: pressure.name.saturating_add(others[0]),
                network: pressure.network.saturating_add(others[1]),
                ..pressure
            };
            let challenge = Challenge::new(with_those.level().unwrap_or(1), now, &*state.random);
            let text = challenge.seal(pepper, tenant.id, &whose);
            (challenge, text)
        }
    };
    // Up to the next second, so that whoever waits by a clock is not told that it was too early.
    let left = challenge.waited_at.since(now).as_millis().div_ceil(1_000);
    let support_code = SupportCode::random(&*state.random);
    tracing::info!(%support_code, bits = challenge.bits, "work is asked for a name");
    Ok(Some(page(
        StatusCode::OK,
        &WorkPage {
            support_code,
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
