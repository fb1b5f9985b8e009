//! The scheduler: a delta cycle again and again, everything once a day, and an alarm when neither came to its end for a
//! week. Cycles follow each other in one task, so that they never overlap; commands wait for their turn, and it for theirs.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::event::EventId;
use ritorno_protocol::sync_report::OVERDUE_AFTER;
use ritorno_sync::{Profile, RunReport};
use time::{OffsetDateTime, Time};

use super::cycle::Held;
use super::report::Told;
use super::{Sync, latest};
use crate::config::{Config, Schedule};
use crate::events::EventLog;
use crate::forests::Forests;
use crate::state::{Mark, State};
use crate::system;

/// The alarm is raised again after this.
const ALARM_AGAIN: Duration = Duration::from_secs(24 * 3_600);
/// An export that the guard held is tried again after this, for what went out leaves the guard's window.
pub(super) const HELD_AGAIN: Duration = Duration::from_secs(3_600);
/// Longest pause after cycles that failed, unless the pause is longer anyway. One forest's failures make the others wait,
/// so it is not long.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// A controller that can't be read for this long is given up until the next full import.
const ELSEWHERE_AFTER: Duration = Duration::from_secs(300);
/// How often it is looked whether the alarm is due.
const LOOK_FOR_ALARM_EVERY: Duration = Duration::from_secs(3_600);
/// How often it is looked whether the link has come up for the first time, or the scheduler was resumed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a cycle reads of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Everything.
    Full,
    /// What changed.
    Delta,
}

/// What is due for a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// What is read of the directory.
    pub(crate) read: Read,
    /// Whether the tenant is read as well, if this agent exports. It is due by itself: that it failed is no reason to read all of
    /// the directory again.
    pub(crate) confirm: bool,
}

/// Synchronises as soon as `ready` says so, and then again and again. The forests are the service's own: what they know of their
/// controllers outlives a round.
pub(crate) async fn keep_in_step(
    config: Config,
    forests: Forests,
    events: EventLog,
    ready: impl Fn() -> bool,
) {
    let mut is_ready = false;
    let (clock, begun) = (system::clock(), system::clock().now());
    let (mut held, mut told, mut failures) = (Held::new(), Told::default(), 0);
    let (mut was_suspended, mut tried): (bool, Option<Timestamp>) = (false, None);
    let (mut looked, mut alarmed): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    loop {
        let suspended =
            State::open(&config.state_dir).is_ok_and(|state| state.is_marked(Mark::SyncSuspended));
        is_ready |= ready();
        if suspended != was_suspended {
            (was_suspended, tried) = (suspended, None);
            told.is_outdated();
        }
        let pause = match config.sync.every {
            Some(every) if is_ready && !suspended => {
                // Opened for each round: between two of them no page of the database is held.
                let due =
                    |connector: &str, latest: &[RunReport]| due(connector, latest, &config.sync, clock.now());
                let round = async {
                    let sync = Sync::open(&config, forests.clone()).await?;
                    let failed = sync.cycle(due, &mut held, &events, &|_| {}).await;
                    if let Err(error) = sync.tell(&mut told, &mut held).await {
                        tracing::warn!("where the synchronisation stands can't be told: {error:#}");
                    }
                    failed
                };
                let failed = match round.await {
                    Ok(failed) => failed > 0,
                    Err(error) => {
                        tracing::warn!("synchronisation failed: {error:#}");
                        true
                    }
                };
                failures = if failed { failures + 1 } else { 0 };
                pause(every, failures)
            }
            _ => {
                let now = clock.now();
                if is_ready && tried.is_none_or(|at| now.since(at) >= told.look_every()) {
                    tried = Some(now);
                    tell(&config, &forests, &mut told, &mut held).await;
                }
                LOOK_EVERY
            }
        };
        let now = clock.now();
        if looked.is_none_or(|at| now.since(at) >= LOOK_FOR_ALARM_EVERY) {
            looked = Some(now);
            if alarmed.is_none_or(|at| now.since(at) >= ALARM_AGAIN)
                && let Some(alarm) = alarm(&config, begun, now).await
            {
                events.note(EventId::UnknownError, alarm);
                alarmed = Some(now);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Tells where the synchronisation stands while no cycle is begun.
async fn tell(config: &Config, forests: &Forests, told: &mut Told, held: &mut Held) {
    let telling = async { Sync::open(config, forests.clone()).await?.tell(told, held).await };
    if let Err(error) = telling.await {
        tracing::warn!("where the synchronisation stands can't be told: {error:#}");
    }
}

/// The pause after a round: longer after each that failed, for a directory that is down is not helped by being asked.
fn pause(every: Duration, failures: u32) -> Duration {
    every.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE).max(every)
}

/// What is due for a connector: everything that has not come to its end since the last time of day for it, whether the agent ran then
/// or not; else what changed.
fn due(connector: &str, latest: &[RunReport], schedule: &Schedule, now: Timestamp) -> Cycle {
    let since = last_time(schedule.reconcile_at, now);
    let done = |profile| {
        latest.iter().any(|run| {
            run.connector == connector && run.profile == profile && run.is_good() && run.started >= since
        })
    };
    let read = if done(Profile::FullImport) && done(Profile::FullSync) { Read::Delta } else { Read::Full };
    Cycle { read, confirm: !done(Profile::ConfirmingImport) }
}

/// Whether a controller that does not answer has been waited for long enough: nothing of the forest has been read to the end for some
/// minutes, so that it is no restart. Everything is then read at another one.
pub(super) fn goes_elsewhere(connector: &str, latest: &[RunReport], now: Timestamp) -> bool {
    last_cycle(connector, latest).is_none_or(|at| now.since(at) >= ELSEWHERE_AFTER)
}

/// The last moment at which it was `time` of day in UTC.
fn last_time(time: Time, now: Timestamp) -> Timestamp {
    let Ok(today) = OffsetDateTime::from_unix_timestamp(now.unix_ms().div_euclid(1_000)) else { return now };
    let at = Timestamp::from_unix_ms(today.replace_time(time).unix_timestamp() * 1_000);
    if at <= now { at } else { at.minus(Duration::from_secs(24 * 3_600)) }
}

/// What is to be told, if a forest's people have not been read to the end for a week. `begun` is when the agent started:
/// one that is new has not missed anything.
async fn alarm(config: &Config, begun: Timestamp, now: Timestamp) -> Option<String> {
    let latest = match latest(config).await {
        Ok(latest) => latest,
        Err(error) => return Some(format!("whether the forests were synchronised can't be told: {error:#}")),
    };
    let late: Vec<&str> = config
        .forests
        .iter()
        .map(|forest| forest.name.0.as_str())
        .filter(|forest| now.since(last_cycle(forest, &latest).unwrap_or(begun)) >= OVERDUE_AFTER)
        .collect();
    (!late.is_empty()).then(|| {
        format!(
            "no cycle of {} has come to its end for 7 days: see `ritorno-agent sync status` and `ritorno-agent doctor`",
            late.join(", ")
        )
    })
}

/// When the forest's people were last read and judged to the end.
pub(crate) fn last_cycle(connector: &str, latest: &[RunReport]) -> Option<Timestamp> {
    let imports = [Profile::FullImport, Profile::DeltaImport];
    let good = latest.iter().filter(|run| run.connector == connector && run.is_good());
    good.filter(|run| imports.contains(&run.profile)).filter_map(|run| run.ended).max()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use ritorno_protocol::clock::ManualClock;
    use ritorno_sync::{Counts, Engine, ImportedObject, Page, Run, RunOutcome, SourceError};
    use time::macros::{datetime, time};

    use super::*;

    fn at(moment: OffsetDateTime) -> Timestamp {
        Timestamp::from_unix_ms(moment.unix_timestamp() * 1_000)
    }

    fn run(profile: Profile, outcome: RunOutcome, started: OffsetDateTime) -> RunReport {
        RunReport {
            id: 1,
            connector: "contoso.test".into(),
            profile,
            started: at(started),
            ended: Some(at(started).plus(Duration::from_secs(60))),
            outcome,
            server: None,
            counts: Counts::default(),
            failure: None,
            note: None,
        }
    }

    fn schedule() -> Schedule {
        Schedule {
            every: Some(Duration::from_secs(30)),
            reconcile_at: time!(02:30),
            rules_file: None,
            suspend_first: None,
        }
    }

    fn both(outcome: RunOutcome, started: OffsetDateTime) -> Vec<RunReport> {
        [Profile::FullImport, Profile::FullSync].map(|profile| run(profile, outcome, started)).to_vec()
    }

    #[test]
    fn everything_is_due_once_a_day_and_a_missed_time_is_made_good() {
        let schedule = schedule();
        let due = |latest: &[RunReport], now| due("contoso.test", latest, &schedule, at(now)).read;
        assert_eq!(due(&[], datetime!(2026-11-24 12:00 UTC)), Read::Full, "never before");
        let tonight = both(RunOutcome::CompletedWithErrors, datetime!(2026-11-24 02:30:05 UTC));
        assert_eq!(due(&tonight, datetime!(2026-11-24 02:31 UTC)), Read::Delta);
        assert_eq!(due(&tonight, datetime!(2026-11-25 02:29:59 UTC)), Read::Delta);
        assert_eq!(due(&tonight, datetime!(2026-11-25 02:30 UTC)), Read::Full);
        // The agent was off at half past two, and for two nights more.
        assert_eq!(due(&tonight, datetime!(2026-11-27 18:00 UTC)), Read::Full);
        // It failed, or only its first half came to its end.
        let failed = both(RunOutcome::Failed, datetime!(2026-11-24 02:30:05 UTC));
        assert_eq!(due(&failed, datetime!(2026-11-24 02:31 UTC)), Read::Full);
        assert_eq!(due(&tonight[..1], datetime!(2026-11-24 02:31 UTC)), Read::Full);
        let other = |latest: &[RunReport]| {
            super::due("fabrikam.test", latest, &schedule, at(datetime!(2026-11-24 02:31 UTC))).read
        };
        assert_eq!(other(&tonight), Read::Full, "each forest by itself");
    }

    #[test]
    fn a_confirming_import_that_failed_is_made_good_the_same_day_without_reading_the_directory_again() {
        let schedule = schedule();
        let confirming = |outcome| {
            let mut latest = both(RunOutcome::Succeeded, datetime!(2026-11-24 02:30:05 UTC));
            latest.push(run(Profile::ConfirmingImport, outcome, datetime!(2026-11-24 02:30:20 UTC)));
            due("contoso.test", &latest, &schedule, at(datetime!(2026-11-24 02:31 UTC)))
        };
        assert_eq!(confirming(RunOutcome::Failed), Cycle { read: Read::Delta, confirm: true });
        assert_eq!(confirming(RunOutcome::Interrupted), Cycle { read: Read::Delta, confirm: true });
        assert_eq!(confirming(RunOutcome::CompletedWithErrors), Cycle { read: Read::Delta, confirm: false });
    }

    #[test]
    fn a_silent_controller_is_waited_for_before_everything_is_read_at_another() {
        let import = |outcome, at| run(Profile::DeltaImport, outcome, at);
        let started = datetime!(2026-11-24 12:00 UTC);
        let good = import(RunOutcome::Succeeded, started);
        let failed = import(RunOutcome::Failed, datetime!(2026-11-24 12:04 UTC));
        let goes = |latest: &[RunReport], now| goes_elsewhere("contoso.test", latest, at(now));
        // The good one ended at 12:01.
        assert!(!goes(&[good.clone(), failed.clone()], datetime!(2026-11-24 12:05:59 UTC)));
        assert!(goes(&[good, failed.clone()], datetime!(2026-11-24 12:06 UTC)));
        assert!(goes(&[failed], datetime!(2026-11-24 12:04:01 UTC)), "nothing was ever read there");
    }

    /// A forest with one person.
    struct One(bool);

    #[async_trait::async_trait]
    impl ritorno_sync::ImportSource for One {
        async fn next(&mut self) -> Result<Page, SourceError> {
            if std::mem::replace(&mut self.0, true) {
                return Ok(Page::End { server: None, watermark: None });
            }
            let (dn, attributes) = ("CN=Anna".to_owned(), BTreeMap::new());
            Ok(Page::Objects(vec![ImportedObject {
                dn,
                object_guid: [1; 16],
                attributes,
                members: None,
                foreign: Vec::new(),
            }]))
        }

        fn scope(&self) -> String {
            String::new()
        }
    }

    #[tokio::test]
    async fn a_week_without_a_cycle_raises_the_alarm() {
        let folder = std::env::temp_dir().join(format!("ritorno-alarm-{}", std::process::id()));
        let text = include_str!("../../agent.example.toml");
        let text = text.replace("/var/lib/ritorno-agent", &folder.display().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("agent.toml"), text).unwrap();
        let config = Config::read(&folder.join("agent.toml")).unwrap();
        let start = at(datetime!(2026-11-24 12:00 UTC));
        let week = start.plus(OVERDUE_AFTER);
        let second = Duration::from_secs(1);
        // Never a cycle: counted from the agent's start.
        assert_eq!(alarm(&config, start, week.minus(second)).await, None);
        let told = alarm(&config, start, week).await.unwrap();
        assert!(told.starts_with("no cycle of contoso.test has come to its end for 7 days"), "{told}");

        let clock = Arc::new(ManualClock::new(start.plus(second)));
        let engine = Engine::open(&folder.join("sync.db"), clock).await.unwrap();
        let state = State::open(&config.state_dir).unwrap();
        let connector = super::super::connector(&config, &state, &config.forests[0]).unwrap();
        engine.run(&connector, Run::FullImport(&mut One(false)), &|_| {}).await.unwrap();
        assert_eq!(alarm(&config, start, week).await, None);
        assert!(alarm(&config, start, week.plus(second)).await.is_some());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn pauses_grow_with_failures_up_to_two_minutes() {
        let every = Duration::from_secs(30);
        let pauses: Vec<u64> = [0, 1, 2, 3, 40].map(|failures| pause(every, failures).as_secs()).to_vec();
        assert_eq!(pauses, [30, 60, 120, 120, 120]);
        assert_eq!(pause(Duration::from_secs(3_600), 3), Duration::from_secs(3_600));
    }

    #[test]
    fn the_last_cycle_is_the_last_import_that_came_to_its_end() {
        let mut latest = both(RunOutcome::Succeeded, datetime!(2026-11-20 02:30 UTC));
        latest.push(run(Profile::DeltaImport, RunOutcome::Succeeded, datetime!(2026-11-22 10:00 UTC)));
        latest.push(run(Profile::DeltaImport, RunOutcome::Failed, datetime!(2026-11-23 10:00 UTC)));
        assert_eq!(last_cycle("contoso.test", &latest), Some(at(datetime!(2026-11-22 10:01 UTC))));
        assert_eq!(last_cycle("fabrikam.test", &latest), None);
    }
}
