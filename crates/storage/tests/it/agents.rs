//! Agents.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::agent::{Agent, FormerChain, NextIdentity};
use ritorno_identity::agent_forests::{ForestClaim, TakenForest, waiting};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::certificate::KeyRole;
use ritorno_protocol::ids::{EpochId, Forest};
use ritorno_protocol::key::{PublicKey, SigningKey};
use ritorno_protocol::link::{ForestHealth, Health};
use ritorno_protocol::signed::Signed;
use ritorno_storage::Hello;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(
    comes_back_as_it_was_stored,
    a_next_key_is_in_use_once_it_is_shown,
    recipients_are_who_may_receive,
    a_forest_is_served_by_whom_it_was_given_to,
    revoked_is_revoked
);

async fn comes_back_as_it_was_stored(f: &Fixture) -> Result<()> {
    let agents = f.store.agents();
    let claim = ForestClaim::default();
    let new = Agent { sealing: None, writeback_on: false, forests: vec![], claim, ..f.agent("dc1") };
    agents.insert(&new).await?;
    assert_eq!(agents.get(f.tenant.id, new.id).await?.as_ref(), Some(&new));
    ensure!(new.chain().is_none());

    let forests = vec![Forest("contoso.test".into())];
    let taken = vec![TakenForest { forest: forests[0].clone(), at: NOW }];
    let identity = SigningKey::generate(&f.random);
    let hello = Hello {
        version: "0.2.0".into(),
        epoch: EpochId::random(&f.random),
        identity_key: new.identity_key.clone(),
        identity: new.identity.clone(),
        former: Vec::new(),
        sealing: f.sealing(new.id, &identity, &forests),
        claim: ForestClaim { said: forests.clone(), allowed: Vec::new(), taken: taken.clone() },
    };
    let told = [fact(f, Activity::AgentForestTaken)];
    ensure!(agents.said_hello(f.tenant.id, new.id, &hello, &told, NOW).await?);
    assert_eq!(f.facts(f.tenant.id).await?, told);
    let health = Health {
        at: NOW,
        writeback_on: true,
        forests: vec![ForestHealth {
            forest: forests[0].clone(),
            pdc: Some("dc1.contoso.test".into()),
            reachable: false,
            detail: Some("connection refused".into()),
            answered_in_ms: Some(3),
        }],
        round_trip_ms: Some(20),
    };
    let later = NOW.plus(Duration::from_secs(10));
    ensure!(agents.reported(f.tenant.id, new.id, &health, later).await?);
    ensure!(agents.set_writeback(f.tenant.id, new.id, true).await?);
    let expected = Agent {
        version: hello.version,
        epoch: Some(hello.epoch),
        sealing: Some(hello.sealing),
        forests,
        claim: hello.claim,
        writeback_on: true,
        last_seen_at: Some(later),
        health: Some(health),
        ..new
    };
    assert_eq!(agents.list(f.tenant.id).await?, [expected]);
    assert_eq!(agents.list(f.other_tenant().await?).await?, []);
    Ok(())
}

pub(crate) fn fact(f: &Fixture, activity: Activity) -> Fact {
    Fact {
        id: FactId::random(&f.random),
        tenant: f.tenant.id,
        at: NOW,
        activity,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason: String::new(),
        support_code: None,
        correlation: CorrelationId::random(&f.random),
        request: None,
    }
}

async fn a_forest_is_served_by_whom_it_was_given_to(f: &Fixture) -> Result<()> {
    let (agents, tenant) = (f.store.agents(), f.tenant.id);
    let contoso = Forest("contoso.test".into());
    let first = f.agent("first");
    agents.insert(&first).await?;
    let said = vec![contoso.clone()];
    let claim = ForestClaim { said, ..ForestClaim::enrolled(vec![Forest("fabrikam.test".into())]) };
    let second = Agent { claim, ..f.agent("second") };
    agents.insert(&second).await?;
    let served = async || -> Result<Agent> { agents.get(tenant, second.id).await?.context("the agent") };
    ensure!(served().await?.forests.is_empty(), "it took another agent's forest");
    assert_eq!(waiting(&served().await?).collect::<Vec<_>>(), [&contoso]);
    assert_eq!(agents.recipients(tenant, &contoso).await?.len(), 1);
    ensure!(agents.allow_forest(tenant, second.id, &contoso).await?);
    ensure!(!agents.allow_forest(tenant, second.id, &contoso).await?, "allowed twice");
    assert_eq!(served().await?.forests, std::slice::from_ref(&contoso));
    assert_eq!(agents.recipients(tenant, &contoso).await?.len(), 2);
    ensure!(agents.revoke(tenant, first.id, NOW).await?);
    ensure!(
        !agents.allow_forest(tenant, first.id, &Forest("new.test".into())).await?,
        "allowed to a revoked agent"
    );
    Ok(())
}

async fn a_next_key_is_in_use_once_it_is_shown(f: &Fixture) -> Result<()> {
    let (agents, tenant) = (f.store.agents(), f.tenant.id);
    let agent = f.agent("rolls");
    agents.insert(&agent).await?;
    let key = SigningKey::generate(&f.random).public();
    let content = f.certificate(KeyRole::AgentIdentity { agent: agent.id }, key.clone(), 2);
    let next = NextIdentity { key: key.clone(), certificate: Signed::sign(&content, &f.root) };
    let rolled = fact(f, Activity::AgentKeysRolled);
    ensure!(
        !agents.certified(tenant, agent.id, &key, &next, &rolled).await?,
        "certified for a key that is not in use"
    );
    ensure!(agents.certified(tenant, agent.id, &agent.identity_key, &next, &rolled).await?);
    let held = agents.get(tenant, agent.id).await?.context("the agent")?;
    assert_eq!((&held.identity_key, held.next_identity.as_ref()), (&agent.identity_key, Some(&next)));

    let sealing = f.sealing(agent.id, &SigningKey::generate(&f.random), &agent.forests);
    let former = FormerChain { chain: agent.chain().context("a chain")?, key: key.id(), until: NOW };
    let hello = |key: &PublicKey, identity| Hello {
        version: "0.3.0".into(),
        epoch: EpochId::random(&f.random),
        identity_key: key.clone(),
        identity,
        former: vec![former.clone()],
        sealing: sealing.clone(),
        claim: agent.claim.clone(),
    };
    ensure!(agents.said_hello(tenant, agent.id, &hello(&key, next.certificate.clone()), &[], NOW).await?);
    let held = agents.get(tenant, agent.id).await?.context("the agent")?;
    assert_eq!((&held.identity_key, &held.identity), (&key, &next.certificate));
    assert_eq!((held.next_identity, held.former), (None, vec![former.clone()]));
    let old = hello(&agent.identity_key, agent.identity.clone());
    let told = [fact(f, Activity::AgentForestTaken)];
    ensure!(!agents.said_hello(tenant, agent.id, &old, &told, NOW).await?, "a replaced key came back");
    let facts = f.facts(tenant).await?;
    ensure!(facts.len() == 1, "a fact about what was not kept, or none about what was: {facts:?}");

    ensure!(agents.rename(tenant, agent.id, "Milano").await?);
    assert_eq!(agents.get(tenant, agent.id).await?.context("the agent")?.name, "Milano");
    Ok(())
}

async fn recipients_are_who_may_receive(f: &Fixture) -> Result<()> {
    let fabrikam = vec![Forest("fabrikam.test".into())];
    let agents = f.store.agents();
    let early = Agent { last_seen_at: Some(NOW), ..f.agent("early") };
    let late = Agent { last_seen_at: Some(NOW.plus(Duration::from_secs(1))), ..f.agent("late") };
    let never_heard = f.agent("never heard");
    let not_these = [
        Agent { writeback_on: false, ..f.agent("off") },
        Agent { revoked_at: Some(NOW), ..f.agent("revoked") },
        Agent { sealing: None, ..f.agent("no key yet") },
        Agent {
            forests: fabrikam.clone(),
            claim: ForestClaim::enrolled(fabrikam.clone()),
            ..f.agent("elsewhere")
        },
    ];
    for agent in [&early, &late, &never_heard].into_iter().chain(&not_these) {
        agents.insert(agent).await?;
    }
    let found = agents.recipients(f.tenant.id, &Forest("contoso.test".into())).await?;
    assert_eq!(found, [late, early, never_heard]);
    Ok(())
}

async fn revoked_is_revoked(f: &Fixture) -> Result<()> {
    let agents = f.store.agents();
    let agent = f.agent("dc1");
    agents.insert(&agent).await?;
    ensure!(!agents.revoke(f.other_tenant().await?, agent.id, NOW).await?);
    ensure!(agents.revoke(f.tenant.id, agent.id, NOW).await?);
    ensure!(!agents.revoke(f.tenant.id, agent.id, NOW.plus(Duration::from_secs(1))).await?);
    ensure!(!agents.set_writeback(f.tenant.id, agent.id, true).await?);
    let health = Health { at: NOW, writeback_on: true, forests: vec![], round_trip_ms: None };
    ensure!(!agents.reported(f.tenant.id, agent.id, &health, NOW).await?);
    let stored = agents.get(f.tenant.id, agent.id).await?;
    assert_eq!(stored, Some(Agent { revoked_at: Some(NOW), writeback_on: false, ..agent }));
    Ok(())
}
