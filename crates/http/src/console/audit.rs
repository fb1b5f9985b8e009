//! `GET /console/audit`: what happened, latest first, or everything under one support code in its order.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::{Actor, Fact};
use ritorno_protocol::ids::SupportCode;
use serde::Deserialize;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::portal::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// Facts on the page.
const SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage<'a> {
    t: Words,
    frame: Frame,
    menu: Menu,
    asked: &'a str,
    facts: Vec<FactLine>,
}

struct FactLine {
    at: Moment,
    activity: &'static str,
    who: &'static str,
    success: &'static str,
    reason: String,
    support_code: Option<SupportCode>,
}

/// What the search sends.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    code: String,
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadAudit)?;
    let tenant = tenant(&state).await?;
    let audit = state.store.audit();
    let facts = if asked.code.trim().is_empty() {
        audit.list(tenant.id, 0, SHOWN).await
    } else {
        audit.by_support_code(tenant.id, &SupportCode(heard(&asked.code))).await
    };
    let shown = AuditPage {
        t: reader.words(&tenant),
        frame: Frame::new(&tenant, "/console/audit"),
        menu: signed_in.menu("/console/audit"),
        asked: asked.code.trim(),
        facts: facts.map_err(PageError::behind)?.into_iter().map(line).collect(),
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// A support code as it was heard on the telephone: any case, with or without the dash, and the letters that the code's
/// alphabet leaves out taken for the digits that they look like.
fn heard(typed: &str) -> String {
    let mut code: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    if code.len() == 10 {
        code.insert(5, '-');
    }
    code
}

fn line(fact: Fact) -> FactLine {
    FactLine {
        at: Moment::new(fact.at),
        activity: fact.activity.name(),
        who: match fact.actor {
            Actor::User(_) => key("console-actor-user"),
            Actor::Administrator(_) => key("console-actor-administrator"),
            Actor::Agent(_) => key("console-actor-agent"),
            Actor::Anonymous => key("console-actor-anonymous"),
            Actor::System => key("console-actor-system"),
        },
        success: fact.success.as_str(),
        reason: fact.reason,
        support_code: fact.support_code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_as_it_was_heard() {
        assert_eq!(heard(" abcde 01234"), "ABCDE-01234");
        assert_eq!(heard("abcde-o1l34"), "ABCDE-01134");
    }
}
