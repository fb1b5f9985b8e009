//! `GET` and `POST /register/questions`: questions are chosen and answered, all at once, in the place of those that were. Nobody reads what
//! was answered. `POST /register/questions/remove` removes them.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::method::Method;
use ritorno_identity::question::{Answer, Question};
use ritorno_identity::registration::{AddressChange, Registration};
use ritorno_identity::tenant::Tenant;

use super::methods::{here, standing};
use super::tell::method_changed;
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page, to_the_end};
use crate::question_words::question_words;
use crate::reader::Reader;
use crate::security_answers::hash;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/register/questions.html")]
struct QuestionsPage<'a> {
    t: Words,
    frame: Frame,
    /// How many are asked at a gate.
    to_ask: u16,
    /// Whether these replace others.
    replaces: bool,
    /// What is chosen so far for each that is to be chosen; empty for none.
    slots: Vec<Slot>,
    offered: Vec<Offered>,
    fault: Option<&'static str>,
    support_code: &'a str,
}

struct Slot {
    number: u16,
    chosen: String,
}

struct Offered {
    value: String,
    words: String,
}

/// What a form sends: questions and answers, in their order.
type Fields = Vec<(String, String)>;

fn named<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// Reads what was chosen and answered, or says what is wrong with it.
fn read(tenant: &Tenant, fields: &Fields) -> Result<Vec<(Question, Answer)>, &'static str> {
    let (offered, wanted) = (tenant.questions.offered(), usize::from(tenant.questions.to_register()));
    let questions: Option<Vec<Question>> = named(fields, "question")
        .map(|value| Question::from_text(value).filter(|question| offered.contains(question)))
        .collect();
    let questions = questions.filter(|questions| questions.len() == wanted);
    let questions = questions.ok_or(key("questions-fault-choose"))?;
    if (1..wanted).any(|at| questions[..at].contains(&questions[at])) {
        return Err(key("questions-fault-twice"));
    }
    let answers: Option<Vec<Answer>> = named(fields, "answer").map(Answer::parse).collect();
    let answers = answers.filter(|answers| answers.len() == wanted).ok_or(key("questions-fault-answer"))?;
    if (1..wanted).any(|at| answers[..at].iter().any(|before| before.is_same_as(&answers[at]))) {
        return Err(key("questions-fault-same"));
    }
    Ok(questions.into_iter().zip(answers).collect())
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    registration: &Registration,
    replaces: bool,
    (fields, fault): (&Fields, Option<&'static str>),
) -> Response {
    let t = reader.words(tenant);
    let offered = tenant.questions.offered();
    let offer =
        |question: &Question| Offered { value: question.to_text(), words: question_words(t, question) };
    let mut chosen = named(fields, "question").map(str::to_owned);
    let slots = (1..=u16::from(tenant.questions.to_register()))
        .map(|number| Slot { number, chosen: chosen.next().unwrap_or_default() })
        .collect();
    let shown = QuestionsPage {
        t,
        frame: Frame::new(tenant, "/register/questions"),
        to_ask: u16::from(tenant.questions.to_ask()),
        replaces,
        slots,
        offered: offered.iter().map(offer).collect(),
        fault,
        support_code: &registration.support_code.0,
    };
    page(if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &shown)
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Questions).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let replaces = standing(&state, &user).await?.questions > 0;
    let page = render(&reader, &tenant, &registration, replaces, (&Vec::new(), None));
    Ok((reader.remember(jar), page).into_response())
}

/// Questions were chosen and answered.
pub(super) async fn save(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Questions).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    let replaces = standing(&state, &user).await?.questions > 0;
    let answered = match read(&tenant, &fields) {
        Ok(answered) => answered,
        Err(fault) => return Ok(render(&reader, &tenant, &registration, replaces, (&fields, Some(fault)))),
    };
    let digest = |(question, answer): (Question, Answer)| {
        let digest = answer.digest(&state.pepper, tenant.id, user.id, &question);
        (question, digest)
    };
    let hashed = hash(&state, answered.into_iter().map(digest).collect()).await?;
    let change = if replaces { AddressChange::Replaced } else { AddressChange::Registered };
    to_the_end(async move {
        let (store, now) = (state.store.security_questions(), state.clock.now());
        if !store.replace(tenant.id, user.id, &hashed, now).await.map_err(PageError::behind)? {
            return Err(PageError::Request);
        }
        method_changed(&state, &reader, &registration, &user, Method::Questions, change).await
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=questions").into_response())
}

/// They are removed.
pub(super) async fn remove(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let (tenant, registration, user) = match here(&state, &reader, &jar, Method::Questions).await? {
        Ok(found) => found,
        Err(other) => return Ok(other),
    };
    to_the_end(async move {
        if state.store.security_questions().remove(tenant.id, user.id).await.map_err(PageError::behind)? {
            let change = AddressChange::Removed;
            method_changed(&state, &reader, &registration, &user, Method::Questions, change).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to("/register/methods?done=questions-removed").into_response())
}
