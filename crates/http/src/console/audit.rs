//! `GET /console/audit`: what happened, latest first and as far as a filter lets it through, or everything under one support code in its
//! order.

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::AdministratorId;
use ritorno_protocol::ids::{AgentId, SupportCode, UserId};
use ritorno_storage::StoreError;

use super::audit_filter::Asked;
use super::session::{Menu, SignedIn};
use crate::i18n::{Words, key};
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
        match asked.filter(&state, &signed_in, tenant).await? {
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
                fault = Some(wrong);
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
        facts: facts.into_iter().map(|fact| names.line(fact)).collect(),
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

/// The names of whoever occurs on the page.
pub(super) struct Names {
    people: HashMap<String, String>,
    administrators: HashMap<AdministratorId, String>,
    agents: HashMap<AgentId, String>,
}

impl Names {
    pub(super) async fn of(state: &AppState, facts: &[Fact]) -> Result<Self, StoreError> {
        let (store, tenant) = (&state.store, state.tenant);
        let acted = facts.iter().filter_map(|fact| match fact.actor {
            Actor::User(user) => Some(user),
            _ => None,
        });
        let occurring: HashSet<UserId> = acted.chain(facts.iter().filter_map(|fact| fact.target)).collect();
        let occurring: Vec<String> = occurring.into_iter().map(|id| id.to_string()).collect();
        let people = store.users().principal_names(tenant, &occurring).await?;
        let administrators = store.administrators().list(tenant).await?.into_iter();
        let agents = store.agents().list(tenant).await?.into_iter();
        Ok(Self {
            people,
            administrators: administrators.map(|one| (one.id, one.name)).collect(),
            agents: agents.map(|agent| (agent.id, agent.name)).collect(),
        })
    }

    /// The sign-in name; the id of somebody who is not there any more.
    pub(super) fn person(&self, id: UserId) -> String {
        let id = id.to_string();
        self.people.get(&id).cloned().unwrap_or(id)
    }

    /// The key of the kind of an actor, and its name where it has one.
    pub(super) fn who(&self, actor: &Actor) -> (&'static str, Option<String>) {
        match *actor {
            Actor::User(id) => (key("console-actor-user"), Some(self.person(id))),
            Actor::Administrator(id) => {
                let name = self.administrators.get(&id).cloned();
                (key("console-actor-administrator"), Some(name.unwrap_or_else(|| id.to_string())))
            }
            Actor::Agent(id) => {
                let name = self.agents.get(&id).cloned();
                (key("console-actor-agent"), Some(name.unwrap_or_else(|| id.to_string())))
            }
            Actor::Anonymous => (key("console-actor-anonymous"), None),
            Actor::System => (key("console-actor-system"), None),
        }
    }

    fn line(&self, fact: Fact) -> FactLine {
        let itself = matches!(fact.actor, Actor::User(id) if fact.target == Some(id));
        FactLine {
            at: Moment::new(fact.at),
            activity: fact.activity.name(),
            who: self.who(&fact.actor),
            whom: fact.target.filter(|_| !itself).map(|id| self.person(id)),
            success: told(fact.success),
            reason: fact.reason,
            support_code: fact.support_code,
        }
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
