//! Passkeys of administrators: each one account's, each ceremony used once, and the last factor of an account kept.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::administrator::Administrator;
use ritorno_identity::authenticator::AppSecret;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::array;
use ritorno_storage::{AdministratorPasskey, Beside, Ceremony, NodeKey, PASSKEYS_AT_MOST};

use crate::fixture::{Fixture, NOW, on_both, parallel};
use crate::methods::shown;

on_both!(
    a_passkey_is_one_accounts_and_used_with_its_ceremony,
    a_ceremony_is_one_browsers_and_kinds_and_used_once,
    the_last_factor_stays_whoever_removes_at_once,
    the_first_factor_is_one,
);

fn passkey(owner: &Administrator, id: &str) -> AdministratorPasskey {
    AdministratorPasskey {
        id: id.to_owned(),
        administrator: owner.id,
        name: format!("{id} of {}", owner.name),
        credential: "counter 0".to_owned(),
        registered_at: NOW,
        last_used_at: None,
    }
}

fn browser(f: &Fixture) -> TokenDigest {
    TokenDigest(array(&f.random))
}

async fn a_passkey_is_one_accounts_and_used_with_its_ceremony(f: &Fixture) -> Result<()> {
    let (chiara, paolo) = (f.administrator("Chiara").await?, f.administrator("Paolo").await?);
    let (passkeys, tenant, here) = (f.store.administrator_passkeys(), f.tenant.id, browser(f));
    ensure!(passkeys.insert(tenant, &passkey(&chiara, "a"), Beside::Nothing).await?);
    ensure!(!passkeys.insert(tenant, &passkey(&paolo, "a"), Beside::Others).await?, "it is Chiara's");
    assert_eq!(f.store.administrators().get(tenant, chiara.id).await?.map(|one| one.passkeys), Some(1));
    let listed = f.store.administrators().list(tenant).await?;
    assert_eq!(listed.iter().map(|one| one.passkeys).collect::<Vec<_>>(), [1, 0]);
    let attempt = async |of: TenantId, owner, id: &str, after: Option<&str>| {
        passkeys.begin(of, (here, Ceremony::Use), "state", NOW.plus(Duration::from_secs(60))).await?;
        let verify = |state: &str, _: &AdministratorPasskey| {
            assert_eq!(state, "state");
            after.map(str::to_owned)
        };
        passkeys.attempt(of, here, (owner, id), NOW, verify).await
    };
    ensure!(attempt(tenant, None, "b", Some("1")).await?.is_none(), "nobody's");
    ensure!(attempt(tenant, Some(paolo.id), "a", Some("1")).await?.is_none(), "not Paolo's");
    ensure!(attempt(f.other_tenant().await?, None, "a", Some("1")).await?.is_none(), "another tenant's");
    ensure!(attempt(tenant, None, "a", None).await?.is_none(), "it did not answer right");
    let used = attempt(tenant, None, "a", Some("counter 1")).await?.map(|one| one.administrator);
    assert_eq!(used, Some(chiara.id));
    ensure!(attempt(tenant, Some(chiara.id), "a", Some("counter 2")).await?.is_some());
    let kept = passkeys.list(tenant, chiara.id).await?;
    assert_eq!((kept[0].credential.as_str(), kept[0].last_used_at), ("counter 2", Some(NOW)));
    for number in 1..PASSKEYS_AT_MOST {
        ensure!(passkeys.insert(tenant, &passkey(&chiara, &number.to_string()), Beside::Others).await?);
    }
    ensure!(!passkeys.insert(tenant, &passkey(&chiara, "more"), Beside::Others).await?);
    // They go with the account.
    f.store.administrators().remove(tenant, chiara.id).await?;
    ensure!(passkeys.list(tenant, chiara.id).await?.is_empty());
    Ok(())
}

async fn a_ceremony_is_one_browsers_and_kinds_and_used_once(f: &Fixture) -> Result<()> {
    let (passkeys, tenant, here) = (f.store.administrator_passkeys(), f.tenant.id, browser(f));
    let until = NOW.plus(Duration::from_secs(60));
    for (kind, state) in [(Ceremony::Use, "former"), (Ceremony::Make, "made"), (Ceremony::Use, "used")] {
        passkeys.begin(tenant, (here, kind), state, until).await?;
    }
    ensure!(passkeys.take(tenant, (browser(f), Ceremony::Use), NOW).await?.is_none(), "another browser");
    ensure!(passkeys.take(f.other_tenant().await?, (here, Ceremony::Use), NOW).await?.is_none());
    assert_eq!(passkeys.take(tenant, (here, Ceremony::Use), NOW).await?.as_deref(), Some("used"));
    ensure!(passkeys.take(tenant, (here, Ceremony::Use), NOW).await?.is_none(), "once");
    ensure!(passkeys.take(tenant, (here, Ceremony::Make), until).await?.is_none(), "too late");
    passkeys.begin(tenant, (here, Ceremony::Make), "left", until).await?;
    f.store.purge(until).await?;
    ensure!(passkeys.take(tenant, (here, Ceremony::Make), NOW).await?.is_none(), "purged");
    passkeys.begin(tenant, (here, Ceremony::Make), "left", until).await?;
    f.store.forget_what_is_short_lived().await?;
    ensure!(passkeys.take(tenant, (here, Ceremony::Make), NOW).await?.is_none(), "of a restored database");
    Ok(())
}

async fn the_last_factor_stays_whoever_removes_at_once(f: &Fixture) -> Result<()> {
    let (passkeys, tenant) = (f.store.administrator_passkeys(), f.tenant.id);
    for round in 0..10 {
        let one = f.administrator(&format!("number {round}")).await?;
        let ids = ["a", "b"].map(|id| format!("{id}{round}"));
        for id in &ids {
            ensure!(passkeys.insert(tenant, &passkey(&one, id), Beside::Others).await?);
        }
        let removed = parallel(2, |number| {
            let (store, id, owner) = (f.store.clone(), ids[number].clone(), one.id);
            async move { store.administrator_passkeys().remove(tenant, owner, &id).await }
        });
        assert_eq!(removed.await?.iter().flatten().count(), 1);
        assert_eq!(passkeys.list(tenant, one.id).await?.len(), 1);
    }
    // With an app it is not the last one; from the command line it may be.
    let chiara = f.administrator("Chiara").await?;
    ensure!(passkeys.insert(tenant, &passkey(&chiara, "x"), Beside::Nothing).await?);
    ensure!(passkeys.remove(tenant, chiara.id, "x").await?.is_none());
    let taken = passkeys.take_away(tenant, chiara.id, "x").await?;
    assert_eq!(taken.map(|one| one.name).as_deref(), Some("x of Chiara"));
    app(f, &chiara, Beside::Nothing).await?;
    ensure!(passkeys.insert(tenant, &passkey(&chiara, "x"), Beside::Others).await?);
    ensure!(passkeys.remove(f.other_tenant().await?, chiara.id, "x").await?.is_none());
    ensure!(passkeys.remove(tenant, chiara.id, "x").await?.is_some());
    Ok(())
}

/// Sets an app up; whether it could be.
async fn app(f: &Fixture, owner: &Administrator, beside: Beside) -> Result<bool> {
    let (apps, key, secret) =
        (f.store.administrator_apps(), NodeKey::new([3; 32]), AppSecret::random(&f.random));
    let Some(secret) = apps.propose(f.tenant.id, owner.id, &secret, &key, &f.random).await? else {
        return Ok(false);
    };
    let step = secret.step_of(&shown(&secret, NOW), NOW).expect("its own code");
    Ok(apps.adopt(f.tenant.id, owner.id, (&secret, step), &key, beside).await?)
}

async fn the_first_factor_is_one(f: &Fixture) -> Result<()> {
    let (passkeys, tenant) = (f.store.administrator_passkeys(), f.tenant.id);
    let chiara = f.administrator("Chiara").await?;
    ensure!(passkeys.insert(tenant, &passkey(&chiara, "a"), Beside::Nothing).await?);
    ensure!(!passkeys.insert(tenant, &passkey(&chiara, "b"), Beside::Nothing).await?, "a second first one");
    ensure!(!app(f, &chiara, Beside::Nothing).await?, "the first one is a passkey");
    ensure!(app(f, &chiara, Beside::Others).await?);
    let paolo = f.administrator("Paolo").await?;
    ensure!(app(f, &paolo, Beside::Nothing).await?);
    ensure!(!passkeys.insert(tenant, &passkey(&paolo, "c"), Beside::Nothing).await?, "it is an app");
    ensure!(passkeys.insert(tenant, &passkey(&paolo, "c"), Beside::Others).await?);
    Ok(())
}
