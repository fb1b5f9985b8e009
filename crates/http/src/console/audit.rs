//! `GET /console/audit`: what happened, latest first and as far as a filter lets it through, or everything under one support code in its
//! order.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_protocol::ids::SupportCode;

use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
use crate::operations::audit::{Names, heard};
use crate::operations::audit_filter::Asked;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::reader::Reader;
use crate::state::AppState;

/// Facts on the page.
const SHOWN: u32 = 100;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    asked: Asked,
    /// Everything that can have been done.
    activities: Vec<&'static str>,
    /// Every end: its name, and the key of its words.
    ends: [(&'static str, &'static str); 3],
    fault: Option<&'static str>,
    /// What leads to the page after this one.
    older: Option<String>,
    /// What leads to the same facts as a file.
    export: Option<String>,
    facts: Vec<FactLine>,
}

struct FactLine {
    at: Moment,
    activity: &'static str,
    /// The kind of actor, and its name where it has one.
    who: (&'static str, Option<String>),
    /// Whose account it was about, if it was about one and somebody else acted.
    whom: Option<String>,
    success: &'static str,
    reason: String,
    support_code: Option<SupportCode>,
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
    let tenant = &signed_in.tenant;
    let audit = state.store.audit();
    let (mut older, mut fault) = (None, None);
    let facts = if asked.code.trim().is_empty() {
        let operator = signed_in.operator(&reader);
        match asked.filter(&state, &operator).await.map_err(PageError::behind)? {
            Ok(filter) => {
                // One more than is shown tells whether there is a page after it.
                let found = audit.find(tenant.id, &filter, asked.before, SHOWN + 1).await;
                let mut found = found.map_err(PageError::behind)?;
                if found.len() > SHOWN as usize {
                    found.truncate(SHOWN as usize);
                    older = found.last().map(|(place, _)| asked.query(Some(*place)));
                }
                found.into_iter().map(|(_, fact)| fact).collect()
            }
            Err(wrong) => {
                fault = Some(wrong.told());
                Vec::new()
            }
        }
    } else {
        let found = audit.by_support_code(tenant.id, &SupportCode(heard(&asked.code))).await;
        found.map_err(PageError::behind)?
    };
    let names = Names::of(&state, &facts).await.map_err(PageError::behind)?;
    let export = (asked.code.trim().is_empty() && fault.is_none()).then(|| asked.query(None));
    let shown = AuditPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/audit"),
        menu: signed_in.menu("/console/audit"),
        activities: Activity::ALL.iter().map(|activity| activity.name()).collect(),
        ends: [Success::Success, Success::Failure, Success::Unknown].map(|end| (end.as_str(), told(end))),
        fault,
        older,
        export,
        facts: facts.into_iter().map(|fact| line(&names, fact)).collect(),
        asked,
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((reader.remember(jar), page(status, &shown)).into_response())
}

/// The key of how it ended.
const fn told(end: Success) -> &'static str {
    match end {
        Success::Success => key("console-audit-end-success"),
        Success::Failure => key("console-audit-end-failure"),
        Success::Unknown => key("console-audit-end-unknown"),
    }
}

/// The key of the kind of an actor.
const fn kind(actor: &Actor) -> &'static str {
    match actor {
        Actor::User(_) => key("console-actor-user"),
        Actor::Administrator(_) => key("console-actor-administrator"),
        Actor::Agent(_) => key("console-actor-agent"),
        Actor::Anonymous => key("console-actor-anonymous"),
        Actor::System => key("console-actor-system"),
    }
}

fn line(names: &Names, fact: Fact) -> FactLine {
    let itself = matches!(fact.actor, Actor::User(id) if fact.target == Some(id));
    FactLine {
        at: Moment::new(fact.at),
        activity: fact.activity.name(),
        who: (kind(&fact.actor), names.actor(&fact.actor)),
        whom: fact.target.filter(|_| !itself).map(|id| names.person(id)),
        success: told(fact.success),
        reason: fact.reason,
        support_code: fact.support_code,
    }
}
