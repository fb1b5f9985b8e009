//! Have full import, full sync and export completed?

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use ritorno_doctor::{Check, Description, FaultTest, Finding, System};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::sync_report::OVERDUE_AFTER;
use ritorno_sync::{Profile, RunOutcome, RunReport};

use super::{Context, worst_of};
use crate::sync::schedule::last_cycle;

const PROFILES: [Profile; 3] = [Profile::FullImport, Profile::FullSync, Profile::Export];

/// The check.
pub(super) struct FirstSync;

#[async_trait]
impl Check<Context> for FirstSync {
    fn description(&self) -> &'static Description {
        &Description {
            id: "first-sync",
            title: "Full import, full sync and export have completed",
            proves: "For each forest every profile ended well at least once and not over a week ago, and a cycle of the \
                     scheduler within that week, so that the people of the directory are known to the tenant and joined to \
                     their objects.",
            article: Some("A full import and a full synchronisation have completed"),
            rows: &["Y1"],
            fault_test: const { FaultTest::real("doctor::each_fault_fails_its_check_and_the_fix_mends_it") },
            manual: "troubleshooting.html#first-sync",
        }
    }

    async fn look(&self, context: &Context) -> Finding {
        let runs = match context.sync().await {
            Ok(seen) => &seen.runs,
            Err(reason) => return Finding::could_not_tell(reason),
        };
        let forests: BTreeSet<&str> =
            context.forests.iter().map(|directory| directory.forest().0.as_str()).collect();
        let now = context.clock.now();
        worst_of(forests.into_iter().map(|forest| judge(forest, runs, context.exports, now)).collect())
    }

    fn examples(&self) -> Vec<Finding> {
        vec![judge("contoso.test", &[], true, Timestamp::from_unix_ms(0)), stale("contoso.test")]
    }
}

/// After this long, imports that fail one after the other are more than a controller that was started anew.
const STALLED: Duration = Duration::from_secs(15 * 60);

/// Judges the runs of one connector, newest first. An agent that does not export has no export to show.
fn judge(connector: &str, runs: &[RunReport], exports: bool, now: Timestamp) -> Finding {
    let own: Vec<&RunReport> = runs.iter().filter(|run| run.connector == connector).collect();
    for profile in PROFILES.into_iter().filter(|profile| exports || *profile != Profile::Export) {
        let of_profile = || own.iter().filter(|run| run.profile == profile);
        let last = of_profile().find(|run| run.outcome != RunOutcome::Running);
        let good = of_profile()
            .find(|run| matches!(run.outcome, RunOutcome::Succeeded | RunOutcome::CompletedWithErrors));
        let fix = |finding: Finding| {
            finding.fix(
                System::Agent,
                ["full-import", "full-sync", "export"]
                    .map(|profile| format!("ritorno-agent sync run {connector} {profile}")),
            )
        };
        let failure = last.and_then(|run| run.failure.clone());
        let Some(good) = good else {
            let evidence = format!("{connector}: no {profile} has completed");
            let cause = failure.map_or_else(
                || "it was never run: people of the directory are not known to the tenant".to_owned(),
                |failure| format!("the last one failed: {failure}"),
            );
            return fix(Finding::fail(evidence, cause));
        };
        if let Some(failure) = failure.filter(|_| last.is_some_and(|run| run.id != good.id)) {
            return fix(Finding::warning(format!("{connector}: the last {profile} failed"), failure));
        }
        if last_cycle(connector, runs).is_some_and(|ended| now.since(ended) >= OVERDUE_AFTER) {
            return stale(connector);
        }
        if good.ended.is_some_and(|ended| now.since(ended) >= OVERDUE_AFTER) {
            let evidence = format!("{connector}: the last {profile} ended over a week ago");
            return fix(Finding::warning(evidence, "the scheduler is off, or the service does not run"));
        }
    }
    let imports = [Profile::FullImport, Profile::DeltaImport];
    let last = own.iter().find(|run| imports.contains(&run.profile) && run.outcome != RunOutcome::Running);
    let since = last_cycle(connector, runs).map(|ended| now.since(ended)).filter(|since| *since >= STALLED);
    if let (Some(failure), Some(since)) = (last.and_then(|run| run.failure.clone()), since) {
        let evidence = format!("{connector}: imports have failed for {} minutes", since.as_secs() / 60);
        return Finding::warning(evidence, failure).fix(System::Agent, ["ritorno-agent sync history"]);
    }
    Finding::pass(format!("{connector}: full import, full sync and export have completed"))
}

fn stale(connector: &str) -> Finding {
    let evidence = format!("{connector}: no cycle has come to its end for 7 days");
    Finding::fail(evidence, "the scheduler is suspended or off, or the service does not run").fix(
        System::Agent,
        ["ritorno-agent sync status", "ritorno-agent sync resume", "systemctl start ritorno-agent"],
    )
}

#[cfg(test)]
mod tests {
    use ritorno_doctor::Verdict;
    use ritorno_sync::Counts;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn run(id: i64, profile: Profile, outcome: RunOutcome) -> RunReport {
        let failure = (outcome == RunOutcome::Failed).then(|| "the directory hung up".to_owned());
        RunReport {
            id,
            connector: "contoso.test".into(),
            profile,
            started: NOW,
            ended: Some(NOW),
            outcome,
            server: None,
            counts: Counts::default(),
            failure,
            note: None,
        }
    }

    fn all_good() -> Vec<RunReport> {
        [(3, Profile::Export), (2, Profile::FullSync), (1, Profile::FullImport)]
            .map(|(id, profile)| run(id, profile, RunOutcome::Succeeded))
            .to_vec()
    }

    #[test]
    fn each_profile_has_to_have_completed() {
        assert_eq!(judge("contoso.test", &all_good(), true, NOW).verdict, Verdict::Pass);
        assert_eq!(judge("fabrikam.test", &all_good(), true, NOW).verdict, Verdict::Fail);
        for missing in 0..3 {
            let mut runs = all_good();
            runs.remove(missing);
            let finding = judge("contoso.test", &runs, true, NOW);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert!(finding.fixes[0].lines[0].contains("ritorno-agent sync run contoso.test full-import"));
        }
    }

    #[test]
    fn last_failure_and_old_age_are_warnings() {
        let mut runs = all_good();
        runs.insert(0, run(4, Profile::FullImport, RunOutcome::Failed));
        let finding = judge("contoso.test", &runs, true, NOW);
        assert_eq!(finding.verdict, Verdict::Warning);
        assert_eq!(finding.cause.as_deref(), Some("the directory hung up"));
        // Delta cycles go on, and only the reconciliation is missing.
        let later = NOW.plus(OVERDUE_AFTER);
        let mut runs = all_good();
        let delta = run(5, Profile::DeltaImport, RunOutcome::Succeeded);
        runs.insert(0, RunReport { ended: Some(later), ..delta });
        assert_eq!(judge("contoso.test", &runs, true, later).verdict, Verdict::Warning);
    }

    #[test]
    fn imports_that_go_on_failing_are_a_warning() {
        let mut runs = all_good();
        runs.insert(0, run(4, Profile::DeltaImport, RunOutcome::Failed));
        let at =
            |minutes: u64| judge("contoso.test", &runs, true, NOW.plus(Duration::from_secs(minutes * 60)));
        assert_eq!(at(14).verdict, Verdict::Pass);
        assert_eq!(
            (at(15).verdict, at(15).cause.as_deref()),
            (Verdict::Warning, Some("the directory hung up"))
        );
        runs.insert(0, run(5, Profile::DeltaImport, RunOutcome::Succeeded));
        assert_eq!(judge("contoso.test", &runs, true, NOW.plus(STALLED)).verdict, Verdict::Pass);
    }

    #[test]
    fn a_week_without_a_cycle_is_an_alarm() {
        let almost = NOW.plus(OVERDUE_AFTER - Duration::from_secs(1));
        assert_eq!(judge("contoso.test", &all_good(), true, almost).verdict, Verdict::Pass);
        let finding = judge("contoso.test", &all_good(), true, NOW.plus(OVERDUE_AFTER));
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.fixes[0].lines.contains(&"ritorno-agent sync resume".to_owned()));
    }

    #[test]
    fn an_agent_in_staging_needs_no_export() {
        let runs: Vec<_> = all_good().into_iter().filter(|run| run.profile != Profile::Export).collect();
        assert_eq!(judge("contoso.test", &runs, false, NOW).verdict, Verdict::Pass);
        assert_eq!(judge("contoso.test", &runs, true, NOW).verdict, Verdict::Fail);
    }
}
