//! Synchronisation: the forests as sources, the tenant as target, and the runs between them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use indicatif::ProgressBar;
use ritorno_directory::{Directory, DirectoryError, PdcHealth};
use ritorno_protocol::clock::Clock;
use ritorno_sync::{
    Backoff, Connector, Counts, Engine, Guard, ImportSource, ImportedObject, Page, Profile, Progress,
    RemovalKind, Rules, Run, RunOutcome, RunReport, ScimConfig, ScimTarget, SourceError,
};
use tokio::sync::mpsc;
use url::Url;

use crate::client::{Client, plain};
use crate::config::{Config, ForestSettings, Mode};
use crate::forests::Forests;
use crate::outbound::Outbound;
use crate::output::{moment, say};
use crate::state::State;
use crate::system;

/// Objects that are handed to the engine at once.
const PAGE: usize = 500;
/// The runs of one synchronisation, in their order.
const ALL: [Profile; 3] = [Profile::FullImport, Profile::FullSync, Profile::Export];

/// Everything that runs need.
pub(crate) struct Sync {
    config: Config,
    state: State,
    forests: Forests,
    engine: Engine,
    target: ScimTarget,
    clock: Arc<dyn Clock>,
}

impl Sync {
    /// Opens the connector space.
    ///
    /// # Errors
    /// When it, TLS or the enrolment can't be used.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let state = State::open(&config.state_dir)?;
        let keys = state.keys()?;
        let (clock, random) = (system::clock(), system::random());
        let outbound = Outbound::new(config)?;
        let base = Url::parse(&format!("{}/scim/v2", keys.enrolment.server))?;
        let client = Client::new(plain(&outbound)?, keys, clock.clone(), random.clone());
        let scim = ScimConfig {
            base,
            tls: outbound.tls().as_ref().clone(),
            proxy: outbound.http_proxy()?,
            backoff: Backoff::default(),
        };
        let target = ScimTarget::new(scim, Arc::new(client), random)?;
        let engine = Engine::open(&state.path("sync.db"), clock.clone()).await?;
        let forests = Forests::open(&config.forests, &clock)?;
        Ok(Self { config: config.clone(), state, forests, engine, target, clock })
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
        let rules = Rules { alternate_mail: settings.attributes.alternate_mail.clone(), ..Rules::default() };
        let connector = Connector {
            name: settings.name.0.clone(),
            forest: settings.name.clone(),
            domain: settings.netbios_name.clone(),
            dns_domain: settings.name.0.clone(),
            rules,
            guard: Guard { removals: self.config.deletions_per_day },
        };
        let report = match profile {
            Profile::FullImport => {
                let directory = self.forests.get(&settings.name).context("the forest is not configured")?;
                let mut source = Source::open(directory, settings, connector.rules.attributes()).await;
                self.engine.run(&connector, Run::FullImport(&mut source), progress).await?
            }
            Profile::FullSync => self.engine.run(&connector, Run::FullSync, progress).await?,
            Profile::Export if self.config.mode != Mode::Active => {
                bail!("this agent does not export: `mode` in its configuration is not \"active\"")
            }
            Profile::Export => {
                // The start of the export in seconds: of two exports the later one goes on, and the earlier one stops.
                let lease_epoch = u64::try_from(self.clock.now().unix_ms() / 1_000).unwrap_or(0);
                let run = Run::Export { target: &self.target, lease_epoch };
                self.engine.run(&connector, run, progress).await?
            }
        };
        Ok(report)
    }

    /// Waits for the turn of this process among those that sync on this state folder.
    async fn turn(&self) -> anyhow::Result<std::fs::File> {
        let state = self.state.clone();
        Ok(tokio::task::spawn_blocking(move || state.lock_sync()).await??)
    }

    /// Import, sync and export of every forest.
    async fn everything(&self) -> anyhow::Result<()> {
        let _turn = self.turn().await?;
        for settings in &self.config.forests {
            for profile in ALL {
                if profile == Profile::Export && self.config.mode != Mode::Active {
                    continue;
                }
                match self.run(settings, profile, &|_| {}).await {
                    Ok(report) => tracing::info!("{}", summary(&report)),
                    // What comes after would work with half of the picture; the other forests are not concerned.
                    Err(error) => {
                        tracing::warn!("{profile} of {} failed: {error:#}", settings.name);
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Synchronises as soon as `ready` says so, and then again and again.
pub(crate) async fn keep_in_step(config: Config, every: Duration, ready: impl Fn() -> bool) {
    while !ready() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    loop {
        // Opened for each round: between two of them no connection and no page of the database is held.
        let round = async { Sync::open(&config).await?.everything().await };
        if let Err(error) = round.await {
            tracing::warn!("synchronisation failed: {error:#}; next try in {} min", every.as_secs() / 60);
        }
        tokio::time::sleep(every).await;
    }
}

/// `ritorno-agent sync run CONNECTOR PROFILE`.
///
/// # Errors
/// When the run fails.
pub(crate) async fn run(config: &Config, connector: &str, profile: Profile) -> anyhow::Result<()> {
    let chosen: Vec<&ForestSettings> = config
        .forests
        .iter()
        .filter(|forest| connector == "all" || forest.name.0.eq_ignore_ascii_case(connector))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = config.forests.iter().map(|forest| forest.name.0.as_str()).collect();
        bail!("there is no connector '{connector}': use all, or one of {}", names.join(", "));
    }
    let sync = Sync::open(config).await?;
    let _turn = sync.turn().await?;
    for settings in chosen {
        let bar = ProgressBar::new_spinner().with_message(format!("{profile} of {}", settings.name));
        bar.enable_steady_tick(Duration::from_millis(200));
        let report = sync
            .run(settings, profile, &|progress: Progress| {
                bar.set_message(match progress.total {
                    Some(total) => format!("{profile} of {}: {} of {total}", settings.name, progress.done),
                    None => format!("{profile} of {}: {}", settings.name, progress.done),
                });
            })
            .await;
        bar.finish_and_clear();
        let report = report.with_context(|| format!("{profile} of {} failed", settings.name))?;
        say(summary(&report))?;
        for error in sync.engine.errors(report.id, 20).await? {
            say(format_args!("  {}: {}", error.object, error.fault))?;
        }
    }
    Ok(())
}

/// `ritorno-agent sync status`: the latest runs.
///
/// # Errors
/// When the history can't be read.
pub(crate) async fn status(config: &Config) -> anyhow::Result<()> {
    let runs = history(config, 10).await?;
    if runs.is_empty() {
        return say("Nothing was synchronised yet: `ritorno-agent sync run all full-import`.");
    }
    runs.iter().try_for_each(|report| say(summary(report)))
}

/// `ritorno-agent sync removals CONNECTOR`: who would leave the tenant, or could no longer sign in, at the next export.
///
/// # Errors
/// When the list can't be read.
pub(crate) async fn removals(config: &Config, connector: &str) -> anyhow::Result<()> {
    let removals = engine(config).await?.removals(connector).await?;
    for removal in &removals.list {
        let name = removal.user_principal_name.as_ref().unwrap_or(&removal.anchor);
        let what = match removal.kind {
            RemovalKind::Delete => "remove ",
            RemovalKind::Disable => "disable",
        };
        say(format_args!("{what}  {name}"))?;
    }
    if removals.list.is_empty() {
        return say("No removal waits for an approval.");
    }
    let (count, digest) = (removals.list.len(), removals.digest);
    say(format_args!(
        "{count} in all. To let exactly these through: ritorno-agent sync approve {connector} {digest}"
    ))
}

/// `ritorno-agent sync approve CONNECTOR DIGEST`: lets exactly the list of that digest through the deletion guard.
///
/// # Errors
/// When it is another list by now.
pub(crate) async fn approve(config: &Config, connector: &str, digest: &str) -> anyhow::Result<()> {
    engine(config).await?.approve(connector, digest).await?;
    say("Approved. The next export sends it.")
}

async fn engine(config: &Config) -> anyhow::Result<Engine> {
    let path = State::open(&config.state_dir)?.path("sync.db");
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

/// One run in one line.
pub(crate) fn summary(report: &RunReport) -> String {
    let Counts { adds, updates, deletes, unchanged, errors } = report.counts;
    let outcome = match report.outcome {
        RunOutcome::Running => "is running",
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::CompletedWithErrors => "completed with errors",
        RunOutcome::Failed => "failed",
        RunOutcome::Interrupted => "was interrupted",
    };
    let failure = report.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
    format!(
        "{}  {} of {} {outcome}: {adds} added, {updates} updated, {deletes} removed, {unchanged} unchanged, {errors} \
         errors{failure}",
        moment(Some(report.started)),
        report.profile,
        report.connector
    )
}

/// One forest's people as a source.
struct Source {
    objects: mpsc::Receiver<Result<ritorno_directory::ImportedObject, DirectoryError>>,
    server: Option<String>,
    scope: String,
    broken: bool,
}

impl Source {
    async fn open(directory: &Directory, settings: &ForestSettings, attributes: Vec<String>) -> Self {
        let server = match directory.pdc_health().await {
            PdcHealth::Reachable { dc, .. } => Some(dc),
            PdcHealth::Unreachable { .. } => None,
        };
        Self {
            objects: directory.users(attributes),
            server,
            scope: format!("{}\n{}", settings.scope.join("\n"), settings.account),
            broken: false,
        }
    }
}

#[async_trait]
impl ImportSource for Source {
    async fn next(&mut self) -> Result<Page, SourceError> {
        let mut page = Vec::new();
        while !self.broken && page.len() < PAGE {
            match self.objects.recv().await {
                // The stream broke off if and only if its last item is an error.
                None if page.is_empty() => return Ok(Page::End { server: self.server.clone() }),
                None => break,
                Some(Ok(object)) => page.push(ImportedObject {
                    dn: object.dn,
                    object_guid: object.object_guid,
                    attributes: object.attributes,
                }),
                Some(Err(error)) => {
                    self.broken = true;
                    return Err(SourceError { server: self.server.clone(), reason: error.to_string() });
                }
            }
        }
        if self.broken {
            let reason = "the import was read on after it had broken off".to_owned();
            return Err(SourceError { server: self.server.clone(), reason });
        }
        Ok(Page::Objects(page))
    }

    fn scope(&self) -> String {
        self.scope.clone()
    }
}
