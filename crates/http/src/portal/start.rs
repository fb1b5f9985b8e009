//! `POST /reset/start`: a name was given. Known or not, the answer, its time and the number of statements are the same.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::code::{self, Method, OneTimeCode, StoredCode};
use ritorno_identity::decoy;
use ritorno_identity::flow::{self, Flow, FlowState, Person, Purpose};
use ritorno_identity::gates::Gates;
use ritorno_identity::ids::{CorrelationId, FlowId};
use ritorno_identity::limit::{NAMES_TRIED, SMS_OF_TENANT, codes_sent};
use ritorno_identity::mail::{Channel, Letter, Mail, Template};
use ritorno_identity::mask::mask;
use ritorno_identity::name::SignInName;
use ritorno_identity::realm::Realm;
use ritorno_identity::sspr::{self, Standing};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::token::Token;
use ritorno_identity::user::{AddressKind, User};
use ritorno_protocol::ids::SupportCode;
use serde::Deserialize;

use crate::i18n::key;
use crate::page::{Frame, PageError, page};
use crate::portal::front::{FrontPage, NameFault, begins_by_mail, stopped, told_to_everybody};
use crate::portal::gate::place;
use crate::portal::stops::Stops;
use crate::portal::visit::{cookie, is_known, note, tenant};
use crate::portal::work::{Door, Paid, Sent, asked, paid, too_often};
use crate::reader::Reader;
use crate::state::AppState;

/// When the answer is released, counted from the receipt of the name: well above what the work takes, so that its length
/// shows nothing, and short enough not to be felt.
pub const RELEASED_AFTER: Duration = Duration::from_millis(400);

const DOOR: Door = Door { to: "/reset/start", front: "/", with: None };

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
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
    let answer = begin(&state, &stops, &reader, jar, &input.name, &input.sent).await;
    tokio::time::sleep_until(release).await;
    // Only now may mail go out: its sending would be seen in the time of the answer.
    state.mail_wake.notify_one();
    state.sms_wake.notify_one();
    answer
}

async fn begin(
    state: &AppState,
    stops: &Stops,
    reader: &Reader,
    jar: CookieJar,
    typed: &str,
    sent: &Sent,
) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let realm = SignInName::parse(typed).map_or(Realm::Directory, |name| Realm::of(&tenant, &name));
    if stopped(state, &tenant, realm).await?.is_some() {
        if Realm::widest(&tenant) == realm {
            return Ok(Redirect::to("/").into_response());
        }
        // The first page is there for the names of the other realm, so it is told here: the same for every name of this one.
        let stopped = told_to_everybody(state, stops, reader, &tenant, realm).await?;
        let (t, frame) = (reader.words(&tenant), Frame::new(&tenant, "/"));
        let by_mail = begins_by_mail(&tenant);
        return Ok(page(StatusCode::OK, &FrontPage { t, frame, stopped, fault: None, by_mail }));
    }
    let again = |told| {
        let (t, frame, by_mail) = (reader.words(&tenant), Frame::new(&tenant, "/"), begins_by_mail(&tenant));
        let fault = Some(NameFault::new(state, told));
        page(StatusCode::UNPROCESSABLE_ENTITY, &FrontPage { t, frame, stopped: None, fault, by_mail })
    };
    let Ok(name) = SignInName::parse(typed) else { return Ok(again(key("front-not-a-name"))) };
    let paid = paid(state, reader, &tenant, &name, sent).await?;
    if matches!(paid, Paid::TooOften) {
        return Ok(again(too_often()));
    }
    let now = state.clock.now();
    let user = state.store.users().by_sign_in_name(tenant.id, &name).await.map_err(PageError::behind)?;
    let id = user.as_ref().map(|user| user.id);
    let principal = user.as_ref().map(|user| SignInName::of_principal(&user.user_principal_name));
    let (users, whose) = (state.store.users(), principal.as_ref().unwrap_or(&name));
    let standing = users.standing(tenant.id, id, whose, now).await.map_err(PageError::behind)?;
    let (flow, token) = new_flow(state, reader, &tenant, &name, user.as_ref(), &standing);
    let known = is_known(state, &jar, flow.tenant, &flow.subject);
    let flow = Flow { known_browser: known, ..flow };
    // Whoever worked for a name was counted when it was asked for. What others of a network did stops nobody where they succeeded before.
    let network = Subject::of_network(&state.pepper, tenant.id, &reader.network);
    let limits = state.store.limits();
    if !paid.is_something()
        && !known
        && !limits.count(tenant.id, &NAMES_TRIED, &network, now).await.map_err(PageError::behind)?
    {
        return Ok(again(key("front-too-many")));
    }
    let whose = (typed, &name);
    if let Some(page) = asked(state, reader, &tenant, &DOOR, whose, (sent, &paid), known).await? {
        return Ok(page);
    }
    state.store.flows().insert(&flow).await.map_err(PageError::behind)?;
    // What the pages begin with is the tenant's choice, the same for every name.
    let first = tenant.gate_policy.begins_with().first().copied().unwrap_or(Method::Mail);
    let by = match first {
        Method::Mail => Some(By::Mail(AddressKind::default())),
        Method::Sms => Some(By::Sms),
        _ => None,
    };
    if let Some(by) = by {
        send_code(state, &tenant, &flow, user.as_ref(), known, by).await?;
    }
    let step = match flow.person {
        Person::Known(_) if by.is_some() => "name given, code sent".to_owned(),
        Person::Known(_) => "name given".to_owned(),
        Person::Withheld { code, .. } => format!("name given, withheld: {}", code.as_str()),
        Person::Stranger => "name given, nobody's".to_owned(),
    };
    let step = step + paid.told();
    note(state, reader, &flow, Activity::FlowProgress, Success::Success, &step, None).await?;
    Ok((jar.add(cookie(flow.id, &token)), Redirect::to(place(first))).into_response())
}

fn new_flow(
    state: &AppState,
    reader: &Reader,
    tenant: &Tenant,
    name: &SignInName,
    user: Option<&User>,
    standing: &Standing,
) -> (Flow, Token) {
    let (random, pepper, now) = (&*state.random, &state.pepper, state.clock.now());
    let closed = || Gates::closed(&tenant.gate_policy);
    let (person, gates) = match user {
        None => (Person::Stranger, closed()),
        Some(user) => match sspr::gates(tenant, user, standing) {
            Ok(gates) => (Person::Known(user.id), gates),
            Err(code) => (Person::Withheld { user: user.id, code }, closed()),
        },
    };
    let decoy = decoy::masked_address(pepper, tenant.id, name, &tenant.decoy_domains);
    let own = user.and_then(|user| user.code_address(AddressKind::default())).and_then(mask);
    let by_name = Subject::of_name(pepper, tenant.id, name);
    let by_user = user.map(|user| Subject::of_user(pepper, tenant.id, user.id));
    let token = Token::random(random);
    let flow = Flow {
        id: FlowId::random(random),
        tenant: tenant.id,
        browser: token.digest(),
        former: None,
        subject: by_user.unwrap_or(by_name),
        person,
        masked_address: own.unwrap_or(decoy),
        purpose: Purpose::Reset,
        // What the browser shows is looked at by whoever has it.
        known_browser: false,
        state: FlowState::CodeSent,
        gates,
        language: reader.words(tenant).0,
        support_code: SupportCode::random(random),
        correlation: CorrelationId::random(random),
        started_at: now,
        expires_at: now.plus(flow::VALID),
    };
    (flow, token)
}

/// How a code goes out.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// By mail, to an address of this kind if there is one.
    Mail(AddressKind),
    /// By text message.
    Sms,
}

impl By {
    /// The channel.
    pub(super) const fn channel(self) -> Channel {
        match self {
            Self::Mail(_) => Channel::Mail,
            Self::Sms => Channel::Sms,
        }
    }

    /// Where it goes, for somebody who may reset.
    fn address(self, user: &User) -> Option<String> {
        match self {
            Self::Mail(wanted) => user.code_address(wanted).map(str::to_owned),
            Self::Sms => user.code_mobile().map(|number| number.as_str().to_owned()),
        }
    }
}

/// Makes a code for `flow` and queues its mail or text message, unless the person or the name had too many: then nothing happens, and nothing
/// shows. An address that had too many gets no further mail, and everything else goes on, since what somebody has of addresses
/// must not show by when it stops. Strangers take the same way; their mail has no address, and is dropped where it would be
/// sent. A browser in which the person succeeded before (`known`) has limits of its own. `by` is how it was
/// asked for; whether the person has an address of that kind, or a number, does not show.
pub(super) async fn send_code(
    state: &AppState,
    tenant: &Tenant,
    flow: &Flow,
    user: Option<&User>,
    known: bool,
    by: By,
) -> Result<(), PageError> {
    let (channel, method) = (by.channel(), by.channel().method());
    let now = state.clock.now();
    // Somebody who may not reset is told at any address on file; a code goes to an address outside of work only, and to nobody
    // whose gates it would not open: a right code that is told to be wrong would be a lie.
    let opens = flow.gates.choices().contains(&method);
    let address = match flow.person {
        Person::Known(_) => user.filter(|_| opens).and_then(|user| by.address(user)),
        Person::Withheld { .. } => user.and_then(|user| match by {
            By::Mail(_) => by.address(user).or_else(|| user.addresses().first().map(|&any| any.to_owned())),
            By::Sms => by.address(user),
        }),
        Person::Stranger => None,
    };
    let (limits, limit) = (state.store.limits(), codes_sent(channel, known));
    if !limits.count(tenant.id, limit, &flow.subject, now).await.map_err(PageError::behind)? {
        return Ok(());
    }
    let nowhere = || Subject::of_flow(&state.pepper, tenant.id, flow.id);
    let place =
        address.as_deref().map_or_else(nowhere, |to| Subject::of_address(&state.pepper, tenant.id, to));
    let mut room = limits.count(tenant.id, limit, &place, now).await.map_err(PageError::behind)?;
    if channel == Channel::Sms {
        // For every name, so that what is left of it shows nothing.
        let everybody = Subject::of_tenant(&state.pepper, tenant.id);
        room &= limits.count(tenant.id, &SMS_OF_TENANT, &everybody, now).await.map_err(PageError::behind)?;
    }
    let code = OneTimeCode::random(&*state.random);
    let digest = code.digest(&state.pepper, tenant.id, flow.id, method);
    let stored = StoredCode::new(tenant.id, flow.id, method, digest, now);
    state.store.codes().put(&stored).await.map_err(PageError::behind)?;
    let support_code = flow.support_code.0.clone();
    let template = match flow.person {
        Person::Withheld { code, .. } => {
            Template::Withheld { sspr_code: code.as_str().to_owned(), support_code }
        }
        Person::Known(_) | Person::Stranger => {
            Template::Code { code: code.expose().to_owned(), support_code }
        }
    };
    let language = user.and_then(|user| user.language).unwrap_or(flow.language);
    let letter = Letter { to: address.filter(|_| room), language, template };
    let mail = Mail::new(tenant.id, letter, code::VALID, now, &*state.random);
    let mail = Mail { channel, ..mail };
    state.store.mail_outbox().queue(&mail, &state.node_key, &*state.random).await.map_err(PageError::behind)
}
