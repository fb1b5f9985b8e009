//! `ritorno-agent sync ...`: what only looks.

use std::collections::BTreeMap;

use anyhow::bail;
use ritorno_sync::{
    Counts, Engine, Found, Judged, NextExport, PendingChange, PendingKind, Preview, Profile, RemovalKind,
    RunReport, Standing,
};

use super::{connector, engine, exports, summary};
use crate::config::Config;
use crate::output::say;
use crate::state::{Mark, State};

/// Lines that a list prints at most.
const LINES: u32 = 1_000;
/// Objects that a search shows.
const HITS: u32 = 50;

/// What the doctor looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Of each connector and profile the last run and the last good one, newest first.
    pub(crate) runs: Vec<RunReport>,
    /// Exports that the deletion guard holds.
    pub(crate) held: Vec<HeldExport>,
    /// Objects that were held back, each with why; the first of them.
    pub(crate) faulty: Vec<(String, String)>,
    /// How many objects the tenant refused at the last export.
    pub(crate) refused: u64,
    /// Of each connector `objectGUID` of one synchronised person in each container, as the directory stores it.
    pub(crate) people: BTreeMap<String, Vec<[u8; 16]>>,
}

/// An export that the deletion guard holds.
#[derive(Clone, Debug)]
pub(crate) struct HeldExport {
    /// The forest.
    pub(crate) connector: String,
    /// What the run said.
    pub(crate) failure: String,
    /// Removals that wait.
    pub(crate) count: usize,
    /// What an approval names.
    pub(crate) digest: String,
}

/// Everything that the doctor looks at, with one opening of the store. Nothing if it was never made.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn seen(config: &Config, containers: usize) -> anyhow::Result<Seen> {
    if !State::open(&config.state_dir)?.path("sync.db").exists() {
        return Ok(Seen::default());
    }
    let engine = engine(config).await?;
    let mut seen = Seen { runs: engine.latest().await?, ..Seen::default() };
    for status in engine.status().await? {
        // What the tenant's guard holds is no contradiction.
        seen.refused += status.refused.saturating_sub(status.held_in_tenant);
        let name = status.connector;
        let of_export = |run: &&RunReport| run.connector == name && run.profile == Profile::Export;
        if let Some(failure) = seen.runs.iter().find(of_export).and_then(|run| run.failure.clone()) {
            let removals = engine.removals(&name).await?;
            // A held export says how its list is approved. The list may have grown since: what is to be approved is today's.
            if failure.contains("`ritorno-agent sync approve`") && !removals.list.is_empty() {
                let (count, digest) = (removals.list.len(), removals.digest);
                seen.held.push(HeldExport { connector: name.clone(), failure, count, digest });
            }
        }
        let people = engine.one_of_each_container(&name, containers).await?;
        seen.people.insert(name, people);
    }
    let faults = engine.faults(LINES).await?;
    seen.faulty = faults.into_iter().map(|error| (error.object, error.fault.to_string())).collect();
    Ok(seen)
}

/// `sync status`: how each connector stands, and what the scheduler does.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn status(config: &Config) -> anyhow::Result<()> {
    let state = State::open(&config.state_dir)?;
    match config.sync.every {
        _ if state.is_marked(Mark::SyncSuspended) => {
            say("scheduler  suspended: `ritorno-agent sync resume` lets it go on")?;
        }
        None => say("scheduler  off: every_seconds is 0")?,
        Some(every) => {
            let at = config.sync.reconcile_at;
            say(format_args!(
                "scheduler  a delta cycle every {} s, everything at {:02}:{:02} UTC",
                every.as_secs(),
                at.hour(),
                at.minute()
            ))?;
        }
    }
    if let Err(reason) = exports(config, &state) {
        say(format_args!("export     off: {reason}"))?;
    }
    let engine = engine(config).await?;
    let all = engine.status().await?;
    if all.is_empty() {
        return say("Nothing was synchronised yet: `ritorno-agent sync run all full-import`.");
    }
    let latest = engine.latest().await?;
    for status in all {
        let waiting =
            if status.unsynced > 0 { format!(", {} not synced", status.unsynced) } else { String::new() };
        say(format_args!("connector  {}", status.connector))?;
        say(format_args!(
            "  staged   {} objects: {} joined, {} left out, {} with errors{waiting}",
            status.objects, status.joined, status.out_of_scope, status.faulty
        ))?;
        say(format_args!(
            "  pending  {} to add, {} to change, {} to remove, {} refused by the tenant",
            status.pending_adds, status.pending_updates, status.pending_deletes, status.refused
        ))?;
        if status.held_in_tenant > 0 {
            say(format_args!(
                "  held     {} of these by the tenant's deletion guard, until an administrator approves them in the console",
                status.held_in_tenant
            ))?;
        }
        if status.pending_members > 0 {
            let held = match status.held_members {
                0 => String::new(),
                held => format!(
                    ", {held} of them held by the tenant's deletion guard, until an administrator approves them in the console"
                ),
            };
            say(format_args!("  members  {} to put into groups or take out{held}", status.pending_members))?;
        }
        if status.anchors_due > 0 {
            say(format_args!("  anchors  {} to write into mS-DS-ConsistencyGuid", status.anchors_due))?;
        }
        match &status.delta_server {
            Some(server) if server.is_empty() => say("  delta    goes on at whichever server answers")?,
            Some(server) => say(format_args!("  delta    goes on at {server}"))?,
            None => say("  delta    none to go on from: the next import is a full one")?,
        }
        for report in latest.iter().filter(|report| report.connector == status.connector) {
            say(format_args!("  {}", summary(report)))?;
        }
    }
    Ok(())
}

/// `sync history [RUN]`: the latest runs, or one with all its errors. Delta runs that met nothing are left out unless
/// `all` is asked for.
///
/// # Errors
/// When the history can't be read, or has no such run.
pub(crate) async fn history(config: &Config, run: Option<i64>, all: bool, limit: u32) -> anyhow::Result<()> {
    let engine = engine(config).await?;
    if let Some(run) = run {
        let report = engine.run_report(run).await?;
        say(format_args!("{:>6}  {}", report.id, summary(&report)))?;
        for error in engine.errors(run, u32::MAX).await? {
            say(format_args!("  {}: {}", error.object, error.fault))?;
        }
        return Ok(());
    }
    let runs = engine.history(if all { limit } else { u32::MAX }).await?;
    let shown = runs.iter().filter(|report| all || is_news(report)).take(limit as usize);
    shown.into_iter().try_for_each(|report| say(format_args!("{:>6}  {}", report.id, summary(report))))
}

fn is_news(report: &RunReport) -> bool {
    let delta = matches!(report.profile, Profile::DeltaImport | Profile::DeltaSync);
    let Counts { anchors, anchors_refused, .. } = report.counts;
    !(delta && report.is_good() && report.counts.done() + anchors + anchors_refused == 0)
}

/// `sync search TEXT`.
///
/// # Errors
/// When the store can't be read, or has nobody like that.
pub(crate) async fn search(config: &Config, text: &str) -> anyhow::Result<()> {
    let found = engine(config).await?.search(text, HITS + 1).await?;
    if found.is_empty() {
        bail!("no staged object has '{text}' in its name, account, mail address, GUID or anchor");
    }
    for found in found.iter().take(HITS as usize) {
        let account = found.account_name.as_deref().unwrap_or("-");
        say(format_args!("{account}  {}  {}  {}", standing(found), found.object_guid, found.dn))?;
    }
    if found.len() > HITS as usize { say("... and more: ask for more of the name") } else { Ok(()) }
}

fn standing(found: &Found) -> String {
    match &found.standing {
        Standing::Joined => "joined".to_owned(),
        Standing::LeftOut(rule) => format!("left out ({rule})"),
        Standing::Faulty(fault) => format!("error ({fault})"),
        Standing::Gone => "gone from the directory".to_owned(),
        Standing::Waiting => "not synced yet".to_owned(),
    }
}

/// `sync preview PERSON`: what would flow of them, and why. Nothing is changed.
///
/// # Errors
/// When nobody is found, or several.
pub(crate) async fn preview(config: &Config, person: &str) -> anyhow::Result<()> {
    let engine = engine(config).await?;
    let mut found = engine.search(person, HITS).await?;
    // A whole account name, GUID or anchor is meant as such, whoever else has it in theirs.
    let whole = |found: &Found| {
        let account = found.account_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(person));
        account || found.anchor == person || found.object_guid.eq_ignore_ascii_case(person)
    };
    if found.iter().any(whole) {
        found.retain(whole);
    }
    let found = match found.as_slice() {
        [found] => found,
        [] => bail!("no staged object has '{person}' in its name, account, mail address, GUID or anchor"),
        several => bail!("{} objects match '{person}': ask by account name or GUID", several.len()),
    };
    show(&engine, config, found).await
}

/// What is staged of the person with this source anchor, and what would flow; of several objects the one that is joined.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn staged(config: &Config, anchor: &str) -> anyhow::Result<Option<(Found, Preview)>> {
    let engine = engine(config).await?;
    let mut all = engine.search(anchor, HITS).await?;
    all.retain(|found| found.anchor == anchor);
    let joined = all.iter().position(|found| found.standing == Standing::Joined).unwrap_or_default();
    if all.is_empty() {
        return Ok(None);
    }
    let found = all.swap_remove(joined);
    let Some(settings) = config.forests.iter().find(|forest| forest.name.0 == found.connector) else {
        bail!("{} is staged of {}, which is not configured any more", found.dn, found.connector);
    };
    let state = State::open(&config.state_dir)?;
    let preview = engine.preview(&connector(config, &state, settings)?, &found).await?;
    Ok(Some((found, preview)))
}

async fn show(engine: &Engine, config: &Config, found: &Found) -> anyhow::Result<()> {
    let Some(settings) = config.forests.iter().find(|forest| forest.name.0 == found.connector) else {
        bail!("{} is staged of {}, which is not configured any more", found.dn, found.connector);
    };
    let state = State::open(&config.state_dir)?;
    let preview = engine.preview(&connector(config, &state, settings)?, found).await?;
    let Preview { judged, anchor_due, twin, flows, export } = &preview;
    say(format_args!("object     {}", found.dn))?;
    say(format_args!("staged     {} of {}", standing(found), found.connector))?;
    match judged {
        Judged::Person => say("rules      a person in scope")?,
        Judged::Group => say("rules      a group")?,
        Judged::LeftOut(rule) => say(format_args!("rules      left out by {rule}"))?,
        Judged::Faulty(fault) => say(format_args!("rules      {fault}"))?,
    }
    if *anchor_due {
        say("anchor     an import writes it into mS-DS-ConsistencyGuid, from objectGUID")?;
    }
    if let Some(twin) = twin {
        say(format_args!("anchor     {twin} has the same one: only who is joined already stays"))?;
    }
    for flow in flows.iter().filter(|flow| flow.value.is_some() || flow.in_tenant.is_some()) {
        let value = flow.value.as_deref().unwrap_or("(none)");
        let changed = match &flow.in_tenant {
            Some(there) if Some(there) != flow.value.as_ref() => format!(" (the tenant has {there})"),
            _ => String::new(),
        };
        say(format_args!("  {} = {value}{changed}, from {}", flow.attribute, flow.from))?;
    }
    say(match export {
        NextExport::Nothing => "export     nothing to do",
        NextExport::Add => "export     would make the person",
        NextExport::Update => "export     would change the person",
        NextExport::Remove => "export     would remove the person",
    })
}

/// `sync pending [CONNECTOR]`: everything that the next export, or a promotion out of staging, would send.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn pending(config: &Config, connector: Option<&str>) -> anyhow::Result<()> {
    let engine = engine(config).await?;
    let all = engine.status().await?;
    if let Some(name) = connector
        && !all.iter().any(|status| status.connector.eq_ignore_ascii_case(name))
    {
        bail!("nothing has been run for a connector named {name}");
    }
    let mut nothing = true;
    for status in all {
        if connector.is_some_and(|name| !status.connector.eq_ignore_ascii_case(name)) {
            continue;
        }
        let (mut said, mut any, mut joins, mut leaves) = (Ok(()), false, 0_u64, 0_u64);
        let tell = |change: PendingChange| {
            any = true;
            joins += u64::from(matches!(change.kind, PendingKind::Join { .. }));
            leaves += u64::from(matches!(change.kind, PendingKind::Leave { .. }));
            if said.is_ok() {
                said = say(pending_line(&change));
            }
        };
        engine.pending(&status.connector, tell).await?;
        said?;
        nothing &= !any;
        if any {
            let (adds, updates, deletes) =
                (status.pending_adds, status.pending_updates, status.pending_deletes);
            let members = match (joins, leaves) {
                (0, 0) => String::new(),
                (joins, leaves) => format!("; {joins} to join a group, {leaves} to leave one"),
            };
            let name = status.connector;
            say(format_args!("{name}: {adds} to add, {updates} to change, {deletes} to remove{members}"))?;
        }
    }
    if nothing { say("An export would send nothing.") } else { Ok(()) }
}

fn pending_line(change: &PendingChange) -> String {
    let name = &change.name;
    match &change.kind {
        PendingKind::Add => format!("add     {name}"),
        PendingKind::Update(attributes) if attributes.is_empty() => {
            format!("change  {name} (sent again to be sure)")
        }
        PendingKind::Update(attributes) => format!("change  {name}: {}", attributes.join(", ")),
        PendingKind::Delete => format!("remove  {name}"),
        PendingKind::Join { group } => format!("join    {name}  ({group})"),
        PendingKind::Leave { group } => format!("leave   {name}  ({group})"),
    }
}

/// `sync removals CONNECTOR`: who would leave the tenant or a group, or could no longer sign in, at the next export.
///
/// # Errors
/// When the list can't be read.
pub(crate) async fn removals(config: &Config, connector: &str) -> anyhow::Result<()> {
    let removals = engine(config).await?.removals(connector).await?;
    for removal in &removals.list {
        let name = removal.user_principal_name.as_ref().unwrap_or(&removal.anchor);
        match &removal.kind {
            RemovalKind::Delete => say(format_args!("remove   {name}"))?,
            RemovalKind::Disable => say(format_args!("disable  {name}"))?,
            RemovalKind::Leave { group } => say(format_args!("leave    {name}  ({group})"))?,
        }
    }
    if removals.list.is_empty() {
        return say("No removal waits for an approval.");
    }
    let (count, digest) = (removals.list.len(), removals.digest);
    say(format_args!("{count} in all. To let exactly these through: ritorno-agent sync approve {digest}"))
}
