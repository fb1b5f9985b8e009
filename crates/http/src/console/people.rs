//! `GET /console/people`: one person by name, or those whose names contain what was typed. `POST /console/people/lift`: the help desk
//! lifts the stop on codes.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::help_desk::{Case, may_help};
use ritorno_identity::ids::CaseId;
use ritorno_identity::method::Method;
use ritorno_identity::name::MAXIMUM_BYTES;
use ritorno_identity::sspr::{self, Standing};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{AddressKind, User};
use ritorno_protocol::outcome::SsprCode;
use ritorno_storage::StoreError;
use serde::Deserialize;

use super::revoke::{Revocable, revocable};
use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::{give_password, help_desk, people};
use crate::operator::Operator;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::words;
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "console/people.html")]
struct PeoplePage<'a> {
    t: Words,
    frame: Frame,
    menu: Menu,
    asked: &'a str,
    lifted: bool,
    told: Option<&'static str>,
    /// Whether they are for some people only.
    scoped: bool,
    person: Option<PersonView>,
    /// If nobody has that very name: those whose names contain it.
    found: Vec<FoundLine>,
    /// Whether there are more than are shown.
    more: bool,
}

struct FoundLine {
    display_name: String,
    principal: String,
    page: String,
}

/// How many are shown whose names contain what was typed.
const SHOWN: usize = 25;
/// Letters from which on it is searched: with fewer it is everybody.
const LETTERS: usize = 2;

struct PersonView {
    display_name: String,
    principal: String,
    enabled: bool,
    source: Option<String>,
    withheld: Option<Withheld>,
    /// Whether an authenticator app is registered.
    app: bool,
    /// How many passkeys are registered.
    passkeys: u32,
    /// How many recovery codes are left.
    recovery_codes: u32,
    /// Whether security questions are registered; which they are is nobody's to see.
    questions: bool,
    /// Whether this administrator may lift the stop.
    may_lift: bool,
    /// What this administrator may take back from them.
    revocable: Vec<Revocable>,
    helped: Helped,
    /// Whether a pass would not let them reset: it is not allowed, or there is nothing for a second gate.
    useless_pass: bool,
    /// Masked, the registered one first: the help desk asks the person for them, not the other way round.
    addresses: Vec<String>,
}

/// How far the help desk is with a person, as this operator sees it.
enum Helped {
    /// There is no pass for them from this operator.
    Never,
    /// Nothing is open; a code can reach them.
    ByCode,
    /// Nothing is open; a colleague has to approve.
    ByColleague,
    /// This operator has sent a code, and waits for it.
    CodeSent { case: CaseId },
    /// A colleague asks for this operator's approval.
    Approval { case: CaseId, reason: String },
    /// A colleague is at it, or this operator waits for one.
    Elsewhere,
    /// The pass can be made, or a password given in its place.
    Cleared { case: CaseId, password: Option<String> },
}

struct Withheld {
    code: SsprCode,
    told: &'static str,
}

/// What the search sends.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    name: String,
    lifted: Option<String>,
    helped: Option<String>,
}

/// What the other form sends.
#[derive(Deserialize)]
pub(super) struct Lift {
    name: String,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadUsers)?;
    let (tenant, operator) = (&signed_in.tenant, signed_in.operator(&reader));
    let person = match people::find(&state, &operator, &asked.name).await.map_err(PageError::behind)? {
        None => None,
        Some(user) => {
            let standing = people::standing(&state, &user).await.map_err(PageError::behind)?;
            let case = help_desk::open_case(&state, &user).await.map_err(PageError::behind)?;
            let helped = helping(&signed_in, &user, &standing, case);
            let seen = view(tenant, &user, &standing);
            let useless_pass = seen.useless_pass && !matches!(helped, Helped::Never);
            let may_lift = signed_in.may(Action::LiftStop);
            let revocable = revocable(&signed_in, &user, &standing);
            Some(PersonView { helped, useless_pass, may_lift, revocable, ..seen })
        }
    };
    let (found, more) = match person {
        None => search(&state, &operator, &asked.name).await.map_err(PageError::behind)?,
        Some(_) => (Vec::new(), false),
    };
    let shown = PeoplePage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/people"),
        menu: signed_in.menu("/console/people"),
        asked: asked.name.trim(),
        lifted: asked.lifted.is_some(),
        told: asked.helped.as_deref().and_then(told),
        scoped: !signed_in.administrator.scope.is_everybody(),
        person,
        found: found.into_iter().map(FoundLine::of).collect(),
        more,
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Where a person's page is.
pub(super) fn page_of(user: &User) -> String {
    let name: String = url::form_urlencoded::byte_serialize(user.user_principal_name.as_bytes()).collect();
    format!("/console/people?name={name}")
}

/// Where a person is given a password, by that case.
fn password_page(user: &User, case: CaseId) -> String {
    page_of(user).replacen("/console/people", "/console/people/password", 1) + &format!("&case={case}")
}

impl FoundLine {
    fn of(user: User) -> Self {
        let page = page_of(&user);
        Self { display_name: user.display_name, principal: user.user_principal_name, page }
    }
}

/// People whose names contain what was typed; nobody for too little of one. And whether there are more than are shown.
async fn search(state: &AppState, operator: &Operator, typed: &str) -> Result<(Vec<User>, bool), StoreError> {
    let typed = typed.trim();
    if typed.chars().count() < LETTERS || typed.len() > MAXIMUM_BYTES {
        return Ok((Vec::new(), false));
    }
    let found = people::search(state, operator, typed, None, SHOWN).await?;
    Ok((found.people, found.next.is_some()))
}

/// What this operator can do for the person now.
fn helping(signed_in: &SignedIn, user: &User, standing: &Standing, case: Option<Case>) -> Helped {
    let operator = &signed_in.administrator;
    let may = signed_in.may(Action::HelpPerson);
    if !may || may_help(operator, user, standing.administrator).is_err() {
        return Helped::Never;
    }
    match case {
        Some(case) if !case.passed => {
            let own = case.operator == operator.id;
            match (case.cleared, own, case.by_code) {
                (true, true, _) => {
                    let may = signed_in.may(Action::ResetPassword)
                        && give_password::suffices(&case, &signed_in.tenant, standing);
                    Helped::Cleared { case: case.id, password: may.then(|| password_page(user, case.id)) }
                }
                (false, true, true) => Helped::CodeSent { case: case.id },
                (false, false, false) => Helped::Approval { case: case.id, reason: case.reason },
                _ => Helped::Elsewhere,
            }
        }
        _ if user.code_address(AddressKind::default()).is_some() => Helped::ByCode,
        _ => Helped::ByColleague,
    }
}

/// The key of what is told after one of the help desk's forms.
fn told(helped: &str) -> Option<&'static str> {
    Some(match helped {
        "sent" => key("desk-sent"),
        "right" => key("desk-right"),
        "wrong" => key("desk-wrong"),
        "asked" => key("desk-asked"),
        "approved" => key("desk-approved"),
        "closed" => key("desk-closed"),
        "no-reason" => key("desk-no-reason"),
        "too-many" => key("desk-too-many"),
        "no-address" => key("desk-no-address"),
        "has-address" => key("desk-has-address"),
        "revoked" => key("revoke-done"),
        "nothing" => key("revoke-nothing"),
        _ => return None,
    })
}

fn view(tenant: &Tenant, user: &User, standing: &Standing) -> PersonView {
    let withheld = people::withheld(tenant, user, standing);
    PersonView {
        display_name: user.display_name.clone(),
        principal: user.user_principal_name.clone(),
        enabled: user.enabled,
        source: user
            .on_premises()
            .map(|object| format!("{} ({}\\{})", object.forest, object.domain, object.account_name)),
        withheld: withheld.map(|code| Withheld { code, told: words(code).0 }),
        may_lift: false,
        revocable: Vec::new(),
        helped: Helped::Never,
        useless_pass: sspr::gates(tenant, user, &Standing { temporary_pass: true, ..standing.clone() })
            .map_or(true, |gates| !gates.choices().contains(&Method::TemporaryPass)),
        app: standing.app,
        passkeys: standing.passkeys,
        recovery_codes: standing.recovery_codes,
        questions: standing.questions > 0,
        addresses: people::masked_addresses(user),
    }
}

/// The stop of the day is lifted, and codes can be sent again.
pub(super) async fn lift(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(input): Form<Lift>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::LiftStop)?;
    let operator = signed_in.operator(&reader);
    let found = people::find(&state, &operator, &input.name).await.map_err(PageError::behind)?;
    let Some(user) = found else { return Ok(Redirect::to("/console/people")) };
    people::lift(&state, &operator, &user).await.map_err(PageError::behind)?;
    Ok(Redirect::to(&format!("{}&lifted=1", page_of(&user))))
}
