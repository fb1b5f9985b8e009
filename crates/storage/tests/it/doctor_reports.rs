//! What agents' checks found, each in the place of what they found before.

use anyhow::Result;
use ritorno_protocol::doctor::{CheckState, CheckVerdict, DoctorReport};
use ritorno_protocol::ids::AgentId;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(the_last_report_of_each_agent_is_kept, who_is_revoked_leaves_no_report);

fn report(verdict: CheckVerdict) -> DoctorReport {
    DoctorReport {
        at: NOW,
        exports: true,
        checks: vec![CheckState {
            id: "disk".into(),
            title: "The agent's disk has room".into(),
            verdict,
            evidence: vec!["3 MB free".into()],
            cause: None,
            fixes: Vec::new(),
        }],
    }
}

async fn who_is_revoked_leaves_no_report(f: &Fixture) -> Result<()> {
    let (tenant, agents, reports) = (f.tenant.id, f.store.agents(), f.store.doctor_reports());
    let (goes, stays) = (f.agent("dc1"), f.agent("dc2"));
    for agent in [&goes, &stays] {
        agents.insert(agent).await?;
        reports.keep(tenant, agent.id, &report(CheckVerdict::Fail), NOW).await?;
    }
    assert!(!agents.revoke(f.other_tenant().await?, goes.id, NOW).await?);
    assert_eq!(reports.list(tenant).await?.len(), 2, "another tenant takes nothing away");
    assert!(agents.revoke(tenant, goes.id, NOW).await?);
    let left: Vec<AgentId> = reports.list(tenant).await?.into_iter().map(|told| told.agent).collect();
    assert_eq!(left, [stays.id]);
    Ok(())
}

async fn the_last_report_of_each_agent_is_kept(f: &Fixture) -> Result<()> {
    let (tenant, reports) = (f.tenant.id, f.store.doctor_reports());
    assert_eq!(reports.list(tenant).await?, []);
    let (one, other) = (AgentId::random(&f.random), AgentId::random(&f.random));
    reports.keep(tenant, one, &report(CheckVerdict::Pass), NOW).await?;
    reports.keep(tenant, other, &report(CheckVerdict::Pass), NOW).await?;
    let later = NOW.plus(std::time::Duration::from_secs(900));
    reports.keep(tenant, one, &report(CheckVerdict::Fail), later).await?;
    let listed = reports.list(tenant).await?;
    assert_eq!(listed.len(), 2);
    let told = listed.iter().find(|told| told.agent == one).unwrap();
    assert_eq!((told.received_at, &told.report), (later, &report(CheckVerdict::Fail)));
    assert_eq!(reports.list(f.other_tenant().await?).await?, [], "of another tenant nothing is told");
    Ok(())
}
