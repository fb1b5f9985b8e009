//! Synchronisation: the forests as sources, the tenant as target, and the runs between them.

pub(crate) mod commands;
mod cycle;
pub(crate) mod look;
mod openldap;
mod report;
pub(crate) mod rules;
pub(crate) mod schedule;
mod source;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ritorno_protocol::clock::Clock;
use ritorno_protocol::sync_lease::{LeaseAsked, LeaseGiven};
use ritorno_sync::{
    Backoff, Connector, Counts, DeltaSource, Engine, Guard, Profile, Progress, Run, RunOutcome, RunReport,
    ScimConfig, ScimTarget,
};
use url::Url;

use crate::client::{Client, plain};
use crate::config::{Config, ForestSettings};
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::output::moment;
use crate::state::{Mark, State};
use crate::system;
use source::Source;

/// Everything that runs need.
pub(crate) struct Sync {
    config: Config,
    state: State,
    forests: Forests,
    engine: Engine,
    target: ScimTarget,
    client: Arc<Client>,
    clock: Arc<dyn Clock>,
    /// Whether somebody looks on.
    watched: bool,
}

impl Sync {
    /// Opens the connector space, to fill it from `forests`.
    ///
    /// # Errors
    /// When it, TLS or the enrolment can't be used.
    pub(crate) async fn open(config: &Config, forests: Forests) -> anyhow::Result<Self> {
        let state = State::open(&config.state_dir)?;
        let keys = state.keys()?;
        let (clock, random) = (system::clock(), system::random());
        let outbound = Outbound::new(config)?;
        let base = Url::parse(&format!("{}/scim/v2", keys.enrolment.server))?;
        let client = Arc::new(Client::new(plain(&outbound)?, keys, clock.clone(), random.clone()));
        let scim = ScimConfig {
            base,
            tls: outbound.tls().as_ref().clone(),
            proxy: outbound.http_proxy()?,
            backoff: Backoff::default(),
        };
        let target = ScimTarget::new(scim, client.clone(), random)?;
        let engine = Engine::open(&state.connector_space()?, clock.clone()).await?;
        Ok(Self { config: config.clone(), state, forests, engine, target, client, clock, watched: false })
    }

    /// The same for somebody who looks on, if that is so: then it is counted how much there is to be read.
    fn watched(self, watched: bool) -> Self {
        Self { watched, ..self }
    }

    /// Whether this agent exports; why not, if it does not.
    fn exports(&self) -> Result<(), String> {
        exports(&self.config, &self.state)
    }

    /// Runs one profile of one connector and returns what the history keeps of it.
    ///
    /// # Errors
    /// When it can't be run, or stops before its end.
    async fn run(
        &self,
        settings: &ForestSettings,
        profile: Profile,
        progress: &(dyn Fn(Progress) + Send + std::marker::Sync),
    ) -> anyhow::Result<RunReport> {
        let connector = self.connector(settings)?;
        let source = |elsewhere| self.source(settings, &connector, elsewhere);
        let target = &self.target;
        let report = match profile {
            Profile::FullImport => {
                self.engine.run(&connector, Run::FullImport(&mut *source(false)?), progress).await?
            }
            Profile::DeltaImport => {
                let latest = self.engine.latest().await?;
                let elsewhere = schedule::goes_elsewhere(&connector.name, &latest, self.clock.now());
                self.engine.run(&connector, Run::DeltaImport(&mut *source(elsewhere)?), progress).await?
            }
            Profile::FullSync => self.engine.run(&connector, Run::FullSync, progress).await?,
            Profile::DeltaSync => self.engine.run(&connector, Run::DeltaSync, progress).await?,
            // They go out under a lease that would take it from the agent that exports.
            Profile::Export | Profile::ConfirmingImport | Profile::ConfirmingDeltaImport => {
                if let Err(reason) = self.exports() {
                    bail!("{reason}");
                }
                let lease_epoch = self.lease_epoch(&connector.name).await;
                let run = match profile {
                    Profile::Export => Run::Export { target, lease_epoch },
                    Profile::ConfirmingDeltaImport => Run::ConfirmingDeltaImport { target, lease_epoch },
                    _ => Run::ConfirmingImport { target, lease_epoch },
                };
                self.engine.run(&connector, run, progress).await?
            }
        };
        Ok(report)
    }

    /// The first cycle of a forest; none if it has been read to the end before. See [`Engine::first_cycle`].
    ///
    /// # Errors
    /// When it stops before its end.
    async fn run_first(
        &self,
        settings: &ForestSettings,
        progress: &(dyn Fn(Progress) + Send + std::marker::Sync),
    ) -> anyhow::Result<Option<[RunReport; 3]>> {
        let connector = self.connector(settings)?;
        // Looked at before the lease is taken: who has nothing to send takes it from nobody.
        if !self.engine.first_cycle_is_due(&connector).await? {
            return Ok(None);
        }
        let mut source = self.source(settings, &connector, false)?;
        let (target, lease_epoch) = (&self.target, self.lease_epoch(&connector.name).await);
        Ok(self.engine.first_cycle(&connector, &mut *source, target, lease_epoch, progress).await?)
    }

    /// A forest as the engine knows it.
    ///
    /// # Errors
    /// When its rules can't be used.
    fn connector(&self, settings: &ForestSettings) -> anyhow::Result<Connector> {
        connector(&self.config, &self.state, settings)
    }

    /// A forest as a source of imports.
    fn source(
        &self,
        settings: &ForestSettings,
        connector: &Connector,
        elsewhere: bool,
    ) -> anyhow::Result<Box<dyn DeltaSource>> {
        if let (Some(own), Some(directory)) = (&settings.openldap, self.forests.openldap(&settings.name)) {
            return Ok(Box::new(openldap::Source::new(
                directory,
                settings,
                own,
                connector.rules.attributes(),
                self.watched,
            )));
        }
        let directory = self.forests.get(&settings.name).context("the forest is not configured")?;
        let attributes = connector.rules.attributes();
        Ok(Box::new(Source::new(directory, settings, attributes, elsewhere, self.watched)))
    }

    /// The lease of an export that begins: of two the later one goes on, and the earlier one stops. Where the server gives none, as one of a
    /// version before, it is the time in seconds, which is what the server would have begun with; why it gives none the export will meet.
    async fn lease_epoch(&self, connector: &str) -> u64 {
        let asked = LeaseAsked { connector: connector.to_owned() };
        match self.client.send::<LeaseGiven>("/agent/v1/sync-lease", &asked).await {
            Ok(given) => given.epoch,
            Err(error) => {
                tracing::debug!("no sync lease of {connector}: {error:#}");
                u64::try_from(self.clock.now().unix_ms() / 1_000).unwrap_or(0)
            }
        }
    }

    /// Waits for the turn of this process among those that sync on this state folder.
    async fn turn(&self) -> anyhow::Result<std::fs::File> {
        let state = self.state.clone();
        Ok(tokio::task::spawn_blocking(move || state.lock_sync()).await??)
    }
}

/// Whether an agent of this configuration and state exports; why not, if it does not.
pub(crate) fn exports(config: &Config, state: &State) -> Result<(), String> {
    use crate::config::Mode;
    match config.mode {
        Mode::Active if state.is_marked(Mark::Staging) => {
            Err("this agent is in staging and does not export: `ritorno-agent staging off` promotes it"
                .to_owned())
        }
        Mode::Active => Ok(()),
        Mode::Standby | Mode::Staging => {
            Err("this agent does not export: `mode` in its configuration is not \"active\"".to_owned())
        }
    }
}

/// A forest as the engine knows it.
///
/// # Errors
/// When its rules can't be used.
fn connector(config: &Config, state: &State, settings: &ForestSettings) -> anyhow::Result<Connector> {
    let rank = config.forests.iter().position(|forest| forest.name == settings.name).unwrap_or_default();
    Ok(Connector {
        name: settings.name.0.clone(),
        forest: settings.name.clone(),
        domain: settings.netbios_name.clone(),
        dns_domain: settings.name.0.clone(),
        rank: u32::try_from(rank)?,
        rules: rules::of(config, settings)?,
        guard: Guard {
            removals: config.deletions_per_day,
            memberships: config.memberships_per_day,
            percent: config.deletions_percent,
        },
        suspend_first: config.sync.suspend_first,
        // Whoever does not write to the tenant writes nothing into the directory either.
        fill_anchors: settings.fill_consistency_guid && exports(config, state).is_ok(),
    })
}

/// The connector space alone, for questions that need neither directory nor tenant.
async fn engine(config: &Config) -> anyhow::Result<Engine> {
    let path = State::open(&config.state_dir)?.connector_space()?;
    Ok(Engine::open(&path, system::clock()).await?)
}

/// The latest runs, newest first.
///
/// # Errors
/// When the history can't be read.
pub(crate) async fn history(config: &Config, limit: u32) -> anyhow::Result<Vec<RunReport>> {
    let path = State::open(&config.state_dir)?.path("sync.db");
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(Engine::open(&path, system::clock()).await?.history(limit).await?)
}

/// Of each connector and profile the last run, and the last one that came to its end.
///
/// # Errors
/// When the history can't be read.
pub(crate) async fn latest(config: &Config) -> anyhow::Result<Vec<RunReport>> {
    let path = State::open(&config.state_dir)?.path("sync.db");
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(Engine::open(&path, system::clock()).await?.latest().await?)
}

/// One run in one line.
pub(crate) fn summary(report: &RunReport) -> String {
    let Counts { adds, updates, deletes, unchanged, errors, anchors, anchors_refused } = report.counts;
    let anchors = match (anchors, anchors_refused) {
        (0, 0) => String::new(),
        (anchors, 0) => format!(", {anchors} anchors written"),
        (anchors, refused) => format!(", {anchors} anchors written and {refused} refused"),
    };
    let outcome = match report.outcome {
        RunOutcome::Running => "is running",
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::CompletedWithErrors => "completed with errors",
        RunOutcome::Failed => "failed",
        RunOutcome::Interrupted => "was interrupted",
    };
    let took = report.ended.map(|ended| ended.since(report.started));
    let took = took.map(|took| format!(" in {:.1} s", took.as_secs_f64())).unwrap_or_default();
    let server = report.server.as_ref().map(|server| format!(" at {server}")).unwrap_or_default();
    let failure = report.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
    let note = report.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!(
        "{}  {} of {} {outcome}{took}{server}: {adds} added, {updates} updated, {deletes} removed, {unchanged} \
         unchanged, {errors} errors{anchors}{failure}{note}",
        moment(Some(report.started)),
        report.profile,
        report.connector
    )
}
