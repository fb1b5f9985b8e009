//! Where agents' synchronisations stood, and which of their held exports were approved.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::AgentId;
use ritorno_protocol::sync_report::{SyncMode, SyncReport};

use crate::agents::fact;
use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    the_last_report_of_each_agent_is_kept,
    an_approval_is_for_one_list_of_one_agent_used_once_and_ends,
    of_many_servers_one_gets_an_approval,
);

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

async fn an_approval_is_for_one_list_of_one_agent_used_once_and_ends(f: &Fixture) -> Result<()> {
    let (tenant, agents, reports) = (f.tenant.id, f.store.agents(), f.store.sync_reports());
    let (one, other) = (f.agent("dc1"), f.agent("dc2"));
    for agent in [&one, &other] {
        agents.insert(agent).await?;
    }
    let until = NOW.plus(Duration::from_secs(60));
    let since = NOW.minus(Duration::from_secs(60));
    let (list, longer) = ("0a".repeat(32), "0b".repeat(32));
    let told = fact(f, Activity::RemovalsApproved);
    reports.approve(tenant, one.id, &list, since, NOW, &told).await?;
    assert_eq!(reports.approved(tenant, one.id, NOW).await?, [], "over at its last moment");
    assert_eq!(reports.take_up(tenant, one.id, &list, since, NOW).await?, None);
    reports.approve(tenant, one.id, &list, since, until, &fact(f, Activity::RemovalsApproved)).await?;
    reports.approve(tenant, one.id, &longer, since, until, &fact(f, Activity::RemovalsApproved)).await?;
    assert_eq!(
        reports.approved(tenant, one.id, NOW).await?,
        [(list.clone(), since), (longer.clone(), since)]
    );
    assert_eq!(reports.approved(tenant, other.id, NOW).await?, []);
    let elsewhere = f.other_tenant().await?;
    assert_eq!(reports.approved(elsewhere, one.id, NOW).await?, []);
    // Neither another's, nor a list of another digest, nor the same one that was held anew.
    assert_eq!(reports.take_up(elsewhere, one.id, &list, since, NOW).await?, None);
    assert_eq!(reports.take_up(tenant, other.id, &list, since, NOW).await?, None);
    assert_eq!(reports.take_up(tenant, one.id, &"0c".repeat(32), since, NOW).await?, None);
    assert_eq!(reports.take_up(tenant, one.id, &list, NOW, NOW).await?, None);
    assert_eq!(reports.take_up(tenant, one.id, &list, since, NOW).await?, Some(until));
    assert_eq!(reports.take_up(tenant, one.id, &list, since, NOW).await?, None, "it is used up");
    assert_eq!(reports.approved(tenant, one.id, NOW).await?, [(longer.clone(), since)]);
    assert_eq!(reports.approved(tenant, one.id, until).await?, []);
    reports.approve(tenant, other.id, &list, since, until, &fact(f, Activity::RemovalsApproved)).await?;
    assert!(agents.revoke(tenant, other.id, NOW).await?);
    assert_eq!(reports.approved(tenant, other.id, NOW).await?, [], "who is revoked has none");
    assert_eq!(f.store.purge(until).await?, 1, "what is over goes");
    reports.approve(tenant, one.id, &list, since, until, &fact(f, Activity::RemovalsApproved)).await?;
    f.store.forget_what_is_short_lived().await?;
    assert_eq!(reports.approved(tenant, one.id, NOW).await?, [], "a restored database approves nothing");
    Ok(())
}

async fn of_many_servers_one_gets_an_approval(f: &Fixture) -> Result<()> {
    let (tenant, agent, until) = (f.tenant.id, f.agent("dc1").id, NOW.plus(Duration::from_secs(60)));
    let list = "0a".repeat(32);
    let told = fact(f, Activity::RemovalsApproved);
    f.store.sync_reports().approve(tenant, agent, &list, NOW, until, &told).await?;
    let stores = [f.store.clone(), f.second().await?];
    let taken = parallel(20, |number| {
        let (store, list) = (stores[number % 2].clone(), list.clone());
        async move { store.sync_reports().take_up(tenant, agent, &list, NOW, NOW).await }
    })
    .await?;
    assert_eq!(taken.iter().flatten().count(), 1);
    Ok(())
}
