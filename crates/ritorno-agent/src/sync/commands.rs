//! `ritorno-agent sync ...` and `staging ...`: what changes something. What only looks is in [`super::look`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ritorno_sync::{Profile, Progress};

use super::cycle::Held;
pub(crate) use super::look::{history, pending, preview, removals, search, status};
use super::report::Told;
use super::schedule::{Cycle, Read};
use super::{Sync, engine, summary};
use crate::config::{Config, ForestSettings, Mode};
use crate::events::EventLog;
use crate::forests::Forests;
use crate::output::say;
use crate::state::{Mark, State};
use crate::system;

/// The connector of the cloud side. No forest has this name: a forest's has a dot in it.
const TENANT: &str = "tenant";
/// Runs of one cycle that are printed, at most.
const RUNS: u32 = 100;
/// Objects with errors that a command prints.
const ERRORS: u32 = 20;

/// `sync run CONNECTOR PROFILE`.
///
/// # Errors
/// When the run fails.
pub(crate) async fn run(config: &Config, connector: &str, profile: Profile) -> anyhow::Result<()> {
    let (chosen, profile) = if connector == TENANT {
        (config.forests.iter().collect(), of_the_tenant(profile))
    } else {
        (chosen(config, connector)?, profile)
    };
    let sync = Sync::open(config, Forests::open(&config.forests, &system::clock())?).await?;
    let waiting = ProgressBar::new_spinner().with_message("waiting for the end of the cycle under way");
    waiting.enable_steady_tick(Duration::from_millis(200));
    let sync = sync.watched(!waiting.is_hidden());
    let _turn = sync.turn().await?;
    waiting.finish_and_clear();
    for settings in chosen {
        let bar = bar(format!("{profile} of {}", settings.name));
        let report = sync.run(settings, profile, &|progress| show(&bar, progress)).await;
        bar.finish_and_clear();
        let report = report.with_context(|| format!("{profile} of {} failed", settings.name))?;
        say(summary(&report))?;
        for error in sync.engine.errors(report.id, ERRORS).await? {
            say(format_args!("  {}: {}", error.object, error.fault))?;
        }
        if report.counts.errors > u64::from(ERRORS) {
            say(format_args!("  ... all of them: ritorno-agent sync history {}", report.id))?;
        }
    }
    Ok(())
}

/// `sync cycle`.
///
/// # Errors
/// When a forest's cycle does not come to its end.
pub(crate) async fn cycle(config: &Config, full: bool) -> anyhow::Result<()> {
    let sync = Sync::open(config, Forests::open(&config.forests, &system::clock())?).await?;
    let before = sync.engine.history(1).await?.first().map_or(0, |run| run.id);
    let events = EventLog::open(&config.log, system::clock())?;
    let bars = Bars::default();
    let sync = sync.watched(!bars.all.is_hidden());
    let read = if full { Read::Full } else { Read::Delta };
    let progress = |progress: Progress| bars.show(progress);
    let mut held = Held::new();
    let failed = sync.cycle(|_, _| Cycle { read, confirm: false }, &mut held, &events, &progress).await;
    if let Err(error) = sync.tell(&mut Told::default(), &mut held).await {
        tracing::warn!("where the synchronisation stands can't be told: {error:#}");
    }
    // What is on the terminal goes; that it can't be cleared is no reason to fail.
    let _ = bars.all.clear();
    let failed = failed?;
    let mut runs = sync.engine.history(RUNS).await?;
    runs.retain(|run| run.id > before);
    for run in runs.iter().rev() {
        say(summary(run))?;
    }
    ensure!(failed == 0, "the cycle of {failed} of {} forests did not come to its end", config.forests.len());
    Ok(())
}

/// What a profile of the tenant's connector is in terms of each forest's people: its imports confirm what was exported, and its syncs work
/// out anew what the tenant should have of them.
const fn of_the_tenant(profile: Profile) -> Profile {
    match profile {
        Profile::FullImport | Profile::ConfirmingImport => Profile::ConfirmingImport,
        Profile::DeltaImport | Profile::ConfirmingDeltaImport => Profile::ConfirmingDeltaImport,
        Profile::FullSync | Profile::DeltaSync | Profile::Export => profile,
    }
}

fn chosen<'a>(config: &'a Config, connector: &str) -> anyhow::Result<Vec<&'a ForestSettings>> {
    let forests = config.forests.iter();
    let chosen: Vec<_> = forests
        .filter(|forest| connector == "all" || forest.name.0.eq_ignore_ascii_case(connector))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = config.forests.iter().map(|forest| forest.name.0.as_str()).collect();
        bail!("there is no connector '{connector}': use all, {TENANT}, or one of {}", names.join(", "));
    }
    Ok(chosen)
}

/// A bar, of which it is not known how long it gets.
fn bar(message: String) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(message);
    unmeasured(&bar);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// From here on nobody knows how many there will be.
fn unmeasured(bar: &ProgressBar) {
    bar.unset_length();
    bar.reset();
    bar.set_style(style("{spinner} {msg}: {human_pos} objects so far, {per_sec}, {elapsed}"));
}

/// The profiles of a cycle, each by itself: in a first cycle three go on at once.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    each: Mutex<HashMap<Profile, ProgressBar>>,
}

impl Bars {
    fn show(&self, progress: Progress) {
        // The lock guards plain values: a poisoned one is as good.
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = each
            .entry(progress.profile)
            .or_insert_with(|| self.all.add(bar(progress.profile.name().to_owned())));
        // The next forest begins.
        if progress.done < bar.position() {
            unmeasured(bar);
        }
        show(bar, progress);
    }
}

/// With a total a bar, the rate and the time that is left, without one the rate alone.
fn show(bar: &ProgressBar, progress: Progress) {
    if let Some(total) = progress.total.filter(|total| bar.length() != Some(*total)) {
        if bar.length().is_none() {
            bar.set_style(style("{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left"));
        }
        bar.set_length(total);
    }
    bar.set_position(progress.done);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are good")
}

/// `sync approve DIGEST`: lets exactly the list of that digest through the deletion guard.
///
/// # Errors
/// When no connector has such a list now.
pub(crate) async fn approve(config: &Config, digest: &str) -> anyhow::Result<()> {
    let engine = engine(config).await?;
    for status in engine.status().await? {
        let removals = engine.removals(&status.connector).await?;
        if !removals.list.is_empty() && removals.digest.eq_ignore_ascii_case(digest.trim()) {
            // Judged once more in the same transaction as the approval: the list may have changed since.
            engine.approve(&status.connector, digest).await?;
            let (count, connector) = (removals.list.len(), status.connector);
            return say(format_args!(
                "Approved: {count} removals of {connector}. The next export sends them."
            ));
        }
    }
    bail!(
        "no list of removals has this digest now: see the lists with `ritorno-agent sync removals CONNECTOR`"
    )
}

/// `sync suspend` and `sync resume`.
///
/// # Errors
/// When the state folder can't be written.
pub(crate) fn suspend(config: &Config, suspended: bool) -> anyhow::Result<()> {
    State::open(&config.state_dir)?.mark(Mark::SyncSuspended, suspended)?;
    say(if suspended {
        "The scheduler is suspended: no cycle begins until `ritorno-agent sync resume`. One under way ends."
    } else {
        "The scheduler goes on; what was missed is made good now."
    })
}

/// `staging on` and `staging off`.
///
/// # Errors
/// When the configuration itself puts the agent in another mode, or the state folder can't be written.
pub(crate) async fn staging(config: &Config, on: bool) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    if config.mode != Mode::Active {
        bail!(
            "`mode` in the configuration is not \"active\", and the file decides: change it there and restart"
        );
    }
    state.mark(Mark::Staging, on)?;
    if on {
        return say("Staging is on: the agent imports and syncs, and neither exports nor writes back. \
             `ritorno-agent sync pending` lists what a promotion would send.");
    }
    say(
        "Staging is off: the next cycle exports, behind the deletion guard, and the agent writes back again.",
    )?;
    pending(config, None).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// What was drawn last.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            if !text.trim().is_empty() {
                *self.0.lock().unwrap() = text.to_owned();
            }
            Ok(())
        }
        fn clear_line(&self) -> std::io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rate_and_time_left_are_told_where_a_total_is_known() {
        let told = |steps: &[(u64, Option<u64>)]| {
            let (screen, bar) = (Screen::default(), bar("full-import".to_owned()));
            bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
            for (done, total) in steps {
                show(&bar, Progress { profile: Profile::FullImport, done: *done, total: *total });
            }
            // Drawn for good, whatever was drawn a moment ago.
            bar.abandon();
            screen.0.lock().unwrap().clone()
        };
        let text = told(&[(1_500, None)]);
        assert!(text.contains("full-import: 1,500 objects so far, ") && text.contains("/s, "), "{text}");
        let text = told(&[(1_500, None), (2_000, Some(8_000))]);
        assert!(
            text.contains("2,000 of 8,000, ") && text.contains("/s, ") && text.contains(" left"),
            "{text}"
        );
    }

    #[test]
    fn profiles_that_go_on_at_once_are_told_each_by_itself() {
        let bars = Bars::default();
        let told = |profile, done, total| {
            bars.show(Progress { profile, done, total });
            let each = bars.each.lock().unwrap();
            (each[&profile].position(), each[&profile].length())
        };
        assert_eq!(told(Profile::FullImport, 500, None), (500, None));
        assert_eq!(told(Profile::Export, 10, Some(400)), (10, Some(400)));
        assert_eq!(told(Profile::FullImport, 1_000, None), (1_000, None));
        assert_eq!(told(Profile::Export, 20, Some(400)), (20, Some(400)));
        assert_eq!(told(Profile::Export, 5, None), (5, None), "the next forest's");
    }
}
