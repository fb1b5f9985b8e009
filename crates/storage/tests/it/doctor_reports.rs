//! What agents' checks found, each in the place of what they found before.

use anyhow::Result;
use ritorno_protocol::doctor::{CheckState, CheckVerdict, DoctorReport};
use ritorno_protocol::ids::AgentId;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(the_last_report_of_each_agent_is_kept);

async fn the_last_report_of_each_agent_is_kept(f: &Fixture) -> Result<()> {
    let report = |verdict| DoctorReport {
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
    };
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
