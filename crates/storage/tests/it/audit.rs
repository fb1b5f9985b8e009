//! Audit facts.

use anyhow::Result;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{AdministratorId, CorrelationId, FactId};
use ritorno_protocol::ids::{AgentId, RequestId, SupportCode, UserId};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(comes_back_in_order);

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
    assert_eq!(audit.list(f.tenant.id, 0, 10).await?, latest_first);
    assert_eq!(audit.list(f.tenant.id, 1, 2).await?, latest_first[1..3]);
    assert_eq!(audit.list(f.other_tenant().await?, 0, 10).await?, []);
    Ok(())
}
