//! `GET /register/methods`: everything that opens the gates for a person, in one place: what is registered, and where each is
//! registered, replaced and removed.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::mask::mask;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::registration::Registration;
use ritorno_identity::sspr::{self, Due, Lacking, Standing};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use serde::Deserialize;

use super::mobile::masked;
use super::visit::{current, elsewhere, ended, methods_from, owner, person};
use crate::i18n::{Words, key};
use crate::method_name::method_name;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/methods.html")]
struct MethodsPage<'a> {
    t: Words,
    frame: Frame,
    done: Option<&'static str>,
    /// Whether people hear of that by mail.
    mailed: bool,
    /// How many are registered, of how many that are asked for.
    registered: u16,
    wanted: u16,
    /// One of which there has to be among them, if none is: what the pages of a reset begin with.
    first: Vec<&'static str>,
    /// Since when nobody looked through this, if it is time to.
    confirm: Option<Moment>,
    /// What is allowed, in the tenant's order.
    methods: Vec<Shown>,
    /// Whether the way to everything else is closed until what is asked for is done.
    required: bool,
    /// From when something can be changed, if not now.
    later: Option<Moment>,
    support_code: &'a str,
}

/// One method, as the person has it.
enum Shown {
    /// The addresses, masked.
    Mail { registered: Option<String>, directory: Option<String> },
    /// The numbers, masked.
    Sms { registered: Option<String>, directory: Option<String> },
    /// Whether there is an app.
    App { there: bool },
    /// How many passkeys there are.
    Passkeys { there: u16 },
    /// How many recovery codes are left.
    RecoveryCodes { left: u16 },
    /// How many security questions are answered.
    Questions { there: u16 },
}

/// What the link behind a change says was done.
#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Query(query): Query<Done>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(registration) = current(&state, &jar).await? else { return Ok(ended()) };
    if !registration.state.is_proven() {
        return Ok(elsewhere(&registration));
    }
    let user = match person(&state, &reader, &tenant, &registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(refused),
    };
    let standing = standing(&state, &user).await?;
    let policy = standing.policy(&tenant);
    let shown = |method: &Method| {
        Some(match method {
            Method::Mail => Shown::Mail {
                registered: user.registered_mail.as_deref().and_then(mask),
                directory: user.alternate_mail.as_deref().and_then(mask),
            },
            Method::Sms => {
                Shown::Sms { registered: masked(&user.registered_mobile), directory: masked(&user.mobile) }
            }
            Method::App => Shown::App { there: standing.app },
            Method::Passkey => {
                Shown::Passkeys { there: u16::try_from(standing.passkeys).unwrap_or(u16::MAX) }
            }
            Method::RecoveryCode => {
                Shown::RecoveryCodes { left: u16::try_from(standing.recovery_codes).unwrap_or(u16::MAX) }
            }
            Method::Questions => {
                Shown::Questions { there: u16::try_from(standing.questions).unwrap_or(u16::MAX) }
            }
            // The help desk's to make.
            Method::TemporaryPass => return None,
        })
    };
    let first = match sspr::lacking(&tenant, &user, &standing) {
        Some(Lacking::First(methods)) => {
            methods.into_iter().filter(|method| method.is_registered()).map(method_name).collect()
        }
        Some(Lacking::Methods) | None => Vec::new(),
    };
    let later = methods_from(&state, &user).await?;
    let counted = standing.registered(&tenant, &user);
    let due = sspr::due(&tenant, &user, &standing, state.clock.now());
    let confirm = match due {
        Some(Due::Confirm { since }) => Some(Moment::new(since)),
        Some(Due::Register) | None => None,
    };
    let page = page(
        StatusCode::OK,
        &MethodsPage {
            t: reader.words(&tenant),
            frame: Frame::new(&tenant, "/register/methods"),
            done: query.done.as_deref().and_then(told),
            mailed: query.done.as_deref() != Some("confirmed"),
            registered: u16::try_from(counted).unwrap_or(u16::MAX),
            wanted: u16::from(policy.to_register()),
            first,
            confirm,
            required: due.is_some() && tenant.require_registration && later.is_none(),
            later: later.map(Moment::new),
            methods: policy.methods().iter().filter_map(shown).collect(),
            support_code: &registration.support_code.0,
        },
    );
    Ok((reader.remember(jar), page).into_response())
}

/// What the person has beside addresses.
pub(in crate::portal) async fn standing(state: &AppState, user: &User) -> Result<Standing, PageError> {
    let name = SignInName::of_principal(&user.user_principal_name);
    let (users, now) = (state.store.users(), state.clock.now());
    users.standing(user.tenant, Some(user.id), &name, now).await.map_err(PageError::behind)
}

/// A registration whose person may register this method, or what is answered instead.
pub(super) async fn here(
    state: &AppState,
    reader: &Reader,
    jar: &CookieJar,
    method: Method,
) -> Result<Result<(Tenant, Registration, User), Response>, PageError> {
    let tenant = tenant(state).await?;
    let Some(registration) = current(state, jar).await? else { return Ok(Err(ended())) };
    if !registration.state.is_proven() {
        return Ok(Err(elsewhere(&registration)));
    }
    let user = match owner(state, reader, &tenant, &registration).await? {
        Ok(user) => user,
        Err(refused) => return Ok(Err(refused)),
    };
    if !standing(state, &user).await?.policy(&tenant).allows(method) {
        return Ok(Err(Redirect::to("/register/methods").into_response()));
    }
    Ok(Ok((tenant, registration, user)))
}

fn told(done: &str) -> Option<&'static str> {
    match done {
        "confirmed" => Some(key("methods-confirmed")),
        "sms" => Some(key("methods-sms-registered")),
        "sms-removed" => Some(key("methods-sms-removed")),
        "app" => Some(key("methods-app-registered")),
        "passkey" => Some(key("methods-passkey-registered")),
        "passkey-removed" => Some(key("methods-passkey-removed")),
        "app-removed" => Some(key("methods-app-removed")),
        "questions" => Some(key("methods-questions-registered")),
        "questions-removed" => Some(key("methods-questions-removed")),
        "recovery-codes-removed" => Some(key("methods-recovery-removed")),
        _ => None,
    }
}
