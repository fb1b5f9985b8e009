//! Signing keys.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_protocol::certificate::{
    KeyCertificate, KeyRole, OLD_SIGNING_KEY_ACCEPTED, check_server_signing,
};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::signed::Signed;
use ritorno_storage::{NodeKey, StoreError};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(latest_valid_key_signs, other_node_key_opens_nothing);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Stores a key that is valid for ten days from `not_before` on.
async fn add(f: &Fixture, sequence: u64, not_before: Timestamp) -> Result<SigningKey> {
    let key = SigningKey::generate(&f.random);
    let content = KeyCertificate {
        not_before,
        not_after: not_before.plus(10 * DAY),
        ..f.certificate(KeyRole::ServerSigning, key.public(), sequence)
    };
    let certificate = Signed::sign(&content, &f.root);
    f.store.signing_keys().insert(&certificate, &content, &key, &f.node_key, &f.random, None).await?;
    Ok(key)
}

async fn latest_valid_key_signs(f: &Fixture) -> Result<()> {
    let (tenant, keys) = (f.tenant.id, f.store.signing_keys());
    ensure!(keys.current(tenant, &f.node_key, NOW, NOW).await?.is_none());
    let first = add(f, 1, NOW).await?;
    let second = add(f, 2, NOW.plus(9 * DAY)).await?;

    let current = async |now| -> Result<Option<SigningKey>> {
        let Some((key, certificate)) = keys.current(tenant, &f.node_key, now, now).await? else {
            return Ok(None);
        };
        let content = check_server_signing(&certificate, &f.root.public(), tenant, now)?;
        assert_eq!(content.key, key.public());
        Ok(Some(key))
    };
    let public = |key: Option<SigningKey>| key.map(|key| key.public());
    assert_eq!(public(current(NOW).await?), Some(first.public()));
    assert_eq!(public(current(NOW.plus(9 * DAY)).await?), Some(second.public()));
    assert_eq!(public(current(NOW.plus(19 * DAY)).await?), None);
    assert_eq!(public(current(NOW.minus(DAY)).await?), None);

    let spread = keys.current(tenant, &f.node_key, NOW.plus(8 * DAY), NOW.plus(9 * DAY)).await?;
    assert_eq!(
        public(spread.map(|(key, _)| key)),
        Some(first.public()),
        "a new key waits until agents know it"
    );

    let end_of_first = NOW.plus(10 * DAY);
    let at = async |now| Ok::<_, anyhow::Error>(keys.certificates(tenant, now).await?.len());
    let last = end_of_first.plus(OLD_SIGNING_KEY_ACCEPTED).minus(Duration::from_millis(1));
    assert_eq!(at(last).await?, 2, "a replaced key is accepted for 24 hours");
    assert_eq!(at(end_of_first.plus(OLD_SIGNING_KEY_ACCEPTED)).await?, 1);
    let certificates = keys.certificates(tenant, NOW).await?;
    assert_eq!(certificates[0].verify(&f.root.public())?.sequence, 2, "latest first");
    assert_eq!(keys.certificates(f.other_tenant().await?, NOW).await?, []);
    Ok(())
}

async fn other_node_key_opens_nothing(f: &Fixture) -> Result<()> {
    add(f, 1, NOW).await?;
    let opened = f.store.signing_keys().current(f.tenant.id, &NodeKey::new([9; 32]), NOW, NOW).await;
    ensure!(matches!(opened, Err(StoreError::NodeKey)), "{opened:?}");
    Ok(())
}
