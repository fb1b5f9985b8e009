//! `GET /console/doctor`: what each agent's checks found last, what the server's own checks of mail found, and the manual's chapters.
//!
//! What an agent says is shown as its own words, and of what mends something only what is typed at that agent's host: a conquered agent
//! must not put lines for the cloud side or a domain controller before an administrator. Those are in this server's own manual.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_doctor::{Report, Row, System};
use ritorno_identity::administrator::Action;
use ritorno_protocol::doctor::{CheckState, CheckVerdict};

use super::session::{Menu, SignedIn};
use crate::agent_api::doctor::is_fresh;
use crate::i18n::{Words, key};
use crate::mail::arrival::refusals::Outbox;
use crate::measures::told;
use crate::page::{Frame, PageError, page};
use crate::portal::refusal::Moment;
use crate::reader::Reader;
use crate::state::AppState;

/// The manual's chapters, generated from the agent's checks and from those of mail.
const MANUALS: [&str; 2] = [
    include_str!("../../../../docs/manual/troubleshooting.md"),
    include_str!("../../../../docs/manual/mail.md"),
];

#[derive(Template)]
#[template(path = "console/doctor.html")]
struct DoctorPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    /// The server's own checks of mail; `None` if no mail goes out.
    mail: Option<MailView>,
    agents: Vec<AgentView>,
}

struct MailView {
    /// When DNS was asked last; `None` if it was not yet.
    seen: Option<Moment>,
    /// What does not pass, the worst first.
    wrong: Vec<MailCheck>,
    all: Vec<MailCheck>,
}

struct MailCheck {
    check: CheckView,
    /// Where what mends it is typed, and the lines.
    fixes: Vec<(&'static str, String)>,
}

struct AgentView {
    name: String,
    /// When its last report came; `None` if none ever did.
    seen: Option<Moment>,
    fresh: bool,
    passed: usize,
    /// What does not pass, the worst first.
    wrong: Vec<CheckView>,
    all: Vec<CheckView>,
}

struct CheckView {
    id: String,
    title: &'static str,
    verdict: &'static str,
    evidence: Vec<String>,
    cause: Option<String>,
    /// Lines for the agent's own host.
    fixes: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/doctor-manual.html")]
struct ManualPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    chapters: Vec<(&'static str, &'static str)>,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let tenant = &signed_in.tenant;
    let (t, now) = (reader.words(tenant), state.clock.now());
    let reports = state.store.doctor_reports().list(tenant.id).await.map_err(PageError::behind)?;
    let agents = state.store.agents().list(tenant.id).await.map_err(PageError::behind)?;
    let live = agents.into_iter().filter(|agent| agent.revoked_at.is_none());
    let agents = live.map(|agent| {
        let told = reports.iter().find(|told| told.agent == agent.id);
        let told_of = told.map(|told| &told.report.checks[..]).unwrap_or_default();
        let checks: Vec<&CheckState> = told_of.iter().filter(|check| title(&check.id).is_some()).collect();
        let good = |check: &&&CheckState| check.verdict <= CheckVerdict::NotApplicable;
        let mut wrong: Vec<&CheckState> = checks.iter().filter(|check| !good(check)).copied().collect();
        wrong.sort_by_key(|check| std::cmp::Reverse(check.verdict));
        AgentView {
            name: agent.name,
            seen: told.map(|told| Moment::new(told.received_at)),
            fresh: told.is_some_and(|told| is_fresh(told.received_at, now)),
            passed: checks.iter().filter(good).count(),
            wrong: wrong.into_iter().filter_map(view).collect(),
            all: checks.iter().copied().filter_map(view).collect(),
        }
    });
    let mail = if state.settings.mail { Some(mail(&state).await?) } else { None };
    let shown = DoctorPage {
        t,
        mail,
        frame: Frame::new(tenant, "/console/doctor"),
        menu: signed_in.menu("/console/doctor"),
        agents: agents.collect(),
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// What was found of mail: of the sender's domain by the last look, of refusals now.
async fn mail(state: &AppState) -> Result<MailView, PageError> {
    let outbox =
        Outbox::of(&state.store, state.tenant, state.clock.now()).await.map_err(PageError::behind)?;
    let (seen, mut report) = match state.mail_looked.last() {
        Some((at, report)) => (Some(Moment::new(at)), report),
        None => (None, Report { checks: Vec::new() }),
    };
    report.checks.extend(outbox.look().await.checks);
    let mut wrong: Vec<&Row> =
        report.checks.iter().filter(|row| told(row.finding.verdict) > CheckVerdict::NotApplicable).collect();
    wrong.sort_by_key(|row| std::cmp::Reverse(row.finding.verdict));
    Ok(MailView {
        seen,
        wrong: wrong.into_iter().filter_map(mail_view).collect(),
        all: report.checks.iter().filter_map(mail_view).collect(),
    })
}

fn mail_view(row: &Row) -> Option<MailCheck> {
    let check = CheckView {
        id: row.check.id.to_owned(),
        title: mail_title(row.check.id)?,
        verdict: verdict(told(row.finding.verdict)),
        evidence: row.finding.evidence.clone(),
        cause: row.finding.cause.clone(),
        fixes: Vec::new(),
    };
    let fixes = row.finding.fixes.iter().map(|fix| {
        let place = if fix.system == System::Dns { key("doctor-in-dns") } else { key("doctor-on-server") };
        (place, fix.lines.join("\n"))
    });
    Some(MailCheck { check, fixes: fixes.collect() })
}

/// What heads a check of mail, which no agent can send.
fn mail_title(id: &str) -> Option<&'static str> {
    Some(match id {
        "mail-bounces" => key("doctor-check-mail-bounces"),
        "mail-spf" => key("doctor-check-mail-spf"),
        "mail-dkim" => key("doctor-check-mail-dkim"),
        "mail-dmarc" => key("doctor-check-mail-dmarc"),
        "mail-closed" => key("doctor-check-mail-closed"),
        "mail-refusals" => key("doctor-check-mail-refusals"),
        _ => return None,
    })
}

/// The manual's chapters, each at its name.
pub(super) async fn manual(
    signed_in: SignedIn,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let tenant = &signed_in.tenant;
    let shown = ManualPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, "/console/doctor/manual"),
        menu: signed_in.menu("/console/doctor"),
        chapters: chapters().collect(),
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Name and text of each check's chapter; the tables at the end are no check's.
fn chapters() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = MANUALS.into_iter().flat_map(|manual| manual.split("\n## ").skip(1));
    let parts = parts.filter_map(|part| part.split_once('\n'));
    parts.filter(|(name, _)| !name.contains(' ')).map(|(name, text)| (name, text.trim()))
}

/// What heads a check, by its name; `None` for one that this version does not know, of which nothing is shown or measured.
pub(crate) fn title(id: &str) -> Option<&'static str> {
    Some(match id {
        "licences" => key("doctor-check-licences"),
        "pdc-emulator" => key("doctor-check-pdc-emulator"),
        "preferred-controllers" => key("doctor-check-preferred-controllers"),
        "writeback-switches" => key("doctor-check-writeback-switches"),
        "forests-allowed" => key("doctor-check-forests-allowed"),
        "domains" => key("doctor-check-domains"),
        "policy-hints" => key("doctor-check-policy-hints"),
        "rights" => key("doctor-check-rights"),
        "first-sync" => key("doctor-check-first-sync"),
        "scheduler" => key("doctor-check-scheduler"),
        "one-exporter" => key("doctor-check-one-exporter"),
        "deletion-guard" => key("doctor-check-deletion-guard"),
        "held-removals" => key("doctor-check-held-removals"),
        "objects" => key("doctor-check-objects"),
        "deletions" => key("doctor-check-deletions"),
        "agent-version" => key("doctor-check-agent-version"),
        "server-https" => key("doctor-check-server-https"),
        "relay-socket" => key("doctor-check-relay-socket"),
        "link-losses" => key("doctor-check-link-losses"),
        "clock-skew" => key("doctor-check-clock-skew"),
        "keys" => key("doctor-check-keys"),
        "host" => key("doctor-check-host"),
        "disk" => key("doctor-check-disk"),
        "stores" => key("doctor-check-stores"),
        "event-log" => key("doctor-check-event-log"),
        _ => return None,
    })
}

/// A check under its own title; what an agent found it says in English. `None` if this version does not know it.
fn view(check: &CheckState) -> Option<CheckView> {
    Some(CheckView {
        id: check.id.clone(),
        title: title(&check.id)?,
        verdict: verdict(check.verdict),
        evidence: check.evidence.clone(),
        cause: check.cause.clone(),
        fixes: check
            .fixes
            .iter()
            .filter(|fix| fix.system == "agent")
            .map(|fix| fix.lines.join("\n"))
            .collect(),
    })
}

const fn verdict(verdict: CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Pass => key("doctor-pass"),
        CheckVerdict::NotApplicable => key("doctor-not-applicable"),
        CheckVerdict::Warning => key("doctor-warning"),
        CheckVerdict::CouldNotTell => key("doctor-could-not-tell"),
        CheckVerdict::Fail => key("doctor-fail"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chapter_is_found_and_each_quick_check_has_a_title() {
        let names: Vec<&str> = chapters().map(|(name, _)| name).collect();
        assert!(
            names.len() > 30 && names.contains(&"pdc-emulator") && names.contains(&"mail-spf"),
            "{names:?}"
        );
        assert_eq!(title("mail-spf"), None, "an agent says nothing of the server's mail");
        // What a person or recorded evidence is needed for is never in a report of the running agent.
        let quick = names.iter().filter(|name| {
            !name.starts_with("person-") && !name.starts_with("windows-") && **name != "idle-connections"
        });
        for name in quick {
            assert!(title(name).or_else(|| mail_title(name)).is_some(), "{name} has no title");
        }
    }
}
