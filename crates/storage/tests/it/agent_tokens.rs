//! Agents' access.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::agent_token::AgentToken;
use ritorno_identity::token::Token;
use ritorno_protocol::enrolment::ACCESS_VALID;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(holds_until_it_expires_or_the_agent_is_revoked, nonce_is_used_once);

async fn holds_until_it_expires_or_the_agent_is_revoked(f: &Fixture) -> Result<()> {
    let agent = f.agent("dc1");
    f.store.agents().insert(&agent).await?;
    let tokens = f.store.agent_tokens();
    let digest = Token::random(&f.random).digest();
    tokens.insert(&AgentToken::new(digest, f.tenant.id, agent.id, NOW)).await?;
    let end = NOW.plus(ACCESS_VALID);
    assert_eq!(tokens.find(f.tenant.id, &digest, end.minus(Duration::from_millis(1))).await?, Some(agent.id));
    assert_eq!(tokens.find(f.tenant.id, &digest, end).await?, None);
    assert_eq!(tokens.find(f.other_tenant().await?, &digest, NOW).await?, None);
    assert_eq!(tokens.find(f.tenant.id, &Token::random(&f.random).digest(), NOW).await?, None);
    ensure!(f.store.agents().revoke(f.tenant.id, agent.id, NOW).await?);
    assert_eq!(tokens.find(f.tenant.id, &digest, NOW).await?, None);
    Ok(())
}

async fn nonce_is_used_once(f: &Fixture) -> Result<()> {
    let (tenant, agent, stores) = (f.tenant.id, f.agent("dc1").id, [f.store.clone(), f.second().await?]);
    let firsts = parallel(20, |number| {
        let store = stores[number % 2].clone();
        async move { store.agent_tokens().use_nonce(tenant, agent, &[9; 16], NOW).await }
    })
    .await?;
    assert_eq!(firsts.into_iter().filter(|first| *first).count(), 1);
    ensure!(f.store.agent_tokens().use_nonce(tenant, agent, &[8; 16], NOW).await?);
    ensure!(f.store.agent_tokens().use_nonce(tenant, f.agent("dc2").id, &[9; 16], NOW).await?);
    Ok(())
}
