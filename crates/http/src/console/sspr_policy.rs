//! `GET /console/sspr`: who may reset, what they prove before it, and when they are asked to look through what they registered.
//! `POST /console/sspr/…`: each of these changed; who may is in `sspr_for.rs`.

use std::str::FromStr;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::method::Method;
use ritorno_identity::question::{self, QuestionPolicy};
use ritorno_identity::sspr::{GROUPS_AT_MOST, ReconfirmAfter};
use ritorno_protocol::ids::GroupId;
use ritorno_storage::StoreError;
use serde::Deserialize;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::method_name::method_name;
use crate::operations::agents::only;
use crate::operations::sspr_groups;
use crate::operations::sspr_policy::{
    self, Part, expiry_mails, for_everybody, gates, group_named, reconfirm, set_part,
};
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

/// Where the page is.
const HERE: &str = "/console/sspr";

#[derive(Template)]
#[template(path = "console/sspr-policy.html")]
struct PolicyPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    /// Whether they are the reader's to change.
    theirs: bool,
    /// The groups whose people may reset; empty for everybody.
    only: Vec<String>,
    most_groups: usize,
    /// Whether groups are named that are gone.
    only_gone: bool,
    days: u16,
    most_days: u16,
    /// The days before a password expires on which its owner is told.
    expiry: String,
    own: GateForm,
    another: GateForm,
    questions: QuestionForm,
    groups: Vec<GroupLine>,
    administrators: Vec<&'static str>,
    told: Option<&'static str>,
    /// Which of the things that were typed it is about.
    about: Option<String>,
}

/// The fields of a policy, as they stand.
struct GateForm {
    /// What keeps the fields of two forms of one page apart.
    id: &'static str,
    /// The key of what the fields are about.
    legend: &'static str,
    gates: u8,
    to_register: u8,
    most_to_register: usize,
    same_twice: bool,
    methods: Vec<MethodLine>,
}

/// What is said of security questions, as it stands.
struct QuestionForm {
    to_register: u8,
    to_ask: u8,
    least: u8,
    most: u8,
    /// A line each.
    own: String,
}

struct MethodLine {
    name: &'static str,
    title: &'static str,
    on: bool,
    first: bool,
}

struct GroupLine {
    id: String,
    /// Empty if the group is gone.
    name: String,
    gates: u16,
    methods: Vec<&'static str>,
    to_register: u8,
    /// Empty where what holds for everybody holds.
    days: String,
}

impl GateForm {
    fn of(id: &'static str, legend: &'static str, policy: &GatePolicy) -> Self {
        let first = policy.methods().first();
        let line = |method: Method| MethodLine {
            name: method.as_str(),
            title: method_name(method),
            on: policy.allows(method),
            first: first == Some(&method),
        };
        Self {
            id,
            legend,
            gates: policy.gates(),
            to_register: policy.to_register(),
            most_to_register: Method::ALL.into_iter().filter(|method| method.is_registered()).count(),
            same_twice: !policy.must_differ(),
            methods: Vec::from(Method::ALL.map(line)),
        }
    }
}

/// Why a form was not taken.
pub(super) enum Fault {
    /// What it says can't be.
    Policy(sspr_policy::Fault),
    /// The form is not the page's.
    Page(PageError),
}

impl From<sspr_policy::Fault> for Fault {
    fn from(fault: sspr_policy::Fault) -> Self {
        Self::Policy(fault)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Page(PageError::behind(error))
    }
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let shown = render(&state, &signed_in, &reader, None, None).await?;
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

async fn render(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    told: Option<&'static str>,
    about: Option<String>,
) -> Result<PolicyPage, PageError> {
    let tenant = &signed_in.tenant;
    let only = only(state, tenant).await.map_err(PageError::behind)?;
    let groups = state.store.group_policies().list(tenant.id).await.map_err(PageError::behind)?;
    let names = |policy: &GatePolicy| policy.methods().iter().copied().map(method_name).collect();
    Ok(PolicyPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, HERE),
        menu: signed_in.menu(HERE),
        theirs: signed_in.may(Action::ChangeTenant),
        only_gone: only.as_ref().is_some_and(|only| only.some_gone),
        only: only.map(|only| only.names).unwrap_or_default(),
        most_groups: GROUPS_AT_MOST,
        days: tenant.reconfirm_after.days(),
        most_days: ReconfirmAfter::MOST,
        expiry: tenant.expiry_days.iter().map(u16::to_string).collect::<Vec<_>>().join(" "),
        own: GateForm::of("tenant", key("policy-everybody"), &tenant.gate_policy),
        another: GateForm::of("group", key("policy-groups"), &tenant.gate_policy),
        questions: QuestionForm {
            to_register: tenant.questions.to_register(),
            to_ask: tenant.questions.to_ask(),
            least: question::LEAST,
            most: question::MOST,
            own: tenant.questions.own().join("\n"),
        },
        groups: groups
            .into_iter()
            .map(|one| GroupLine {
                id: one.group.to_string(),
                name: one.name.unwrap_or_default(),
                gates: one.policy.gates().into(),
                methods: names(&one.policy),
                to_register: one.policy.to_register(),
                days: one.reconfirm_after.map(|after| after.days().to_string()).unwrap_or_default(),
            })
            .collect(),
        administrators: names(&GatePolicy::of_administrators()),
        told,
        about,
    })
}

/// On to the page, or the page again with what was wrong.
pub(super) async fn answer(
    state: &AppState,
    signed_in: &SignedIn,
    reader: &Reader,
    done: Result<(), Fault>,
) -> Result<Response, PageError> {
    match done {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(Fault::Page(error)) => Err(error),
        Err(Fault::Policy(fault)) => {
            let about = match &fault {
                sspr_policy::Fault::Named(name, _) => Some(name.clone()),
                _ => None,
            };
            let told = fault.told().map_err(PageError::behind)?;
            let shown = render(state, signed_in, reader, Some(told), about).await?;
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
    }
}

/// After how many days.
#[derive(Deserialize)]
pub(super) struct Days {
    days: String,
}

/// Says after how long people are asked to look through what they registered.
pub(super) async fn set_days(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Days { days }): Form<Days>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let part = Part::Reconfirm(days_read(&days)?);
        Ok(set_part(&state, &signed_in.operator(&reader), part).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}

/// A number of days from a field.
fn days_read(days: &str) -> Result<ReconfirmAfter, sspr_policy::Fault> {
    days.trim().parse().map_err(|_| sspr_policy::Fault::Days).and_then(reconfirm)
}

/// On which days.
#[derive(Deserialize)]
pub(super) struct Expiry {
    days: String,
}

/// Says how many days before a password expires its owner is told.
pub(super) async fn set_expiry(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(Expiry { days }): Form<Expiry>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let typed = days.split([' ', ',', ';']).filter(|day| !day.is_empty());
        let read: Result<Vec<u16>, _> = typed.map(str::parse).collect();
        let read = read.map_err(|wrong| sspr_policy::Fault::Expiry(wrong.to_string()))?;
        let part = expiry_mails(&state, &read)?;
        Ok(set_part(&state, &signed_in.operator(&reader), part).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}

/// What is said of security questions.
#[derive(Deserialize)]
pub(super) struct Questions {
    to_register: String,
    to_ask: String,
    #[serde(default)]
    own: String,
}

/// Says how many security questions people answer, and which there are beside the predefined ones.
pub(super) async fn set_questions(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(form): Form<Questions>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let number = |typed: &str| typed.trim().parse().unwrap_or_default();
        let own: Vec<String> =
            form.own.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        let questions = QuestionPolicy::new(number(&form.to_register), number(&form.to_ask), &own);
        let part = Part::Questions(questions.map_err(sspr_policy::Fault::Questions)?);
        Ok(set_part(&state, &signed_in.operator(&reader), part).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}

/// A form's fields, in which methods are named any number of times.
type Fields = Vec<(String, String)>;

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// The policy that a form says.
fn read(fields: &Fields, state: &AppState) -> Result<GatePolicy, Fault> {
    let number = |name| field(fields, name).and_then(|value| u8::from_str(value.trim()).ok());
    let named = |value: &str| Method::from_name(value).ok_or(Fault::Page(PageError::Request));
    let first = field(fields, "first").map(named).transpose()?;
    let mut methods: Vec<Method> = Vec::new();
    for (_, value) in fields.iter().filter(|(field, _)| field == "method") {
        let method = named(value)?;
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    if let Some(first) = first.filter(|_| !methods.is_empty()) {
        let at = methods.iter().position(|method| *method == first);
        // Whoever unticked it means it: it is not allowed by the other field.
        let at = at.ok_or(sspr_policy::Fault::First)?;
        methods[..=at].rotate_right(1);
    }
    let must_differ = field(fields, "same_twice").is_none();
    let (number_of_gates, to_register) =
        (number("gates").unwrap_or_default(), number("to_register").unwrap_or_default());
    Ok(gates(state, number_of_gates, methods, to_register, must_differ)?)
}

/// Says what people prove.
pub(super) async fn set_gates(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let part = for_everybody(&state, &signed_in.tenant, read(&fields, &state)?).await?;
        Ok(set_part(&state, &signed_in.operator(&reader), part).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}

/// Gives a group gates of its own.
pub(super) async fn set_group(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let set = async {
        let tenant = &signed_in.tenant;
        let name = field(&fields, "group").unwrap_or_default().trim();
        let (group, policy) = (group_named(&state, tenant, name).await?, read(&fields, &state)?);
        // Empty, as a form of before has it not at all: what holds for everybody.
        let days = field(&fields, "reconfirm").map(str::trim).filter(|days| !days.is_empty());
        let reconfirm_after = days.map(days_read).transpose()?;
        let operator = signed_in.operator(&reader);
        Ok(sspr_groups::set(&state, &operator, group, name, &policy, reconfirm_after).await?)
    };
    let done = set.await;
    answer(&state, &signed_in, &reader, done).await
}

/// A group.
#[derive(Deserialize)]
pub(super) struct OfGroup {
    group: String,
}

/// Takes a group's gates away.
pub(super) async fn remove_group(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Form(OfGroup { group }): Form<OfGroup>,
) -> Result<Redirect, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let id = group.parse::<GroupId>().map_err(|_| PageError::Request)?;
    // A second click finds it done.
    sspr_groups::remove(&state, &signed_in.operator(&reader), id).await.map_err(PageError::behind)?;
    Ok(Redirect::to(HERE))
}
