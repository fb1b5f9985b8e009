//! Held removals, and the approvals of them.

use anyhow::{Result, ensure};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::removal::{APPROVED_FOR, Removal, RemovalKind};
use ritorno_protocol::ids::AgentId;
use ritorno_storage::StoreError;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(an_approval_and_its_fact_are_kept_together_or_not_at_all);

async fn an_approval_and_its_fact_are_kept_together_or_not_at_all(f: &Fixture) -> Result<()> {
    let (removals, tenant) = (f.store.removals(), f.tenant.id);
    let agent = AgentId::random(&f.random);
    let fact = Fact {
        id: FactId::random(&f.random),
        tenant,
        at: NOW,
        activity: Activity::RemovalsApproved,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason: String::new(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    };
    let one =
        |kind: RemovalKind, id: &str| Removal { kind, id: id.to_owned(), name: format!("{id}@contoso.test") };
    let list = [one(RemovalKind::DeleteUser, "a"), one(RemovalKind::LeaveGroup, "g b")];
    let waits = async || removals.waiting(tenant, agent, NOW).await.map(|list| list.len());
    let facts = async || f.facts(tenant).await.map(|facts| facts.len());
    let until = NOW.plus(APPROVED_FOR);

    // Nothing of the kind is held: neither is kept.
    ensure!(!removals.approve(tenant, agent, &list, until, &fact).await?);
    removals.hold(tenant, agent, &list[..1], NOW).await?;
    ensure!(!removals.approve(tenant, agent, &list, until, &fact).await?);
    assert_eq!((waits().await?, facts().await?), (1, 0));
    removals.hold(tenant, agent, &list, NOW).await?;
    // A fact that can't be written keeps the approval from being one.
    f.store.audit().append(&fact).await?;
    let refused = removals.approve(tenant, agent, &list, until, &fact).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    assert_eq!((waits().await?, facts().await?), (2, 1));
    let another = Fact { id: FactId::random(&f.random), ..fact };
    ensure!(removals.approve(tenant, agent, &list, until, &another).await?);
    assert_eq!((waits().await?, facts().await?), (0, 2));
    Ok(())
}
