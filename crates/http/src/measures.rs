//! What is counted and measured, for whoever watches the service. Names follow the conventions of Prometheus; labels have few values,
//! none of which a stranger can invent.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use ritorno_doctor::Verdict;
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::Fact;
use ritorno_identity::mail::Channel;
use ritorno_protocol::doctor::{CheckVerdict, DoctorReport};
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::outcome::{Outcome, Settled};
use ritorno_relay::dispatch_error::DispatchError;

use ritorno_storage::StoreError;

use crate::agent_api::doctor::is_fresh;
use crate::console::doctor::title;
use crate::state::AppState;

const HTTP_REQUESTS: &str = "ritorno_http_requests_total";
const HTTP_SECONDS: &str = "ritorno_http_request_seconds";
const AUDIT_FACTS: &str = "ritorno_audit_facts_total";
const WRITEBACK_SECONDS: &str = "ritorno_writeback_seconds";
const AGENTS_LINKED: &str = "ritorno_agents_linked";
const REQUESTS_WAITING: &str = "ritorno_requests_waiting";
const MAIL_WAITING: &str = "ritorno_mail_waiting";
const MAIL_CLOSED: &str = "ritorno_mail_closed";
const MAIL_REFUSED: &str = "ritorno_mail_refused_total";
const MAIL_CHECK: &str = "ritorno_mail_check";
const DOCTOR_CHECK: &str = "ritorno_doctor_check";
const SYNC_AGE: &str = "ritorno_sync_age_seconds";
const BUILD: &str = "ritorno_build_info";

/// Upper bounds of the buckets of what is measured in seconds.
pub const SECONDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Says what each is, once there is somebody to say it to.
pub fn describe() {
    describe_counter!(HTTP_REQUESTS, "Requests that were answered, by route, method and status.");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "How long answers took, by route.");
    describe_counter!(AUDIT_FACTS, "What people, administrators and agents did, by activity and result.");
    describe_histogram!(
        WRITEBACK_SECONDS,
        Unit::Seconds,
        "How long resets, changes and unlocks took from the sealed envelope to the directory's answer, by operation and result."
    );
    describe_gauge!(AGENTS_LINKED, "Agents whose link is up.");
    describe_gauge!(REQUESTS_WAITING, "Requests that somebody waits for at this moment.");
    describe_gauge!(MAIL_WAITING, "Mails that have not left yet.");
    describe_gauge!(
        MAIL_CLOSED,
        "Tenants of which no mail is taken at present, whoever it is for. More than 0 is an alarm."
    );
    describe_counter!(
        MAIL_REFUSED,
        "Mails and text messages that were refused for good on their way out, by channel."
    );
    describe_gauge!(
        MAIL_CHECK,
        "How each check of the sender's domain ended, by check: 0 as it should be, 1 a warning, 2 not to be told, 3 it fails."
    );
    describe_gauge!(
        DOCTOR_CHECK,
        "How each check of an agent ended, by agent (its name, and its id, since two may have one name) and check: 0 as it should be, 1 a warning, 2 not to be told, 3 it fails."
    );
    describe_gauge!(
        SYNC_AGE,
        Unit::Seconds,
        "For how long an agent has not read a directory to its end, by agent (its name, and its id) and connector. Seven days are an alarm."
    );
    describe_gauge!(BUILD, "Always 1, with the version.");
}

/// Sets what is so at this moment, of all tenants together: what is told of one has its agents' names and ids for labels, and no tenant's.
///
/// # Errors
/// [`StoreError`].
pub async fn look(tenants: &[AppState]) -> Result<(), StoreError> {
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let of_all = |count: fn(&AppState) -> usize| number(tenants.iter().map(count).sum());
    gauge!(AGENTS_LINKED).set(of_all(|state| state.relay.live_links()));
    gauge!(REQUESTS_WAITING).set(of_all(|state| state.relay.waiting()));
    let (mut mails, mut closed) = (0, 0);
    for state in tenants {
        mails += state.store.mail_outbox().waiting(state.tenant, state.clock.now()).await?;
        closed += usize::from(state.store.mail_closed().now(state.tenant, Channel::Mail).await?.is_some());
    }
    gauge!(MAIL_WAITING).set(number(usize::try_from(mails).unwrap_or(0)));
    gauge!(MAIL_CLOSED).set(number(closed));
    // What was found is shared by all.
    for row in
        tenants.first().and_then(|state| state.mail_looked.last()).iter().flat_map(|(_, told)| &told.checks)
    {
        gauge!(MAIL_CHECK, "check" => row.check.id).set(level(told(row.finding.verdict)));
    }
    for state in tenants {
        let mut agents = state.store.agents().list(state.tenant).await?;
        agents.retain(|agent| agent.revoked_at.is_none());
        checks(state, &agents).await?;
        syncs(state, &agents).await?;
    }
    Ok(())
}

/// For how long each agent has not read each of its forests to the end: also by what one said that says nothing any more.
async fn syncs(state: &AppState, agents: &[Agent]) -> Result<(), StoreError> {
    let reports = state.store.sync_reports().list(state.tenant).await?;
    let now = state.clock.now();
    for agent in agents {
        let Some(told) = reports.iter().find(|told| told.agent == agent.id) else { continue };
        // An agent is asked for its own forests only: it invents no label.
        let own = |name: &str| agent.forests.iter().any(|forest| forest.0 == name);
        for connector in told.report.connectors.iter().filter(|connector| own(&connector.name)) {
            let Some(at) = connector.cycled_at else { continue };
            let (name, id, connector) = (agent.name.clone(), agent.id.to_string(), connector.name.clone());
            let age = now.since(at).as_secs_f64();
            gauge!(SYNC_AGE, "agent" => name, "agent_id" => id, "connector" => connector).set(age);
        }
    }
    Ok(())
}

/// What the agents' checks found last. An agent that has not reported for long says nothing of now: that can't be told.
async fn checks(state: &AppState, agents: &[Agent]) -> Result<(), StoreError> {
    let reports = state.store.doctor_reports().list(state.tenant).await?;
    let now = state.clock.now();
    for agent in agents {
        let Some(told) = reports.iter().find(|told| told.agent == agent.id) else { continue };
        for (check, value) in levels(&told.report, is_fresh(told.received_at, now)) {
            let (name, id, check) = (agent.name.clone(), agent.id.to_string(), check.to_owned());
            gauge!(DOCTOR_CHECK, "agent" => name, "agent_id" => id, "check" => check).set(value);
        }
    }
    Ok(())
}

/// How the checks of a report stand that this version knows: no agent invents a label.
fn levels(report: &DoctorReport, fresh: bool) -> impl Iterator<Item = (&str, f64)> {
    let known = report.checks.iter().filter(|check| title(&check.id).is_some());
    known.map(move |check| {
        (check.id.as_str(), level(if fresh { check.verdict } else { CheckVerdict::CouldNotTell }))
    })
}

const fn level(verdict: CheckVerdict) -> f64 {
    match verdict {
        CheckVerdict::Pass | CheckVerdict::NotApplicable => 0.0,
        CheckVerdict::Warning => 1.0,
        CheckVerdict::CouldNotTell => 2.0,
        CheckVerdict::Fail => 3.0,
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Counts and measures a request.
pub(crate) async fn request(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let began = state.clock.now();
    let response = next.run(request).await;
    let took = state.clock.now().since(began);
    let status = response.status().as_u16().to_string();
    counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => status).increment(1);
    histogram!(HTTP_SECONDS, "route" => route).record(took);
    response
}

/// Counts a request that names no tenant's host.
pub(crate) fn of_nobody(method: &Method, status: StatusCode) {
    let (method, status) = (known(method), status.as_u16().to_string());
    counter!(HTTP_REQUESTS, "route" => "none", "method" => method, "status" => status).increment(1);
}

/// A stranger may send a method of any name.
fn known(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Counts what was refused for good on its way out.
pub(crate) fn refused(channel: Channel) {
    let channel = match channel {
        Channel::Mail => "mail",
        Channel::Sms => "sms",
    };
    counter!(MAIL_REFUSED, "channel" => channel).increment(1);
}

/// A check's verdict, as agents tell theirs.
pub(crate) const fn told(verdict: Verdict) -> CheckVerdict {
    match verdict {
        Verdict::Pass => CheckVerdict::Pass,
        Verdict::NotApplicable => CheckVerdict::NotApplicable,
        Verdict::Warning => CheckVerdict::Warning,
        Verdict::CouldNotTell => CheckVerdict::CouldNotTell,
        Verdict::Fail => CheckVerdict::Fail,
    }
}

/// Counts what was written down.
pub(crate) fn fact(fact: &Fact) {
    counter!(AUDIT_FACTS, "activity" => fact.activity.name(), "result" => fact.success.as_str()).increment(1);
}

/// Measures what was asked of a directory.
pub(crate) fn writeback(operation: Operation, settled: Result<&Settled, &DispatchError>, took: Duration) {
    let operation = match operation {
        Operation::Reset => "reset",
        Operation::Change => "change",
        Operation::Unlock => "unlock",
        Operation::Verify => "verify",
    };
    let result = match settled.map(|settled| &settled.outcome) {
        Ok(Outcome::Done(_)) => "done",
        Ok(Outcome::Refused { .. }) => "refused",
        Ok(Outcome::NotApplied { .. }) => "not_applied",
        Ok(Outcome::Unknown { .. }) => "unknown",
        Err(_) => "not_sent",
    };
    histogram!(WRITEBACK_SECONDS, "operation" => operation, "result" => result).record(took);
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::clock::Timestamp;
    use ritorno_protocol::doctor::CheckState;

    use super::*;

    #[test]
    fn a_check_that_nobody_knows_is_no_label_and_an_old_report_tells_nothing() {
        let check = |id: &str, verdict| CheckState {
            id: id.to_owned(),
            title: String::new(),
            verdict,
            evidence: Vec::new(),
            cause: None,
            fixes: Vec::new(),
        };
        let checks = vec![
            check("disk", CheckVerdict::Fail),
            check("invented", CheckVerdict::Fail),
            check("objects", CheckVerdict::Pass),
        ];
        let report = DoctorReport { at: Timestamp::from_unix_ms(0), exports: true, checks };
        assert_eq!(levels(&report, true).collect::<Vec<_>>(), [("disk", 3.0), ("objects", 0.0)]);
        assert_eq!(levels(&report, false).collect::<Vec<_>>(), [("disk", 2.0), ("objects", 2.0)]);
    }

    #[test]
    fn a_method_that_nobody_knows_is_no_label() {
        assert_eq!(known(&Method::PATCH), "PATCH");
        assert_eq!(known(&Method::from_bytes(b"INVENTED").unwrap()), "other");
    }
}
