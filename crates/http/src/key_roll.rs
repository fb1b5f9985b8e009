//! The server's signing key is replaced after six months, or when somebody asks for it, and no request notices: agents get the
//! new certificate before it is signed with, and take the old key for another day.

use std::time::Duration;

use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::certificate::{KeyCertificate, ROLLED_AFTER};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::random::Random;
use ritorno_storage::StoreError;

use crate::keys::{Keys, KeysError, new_signing_key};
use crate::state::AppState;

/// How often a server looks whether a key was rolled, by itself or by another process. Less than
/// [`crate::keys::SPREAD_WITHIN`], so that agents know a key before anybody signs with it.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A key with less than this left is replaced, however young it is.
const LEAST_LEFT: Duration = Duration::from_secs(30 * 86_400);

/// Why a key is not rolled.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// The root key can't be used.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// The database failed, or another process rolled the key at the same moment.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Keys {
    /// What the newest signing key's certificate says, if there is one that holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self) -> Result<Option<KeyCertificate>, StoreError> {
        let newest = self.store.signing_keys().newest(self.tenant).await?;
        Ok(newest.and_then(|certificate| certificate.verify(self.root()).ok()))
    }

    /// Makes a new signing key and has the root certify it. It signs once the agents had the time to hear of it.
    ///
    /// # Errors
    /// [`RollError`].
    pub async fn roll(&self, now: Timestamp, random: &dyn Random) -> Result<KeyCertificate, RollError> {
        self.roll_past(0, now, random).await
    }

    /// The same, past `skipped` keys that may have been made and are not known any more.
    ///
    /// # Errors
    /// [`RollError`].
    pub async fn roll_past(
        &self,
        skipped: u64,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<KeyCertificate, RollError> {
        let newest = self.newest().await?.map_or(0, |newest| newest.sequence);
        let sequence = newest.saturating_add(skipped).saturating_add(1);
        let root = self.open_root().await?;
        let (key, content, certificate) = new_signing_key(self.tenant, &root, sequence, now, random);
        let fact = Fact {
            id: FactId::random(random),
            tenant: self.tenant,
            at: now,
            activity: Activity::SigningKeyRolled,
            actor: Actor::System,
            target: None,
            from: None,
            success: Success::Success,
            reason: format!("key {}, sequence {sequence}", content.key.id()),
            support_code: None,
            correlation: CorrelationId::random(random),
            request: None,
        };
        // Both or neither: no key is in force that nobody can read of.
        let keys = self.store.signing_keys();
        keys.insert(&certificate, &content, &key, &self.node_key, random, Some(&fact)).await?;
        self.forget();
        Ok(content)
    }
}

/// Whether it is time for a new key.
fn is_due(newest: Option<&KeyCertificate>, now: Timestamp) -> bool {
    newest.is_none_or(|newest| {
        now >= newest.not_before.plus(ROLLED_AFTER) || newest.not_after.since(now) < LEAST_LEFT
    })
}

/// Rolls the key if it is time.
///
/// # Errors
/// [`RollError`].
pub async fn roll_if_due(state: &AppState) -> Result<(), RollError> {
    let now = state.clock.now();
    if is_due(state.keys.newest().await?.as_ref(), now) {
        let made = state.keys.roll(now, &*state.random).await?;
        tracing::info!(key = %made.key.id(), sequence = made.sequence, "the signing key was rolled");
    }
    Ok(())
}

/// Rolls the key when it is time, and tells the agents of one that was rolled here or elsewhere, for as long as it is let.
pub async fn work(state: AppState) {
    let mut told = None;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if let Err(error) = roll_if_due(&state).await {
            tracing::error!(%error, "the signing key is due and can't be rolled; it is tried again");
        }
        let newest = match state.keys.newest().await {
            Ok(newest) => newest.map(|newest| newest.sequence),
            Err(error) => {
                tracing::error!(%error, "the signing keys can't be read");
                continue;
            }
        };
        if newest == told {
            continue;
        }
        state.keys.forget();
        match state.relay.keys_changed(state.tenant).await {
            Ok(()) => told = newest,
            Err(error) => tracing::error!(%error, "the agents can't be told of a new signing key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::certificate::KeyRole;
    use ritorno_protocol::ids::TenantId;
    use ritorno_protocol::key::SigningKey;

    use super::*;
    use crate::keys::SIGNING_VALID;

    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    #[test]
    fn a_key_is_due_after_six_months_or_shortly_before_its_end() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let content = |valid| KeyCertificate {
            tenant: TenantId::random(&Fixed),
            role: KeyRole::ServerSigning,
            key: SigningKey::generate(&Fixed).public(),
            not_before: now,
            not_after: now.plus(valid),
            sequence: 1,
        };
        let day = Duration::from_secs(86_400);
        assert!(is_due(None, now));
        assert!(!is_due(Some(&content(SIGNING_VALID)), now.plus(181 * day)));
        assert!(is_due(Some(&content(SIGNING_VALID)), now.plus(182 * day)));
        // What an earlier version made was valid for six months only.
        assert!(!is_due(Some(&content(182 * day)), now.plus(151 * day)));
        assert!(is_due(Some(&content(182 * day)), now.plus(153 * day)));
    }
}
