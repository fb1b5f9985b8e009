//! `POST /register/start`: a name was given. Known or not, the answer, its time and the number of statements are the same.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::decoy;
use ritorno_identity::flow::{self, Person};
use ritorno_identity::ids::{CorrelationId, FlowId};
use ritorno_identity::limit::NAMES_TRIED;
use ritorno_identity::name::SignInName;
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::{Registration, RegistrationState, SealedFor};
use ritorno_identity::sspr;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_identity::user::{OnPremises, User};
use ritorno_protocol::ids::{Forest, SupportCode};
use serde::Deserialize;

use super::front::{FrontPage, Then};
use super::visit::{cookie, note};
use crate::i18n::key;
use crate::page::{PageError, page};
use crate::portal::front::{NameFault, stopped, told_to_everybody};
use crate::portal::start::RELEASED_AFTER;
use crate::portal::stops::Stops;
use crate::portal::visit::{is_known, tenant};
use crate::portal::work::{Door, Paid, Sent, asked, paid, too_often};
use crate::reader::Reader;
use crate::state::AppState;

const ACCOUNT: Door = Door { to: "/register/start", front: "/signin", with: Some(("then", "account")) };
const METHODS: Door = Door { to: "/register/start", front: "/register", with: None };
const CHANGE: Door = Door { front: "/change", with: Some(("then", "change")), ..METHODS };

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    #[serde(default)]
    then: Then,
    #[serde(flatten)]
    sent: Sent,
}

/// The handler.
pub(super) async fn start(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let release = tokio::time::Instant::now() + RELEASED_AFTER;
    let answer = begin(&state, &stops, &reader, jar, &input).await;
    tokio::time::sleep_until(release).await;
    answer
}

async fn begin(
    state: &AppState,
    stops: &Stops,
    reader: &Reader,
    jar: CookieJar,
    Input { name: typed, then, sent }: &Input,
) -> Result<Response, PageError> {
    let then = *then;
    let tenant = tenant(state).await?;
    let realm = SignInName::parse(typed).map_or(Realm::Directory, |name| Realm::of(&tenant, &name));
    if stopped(state, &tenant, realm).await?.is_some() {
        if Realm::widest(&tenant) == realm {
            return Ok(Redirect::to(then.front()).into_response());
        }
        // The first page is there for the names of the other realm, so it is told here: the same for every name of this one.
        let stopped = told_to_everybody(state, stops, reader, &tenant, realm).await?;
        let front = FrontPage { stopped, ..FrontPage::new(reader, &tenant, then) };
        return Ok(page(StatusCode::OK, &front));
    }
    let again = |told| {
        let fault = Some(NameFault::new(state, told));
        let front = FrontPage { fault, ..FrontPage::new(reader, &tenant, then) };
        page(StatusCode::UNPROCESSABLE_ENTITY, &front)
    };
    // One spelling only: what a page seals for is the same under both spellings of a person's name, and would not be for a
    // stranger's.
    let Some(name) = SignInName::parse(typed).ok().filter(SignInName::is_principal) else {
        return Ok(again(key("register-not-a-name")));
    };
    let paid = paid(state, reader, &tenant, &name, sent).await?;
    if matches!(paid, Paid::TooOften) {
        return Ok(again(too_often()));
    }
    let user = state.store.users().by_sign_in_name(tenant.id, &name).await.map_err(PageError::behind)?;
    let agents = state.store.agents().list(tenant.id).await.map_err(PageError::behind)?;
    let mut forests: Vec<Forest> = agents
        .into_iter()
        .filter(|agent| agent.revoked_at.is_none())
        .flat_map(|agent| agent.forests)
        .collect();
    forests.sort_unstable();
    forests.dedup();
    let (registration, token) = new_registration(state, reader, &tenant, &name, user.as_ref(), &forests);
    let known = is_known(state, &jar, tenant.id, &registration.subject);
    let now = state.clock.now();
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    let limits = state.store.limits();
    // Whoever worked for a name was counted when it was asked for; and nobody in the same network keeps a person out of their browser.
    if !known
        && !paid.is_something()
        && !limits.count(tenant.id, &NAMES_TRIED, &network, now).await.map_err(PageError::behind)?
    {
        return Ok(again(key("front-too-many")));
    }
    let door = match then {
        Then::Methods => &METHODS,
        Then::Change => &CHANGE,
        Then::Account => &ACCOUNT,
    };
    if let Some(page) = asked(state, reader, &tenant, door, (typed, &name), (sent, &paid), known).await? {
        return Ok(page);
    }
    state.store.registrations().insert(&registration).await.map_err(PageError::behind)?;
    let step = match registration.person {
        Person::Known(_) => "name given".to_owned(),
        Person::Withheld { code, .. } => format!("name given, withheld: {}", code.as_str()),
        Person::Stranger => "name given, nobody's".to_owned(),
    };
    let step = step + paid.told();
    note(state, reader, &registration, Activity::RegistrationProgress, Success::Success, &step).await?;
    Ok((jar.add(cookie(registration.id, &token)), Redirect::to(then.password_page())).into_response())
}

fn new_registration(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    name: &SignInName,
    user: Option<&User>,
    forests: &[Forest],
) -> (Registration, Token) {
    let (random, pepper, now) = (&*state.random, &state.pepper, state.clock.now());
    let person = match user {
        None => Person::Stranger,
        Some(user) => match sspr::person_allowed(tenant, user) {
            Ok(()) => Person::Known(user.id),
            Err(code) => Person::Withheld { user: user.id, code },
        },
    };
    let invented = SealedFor {
        anchor: decoy::anchor(pepper, tenant.id, name),
        forest: decoy::forest(pepper, tenant.id, name, forests).unwrap_or_else(|| Forest(String::new())),
    };
    let own = |object: &OnPremises| SealedFor {
        anchor: object.source_anchor.clone(),
        forest: object.forest.clone(),
    };
    let by_name = Subject::of_name(pepper, tenant.id, name);
    let by_user = user.map(|user| Subject::of_user(pepper, tenant.id, user.id));
    let token = Token::random(random);
    let registration = Registration {
        id: FlowId::random(random),
        tenant: tenant.id,
        browser: token.digest(),
        subject: by_user.unwrap_or(by_name),
        person,
        sealed_for: user.and_then(User::on_premises).map_or(invented, own),
        realm: Realm::of(tenant, name),
        state: RegistrationState::Named,
        language: reader.words(tenant).0,
        support_code: SupportCode::random(random),
        correlation: CorrelationId::random(random),
        started_at: now,
        expires_at: now.plus(flow::VALID),
    };
    (registration, token)
}
