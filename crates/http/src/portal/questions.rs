//! `GET` and `POST /reset/questions`: the second gate, passed with the answers to questions that were registered. It is never the first,
//! so that nobody sees them who has not proved anything yet. Others are drawn after each wrong try.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::flow::Flow;
use ritorno_identity::limit::TRIES_AT_A_GATE;
use ritorno_identity::method::Method;
use ritorno_identity::question::{Answer, Question};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::UserId;

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::code::ended;
use crate::portal::gate::{Judged, Way, instead_of, judge, place, stop, ways};
use crate::portal::refusal::Refusal;
use crate::portal::visit::{current, tenant};
use crate::question_words::question_words;
use crate::reader::Reader;
use crate::security_answers::are_right;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/questions.html")]
struct QuestionsPage<'a> {
    t: Words,
    frame: Frame,
    /// What is asked, in this order.
    asked: Vec<String>,
    fault: Option<&'static str>,
    stopped: Option<Refusal>,
    ways: Vec<Way>,
    support_code: &'a str,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Questions) {
        return Ok(Redirect::to(place).into_response());
    }
    let Some((_, asked)) = asked(&state, &tenant, &flow).await? else { return Ok(ended()) };
    let page = render(&reader, &tenant, &flow, &asked, None);
    Ok((reader.remember(jar), page).into_response())
}

/// Whom, and what they are asked now. `None` if they have fewer than are asked, as when they were taken back meanwhile: then another way
/// through the pages begins with what there is.
async fn asked(
    state: &AppState,
    tenant: &Tenant,
    flow: &Flow,
) -> Result<Option<(UserId, Vec<Question>)>, PageError> {
    let usable = !flow.gates.passed().is_empty() && flow.gates.choices().contains(&Method::Questions);
    let Some(owner) = flow.user().filter(|_| usable) else { return Ok(None) };
    let registered = state.store.security_questions().list(tenant.id, Some(owner)).await;
    let registered = registered.map_err(PageError::behind)?;
    let way = Subject::of_flow(&state.pepper, tenant.id, flow.id);
    let limits = state.store.limits();
    let tries = limits.counted(tenant.id, &TRIES_AT_A_GATE, &way, state.clock.now()).await;
    let tries = tries.map_err(PageError::behind)?;
    let whose = (tenant.id, owner);
    let drawn = tenant.questions.draw(&state.pepper, whose, flow.started_at, tries, registered);
    Ok((drawn.len() >= usize::from(tenant.questions.to_ask())).then_some((owner, drawn)))
}

/// Questions were answered. The try is counted before anything is compared, and all answers are.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Questions) {
        return Ok(Redirect::to(place).into_response());
    }
    let Some((owner, questions)) = asked(&state, &tenant, &flow).await? else {
        return Ok(ended());
    };
    let typed = fields.iter().filter(|(name, _)| name == "answer").map(|(_, typed)| Answer::parse(typed));
    let read: Option<Vec<Answer>> = typed.collect();
    let Some(answers) = read.filter(|answers| answers.len() == questions.len()) else {
        return Ok(render(&reader, &tenant, &flow, &questions, Some(key("questions-unread"))));
    };
    let wrong = (Method::Questions, key("questions-wrong"));
    let judged = judge(&state, &reader, &jar, &flow, wrong, async |attempt| {
        let digest = |(answer, question): (&Answer, &Question)| {
            answer.digest(&state.pepper, attempt.tenant, owner, question)
        };
        let digests = answers.iter().zip(&questions).map(digest).collect();
        let stored = state.store.security_questions();
        stored
            .attempt(attempt, &questions, state.clock.now(), async |hashes| are_right(digests, hashes).await)
            .await
    });
    match judged.await? {
        Judged::Passed(passed) => Ok(passed),
        Judged::Again(fault) => {
            let Some((_, others)) = asked(&state, &tenant, &flow).await? else {
                return Ok(ended());
            };
            Ok(render(&reader, &tenant, &flow, &others, Some(fault)))
        }
        Judged::Stopped => {
            let shown = QuestionsPage { stopped: Some(stop(&flow)), ..bare(&reader, &tenant, &flow) };
            Ok(page(StatusCode::TOO_MANY_REQUESTS, &shown))
        }
    }
}

fn render(
    reader: &Reader,
    tenant: &Tenant,
    flow: &Flow,
    questions: &[Question],
    fault: Option<&'static str>,
) -> Response {
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let t = reader.words(tenant);
    let asked = questions.iter().map(|question| question_words(t, question)).collect();
    page(status, &QuestionsPage { asked, fault, ..bare(reader, tenant, flow) })
}

fn bare<'a>(reader: &Reader, tenant: &Tenant, flow: &'a Flow) -> QuestionsPage<'a> {
    QuestionsPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, place(Method::Questions)),
        asked: Vec::new(),
        fault: None,
        stopped: None,
        ways: ways(tenant, flow, Some(Method::Questions)),
        support_code: &flow.support_code.0,
    }
}
