//! Device codes.

use anyhow::Result;
use ritorno_identity::device_code::{DeviceCode, DeviceCodeState, UserCode, VALID};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(confirmed_once_and_redeemed_once, expires);

async fn confirmed_once_and_redeemed_once(f: &Fixture) -> Result<()> {
    let (tenant, codes) = (f.tenant.id, f.store.device_codes());
    let (agent, other) = (f.agent("dc1"), f.agent("dc2"));
    f.store.agents().insert(&agent).await?;
    let chiara = f.administrator("Chiara").await?.id;
    let digest = UserCode::random(&f.random).digest(&f.pepper, tenant);
    codes.insert(&DeviceCode::new(digest, tenant, agent.id, NOW)).await?;

    assert_eq!(codes.pending(tenant, &digest, NOW).await?, Some(agent.id));
    assert_eq!(codes.state(tenant, agent.id, &digest, NOW).await?, Some(DeviceCodeState::Pending));
    assert_eq!(codes.redeem(tenant, agent.id, &digest, NOW).await?, None);
    assert_eq!(codes.confirm(f.other_tenant().await?, &digest, chiara, NOW).await?, None);

    assert_eq!(codes.confirm(tenant, &digest, chiara, NOW).await?, Some(agent.id));
    assert_eq!(codes.confirm(tenant, &digest, chiara, NOW).await?, None);
    assert_eq!(codes.pending(tenant, &digest, NOW).await?, None);
    let confirmed = Some(DeviceCodeState::Confirmed(chiara));
    assert_eq!(codes.state(tenant, agent.id, &digest, NOW).await?, confirmed);
    assert_eq!(codes.state(tenant, other.id, &digest, NOW).await?, None);
    assert_eq!(codes.redeem(tenant, other.id, &digest, NOW).await?, None);

    assert_eq!(codes.redeem(tenant, agent.id, &digest, NOW).await?, Some(chiara));
    assert_eq!(codes.redeem(tenant, agent.id, &digest, NOW).await?, None);
    let redeemed = Some(DeviceCodeState::Redeemed(chiara));
    assert_eq!(codes.state(tenant, agent.id, &digest, NOW).await?, redeemed);
    Ok(())
}

async fn expires(f: &Fixture) -> Result<()> {
    let (tenant, codes) = (f.tenant.id, f.store.device_codes());
    let agent = f.agent("dc1");
    f.store.agents().insert(&agent).await?;
    let chiara = f.administrator("Chiara").await?.id;
    let digest = UserCode::random(&f.random).digest(&f.pepper, tenant);
    codes.insert(&DeviceCode::new(digest, tenant, agent.id, NOW)).await?;
    let end = NOW.plus(VALID);
    assert_eq!(codes.confirm(tenant, &digest, chiara, end).await?, None);
    assert_eq!(codes.state(tenant, agent.id, &digest, end).await?, None);
    assert_eq!(codes.confirm(tenant, &digest, chiara, NOW).await?, Some(agent.id));
    assert_eq!(codes.redeem(tenant, agent.id, &digest, end).await?, None);
    Ok(())
}
