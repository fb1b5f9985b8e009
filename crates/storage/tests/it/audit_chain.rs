//! The chain of audit facts: linked once, in order, whoever does it.

use anyhow::{Result, ensure};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::audit_chain::Head;
use ritorno_identity::ids::{CorrelationId, FactId};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(
    each_fact_is_linked_once_and_in_order,
    of_two_servers_that_link_one_does,
    what_a_sink_has_is_kept,
    what_a_later_version_did_is_shown_and_linked,
);

fn fact(f: &Fixture, reason: &str) -> Fact {
    Fact {
        id: FactId::random(&f.random),
        tenant: f.tenant.id,
        at: NOW,
        activity: Activity::FlowProgress,
        actor: Actor::Anonymous,
        target: None,
        from: None,
        success: Success::Success,
        reason: reason.to_owned(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    }
}

async fn write(f: &Fixture, count: usize) -> Result<()> {
    for number in 0..count {
        f.store.audit().append(&fact(f, &format!("fact {number}"))).await?;
    }
    Ok(())
}

/// The chain's facts, each of whose hashes follows from the one before.
async fn whole(f: &Fixture) -> Result<Vec<String>> {
    let (mut head, mut reasons) = (Head::default(), Vec::new());
    for linked in f.store.audit_chain().linked(f.tenant.id, 0, 1_000).await? {
        head = head.after(&linked.fact);
        ensure!(linked.head == head, "{head:?} and not {:?}", linked.head);
        reasons.push(linked.fact.reason);
    }
    ensure!(f.store.audit_chain().head(f.tenant.id).await? == head, "the head is the last one's");
    Ok(reasons)
}

async fn each_fact_is_linked_once_and_in_order(f: &Fixture) -> Result<()> {
    let chain = f.store.audit_chain();
    assert_eq!(chain.link(f.tenant.id, 10).await?.len(), 0, "there is nothing");
    assert_eq!(chain.head(f.tenant.id).await?, Head::default());
    write(f, 7).await?;
    assert_eq!(chain.count_unlinked(f.tenant.id).await?, 7);
    assert_eq!(chain.link(f.tenant.id, 5).await?.len(), 5);
    assert_eq!(chain.link(f.tenant.id, 5).await?.len(), 2);
    assert_eq!(chain.link(f.tenant.id, 5).await?.len(), 0);
    let expected: Vec<String> = (0..7).map(|number| format!("fact {number}")).collect();
    assert_eq!(whole(f).await?, expected);
    assert_eq!(chain.linked(f.tenant.id, 5, 1).await?[0].fact.reason, "fact 5");
    // Another tenant's chain is its own.
    let other = f.other_tenant().await?;
    assert_eq!((chain.link(other, 5).await?.len(), chain.head(other).await?), (0, Head::default()));
    Ok(())
}

async fn of_two_servers_that_link_one_does(f: &Fixture) -> Result<()> {
    let second = f.second().await?;
    write(f, 60).await?;
    while f.store.audit_chain().count_unlinked(f.tenant.id).await? > 0 {
        let (chain, other) = (f.store.audit_chain(), second.audit_chain());
        let (one, two) = tokio::join!(chain.link(f.tenant.id, 10), other.link(f.tenant.id, 10));
        ensure!(one?.len() + two?.len() <= 20);
    }
    assert_eq!(whole(f).await?.len(), 60);
    second.close().await;
    Ok(())
}

async fn what_a_sink_has_is_kept(f: &Fixture) -> Result<()> {
    let chain = f.store.audit_chain();
    assert_eq!(chain.told(f.tenant.id, "file").await?, 0);
    for position in [3, 9] {
        chain.set_told(f.tenant.id, "file", position).await?;
        assert_eq!(chain.told(f.tenant.id, "file").await?, position);
    }
    chain.set_told(f.tenant.id, "file", 4).await?;
    assert_eq!(chain.told(f.tenant.id, "file").await?, 9, "it never goes back");
    assert_eq!(chain.told(f.tenant.id, "other").await?, 0);
    Ok(())
}

async fn what_a_later_version_did_is_shown_and_linked(f: &Fixture) -> Result<()> {
    let later = Fact { activity: Activity::Other("Teach the cat"), ..fact(f, "later") };
    f.store.audit().append(&later).await?;
    assert_eq!(f.facts(f.tenant.id).await?, std::slice::from_ref(&later));
    assert_eq!(f.store.audit_chain().link(f.tenant.id, 9).await?, [later]);
    assert_eq!(whole(f).await?, ["later"]);
    Ok(())
}
