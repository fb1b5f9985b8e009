//! Audit facts.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{AdministratorId, CorrelationId, FactId};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, RequestId, SupportCode, UserId};

use ritorno_storage::AuditFilter;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(comes_back_in_order, found_by_what_who_how_and_when);

async fn comes_back_in_order(f: &Fixture) -> Result<()> {
    let audit = f.store.audit();
    let user = UserId::random(&f.random);
    let code = SupportCode::random(&f.random);
    let bare = Fact {
        id: FactId::random(&f.random),
        tenant: f.tenant.id,
        at: NOW,
        activity: Activity::TenantMade,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason: String::new(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    };
    let actors = [
        Actor::Anonymous,
        Actor::User(user),
        Actor::Administrator(AdministratorId::random(&f.random)),
        Actor::Agent(AgentId::random(&f.random)),
    ];
    let mut facts = vec![bare.clone()];
    for (actor, success) in
        actors.into_iter().zip([Success::Success, Success::Failure, Success::Unknown, Success::Success])
    {
        facts.push(Fact {
            id: FactId::random(&f.random),
            activity: Activity::FlowProgress,
            actor,
            target: Some(user),
            from: Some("192.0.2.7".into()),
            success,
            reason: "wrong code".into(),
            support_code: Some(code.clone()),
            request: Some(RequestId::random(&f.random)),
            ..bare.clone()
        });
    }
    for fact in &facts {
        audit.append(fact).await?;
    }
    assert_eq!(audit.by_support_code(f.tenant.id, &code).await?, facts[1..]);
    let latest_first: Vec<_> = facts.iter().rev().cloned().collect();
    assert_eq!(f.facts(f.tenant.id).await?, latest_first);
    assert_eq!(f.facts(f.other_tenant().await?).await?, []);
    Ok(())
}

async fn found_by_what_who_how_and_when(f: &Fixture) -> Result<()> {
    let (audit, tenant) = (f.store.audit(), f.tenant.id);
    let (anna, paolo) = (UserId::random(&f.random), UserId::random(&f.random));
    let second = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
    let fact = |at, activity, actor, target, success| Fact {
        id: FactId::random(&f.random),
        tenant,
        at,
        activity,
        actor,
        target,
        from: None,
        success,
        reason: String::new(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    };
    let facts = [
        fact(second(0), Activity::ResetPassword, Actor::User(anna), Some(anna), Success::Success),
        fact(second(1), Activity::ResetPassword, Actor::User(paolo), Some(paolo), Success::Failure),
        fact(second(2), Activity::StopLifted, Actor::System, Some(anna), Success::Success),
        fact(second(3), Activity::FlowProgress, Actor::User(anna), None, Success::Failure),
        fact(second(4), Activity::TenantMade, Actor::System, None, Success::Success),
    ];
    audit.append_many(&facts).await?;
    let found = async |filter: AuditFilter| -> Result<Vec<Timestamp>> {
        Ok(audit.find(tenant, &filter, None, 10).await?.into_iter().map(|(_, fact)| fact.at).collect())
    };
    let all = AuditFilter::default();
    let seconds = |which: &[u64]| which.iter().map(|at| second(*at)).collect::<Vec<_>>();
    assert_eq!(found(all.clone()).await?, seconds(&[4, 3, 2, 1, 0]));
    let resets = AuditFilter { activity: Some(Activity::ResetPassword), ..all.clone() };
    assert_eq!(found(resets.clone()).await?, seconds(&[1, 0]));
    assert_eq!(found(AuditFilter { who: Some(anna.to_string()), ..all.clone() }).await?, seconds(&[3, 2, 0]));
    assert_eq!(
        found(AuditFilter { success: Some(Success::Failure), ..all.clone() }).await?,
        seconds(&[3, 1])
    );
    let between = AuditFilter { since: Some(second(1)), until: Some(second(3)), ..all.clone() };
    assert_eq!(found(between).await?, seconds(&[2, 1]), "the first moment counts, the last one not");
    let failed =
        AuditFilter { success: Some(Success::Failure), who: Some(paolo.to_string()), ..resets.clone() };
    assert_eq!(found(failed).await?, seconds(&[1]));
    assert_eq!(
        found(AuditFilter { who: Some(UserId::random(&f.random).to_string()), ..all.clone() }).await?,
        []
    );

    let first = audit.find(tenant, &all, None, 2).await?;
    assert_eq!(first.iter().map(|(_, fact)| fact).collect::<Vec<_>>(), [&facts[4], &facts[3]]);
    let next = audit.find(tenant, &all, Some(first[1].0), 2).await?;
    assert_eq!(next.iter().map(|(_, fact)| fact).collect::<Vec<_>>(), [&facts[2], &facts[1]]);
    assert_eq!(audit.find(f.other_tenant().await?, &all, None, 10).await?, []);
    Ok(())
}
