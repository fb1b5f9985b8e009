//! Where agents' synchronisations stood, and which of their held exports were approved.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::AgentId;
use ritorno_protocol::sync_report::{SyncMode, SyncReport};

use crate::agents::fact;
use crate::fixture::{Fixture, NOW, on_both};

on_both!(the_last_report_of_each_agent_is_kept, an_approval_is_for_one_list_of_one_agent_and_ends);

fn report(mode: SyncMode) -> SyncReport {
    SyncReport {
        at: NOW,
        mode,
        suspended: true,
        every_seconds: None,
        reconcile_at: "02:30".into(),
        rules: Some("# ours".into()),
        connectors: Vec::new(),
    }
}

async fn the_last_report_of_each_agent_is_kept(f: &Fixture) -> Result<()> {
    let (tenant, reports) = (f.tenant.id, f.store.sync_reports());
    assert_eq!(reports.list(tenant).await?, []);
    let (one, other) = (AgentId::random(&f.random), AgentId::random(&f.random));
    reports.keep(tenant, one, &report(SyncMode::Active), NOW).await?;
    reports.keep(tenant, other, &report(SyncMode::Active), NOW).await?;
    let later = NOW.plus(Duration::from_secs(900));
    reports.keep(tenant, one, &report(SyncMode::Staging), later).await?;
    let listed = reports.list(tenant).await?;
    assert_eq!(listed.len(), 2);
    let told = listed.iter().find(|told| told.agent == one).unwrap();
    assert_eq!((told.received_at, &told.report), (later, &report(SyncMode::Staging)));
    assert_eq!(reports.list(f.other_tenant().await?).await?, [], "of another tenant nothing is told");
    Ok(())
}

async fn an_approval_is_for_one_list_of_one_agent_and_ends(f: &Fixture) -> Result<()> {
    let (tenant, agents, reports) = (f.tenant.id, f.store.agents(), f.store.sync_reports());
    let (one, other) = (f.agent("dc1"), f.agent("dc2"));
    for agent in [&one, &other] {
        agents.insert(agent).await?;
    }
    let until = NOW.plus(Duration::from_secs(60));
    let (list, longer) = ("0a".repeat(32), "0b".repeat(32));
    let told = fact(f, Activity::RemovalsApproved);
    reports.approve(tenant, one.id, &list, NOW, &told).await?;
    assert_eq!(reports.approved(tenant, one.id, NOW).await?, Vec::<String>::new(), "over at its last moment");
    reports.approve(tenant, one.id, &list, until, &fact(f, Activity::RemovalsApproved)).await?;
    reports.approve(tenant, one.id, &longer, until, &fact(f, Activity::RemovalsApproved)).await?;
    assert_eq!(reports.approved(tenant, one.id, NOW).await?, [list, longer]);
    assert_eq!(reports.approved(tenant, other.id, NOW).await?, Vec::<String>::new());
    assert_eq!(reports.approved(f.other_tenant().await?, one.id, NOW).await?, Vec::<String>::new());
    assert_eq!(reports.approved(tenant, one.id, until).await?, Vec::<String>::new());
    reports.approve(tenant, other.id, &"0c".repeat(32), until, &fact(f, Activity::RemovalsApproved)).await?;
    assert!(agents.revoke(tenant, other.id, NOW).await?);
    assert_eq!(
        reports.approved(tenant, other.id, NOW).await?,
        Vec::<String>::new(),
        "who is revoked has none"
    );
    Ok(())
}
