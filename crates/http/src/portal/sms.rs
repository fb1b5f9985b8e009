//! `GET` and `POST /reset/sms`: a gate that is passed with a code by text message. `POST /reset/sms/send` sends one. As with a code by mail,
//! everything is the same for every name, whether or not there is a number.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::flow::Flow;
use ritorno_identity::method::Method;
use ritorno_identity::tenant::Tenant;

use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::portal::code::{CodeTried, Input, Shown, ended, try_code};
use crate::portal::gate::{Way, instead_of, stop, ways};
use crate::portal::refusal::Refusal;
use crate::portal::resend::send_another;
use crate::portal::start::By;
use crate::portal::visit::{current, tenant};
use crate::reader::Reader;
use crate::state::AppState;

#[derive(Template)]
#[template(path = "portal/sms.html")]
struct SmsPage<'a> {
    t: Words,
    frame: Frame,
    support_code: &'a str,
    fault: Option<&'static str>,
    resent: bool,
    stopped: Option<Refusal>,
    ways: Vec<Way>,
}

impl<'a> SmsPage<'a> {
    fn new(reader: &Reader, tenant: &Tenant, flow: &'a Flow) -> Self {
        Self {
            t: reader.words(tenant),
            frame: Frame::new(tenant, "/reset/sms"),
            support_code: &flow.support_code.0,
            fault: None,
            resent: false,
            stopped: None,
            ways: ways(tenant, flow, Some(Method::Sms)),
        }
    }
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Query(shown): Query<Shown>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Sms) {
        return Ok(Redirect::to(place).into_response());
    }
    let shown = SmsPage { resent: shown.sent.is_some(), ..SmsPage::new(&reader, &tenant, &flow) };
    let page = page(StatusCode::OK, &shown);
    Ok((reader.remember(jar), page).into_response())
}

/// A code was typed.
pub(super) async fn check(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
    Form(input): Form<Input>,
) -> Result<Response, PageError> {
    let tenant = tenant(&state).await?;
    let Some(flow) = current(&state, &jar).await? else { return Ok(ended()) };
    if let Some(place) = instead_of(&tenant, &flow, Method::Sms) {
        return Ok(Redirect::to(place).into_response());
    }
    let bare = SmsPage::new(&reader, &tenant, &flow);
    Ok(match try_code(&state, &reader, &jar, &flow, Method::Sms, input).await? {
        CodeTried::Passed(passed) => passed,
        CodeTried::Again(fault) => {
            page(StatusCode::UNPROCESSABLE_ENTITY, &SmsPage { fault: Some(fault), ..bare })
        }
        CodeTried::Stopped => {
            page(StatusCode::TOO_MANY_REQUESTS, &SmsPage { stopped: Some(stop(&flow)), ..bare })
        }
    })
}

/// A code is asked for.
pub(super) async fn send(
    State(state): State<AppState>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    send_another(&state, &reader, &jar, By::Sms).await
}
