//! Which agent exports for which connector, and that nothing is kept of one that lost the lease.

use std::time::Duration;

use anyhow::Result;
use ritorno_protocol::ids::AgentId;
use ritorno_storage::fence::{self, Fence};
use ritorno_storage::{Outdated, StoreError};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    a_lease_is_taken_with_an_epoch_above_every_other,
    nothing_is_written_under_a_lease_that_is_gone,
    of_many_that_take_it_one_has_it,
);

/// The time in seconds.
fn seconds() -> i64 {
    NOW.unix_ms() / 1_000
}

async fn a_lease_is_taken_with_an_epoch_above_every_other(f: &Fixture) -> Result<()> {
    let (tenant, leases) = (f.tenant.id, f.store.sync_leases());
    let (one, other) = (AgentId::random(&f.random), AgentId::random(&f.random));
    let first = leases.take(tenant, "contoso.test", one, NOW).await?;
    assert_eq!(first, seconds());
    assert_eq!(leases.hold(tenant, "contoso.test", one, first).await?, Ok(()));
    // Within the same second, and with a clock that went back.
    let second = leases.take(tenant, "contoso.test", other, NOW.minus(Duration::from_secs(60))).await?;
    assert_eq!(second, first + 1);
    let outdated = Err(Outdated { named: first, newest: second });
    assert_eq!(leases.hold(tenant, "contoso.test", one, first).await?, outdated);
    assert_eq!(leases.hold(tenant, "contoso.test", other, second).await?, Ok(()));
    let same = Err(Outdated { named: second, newest: second });
    assert_eq!(leases.hold(tenant, "contoso.test", one, second).await?, same, "the epoch is another one's");
    // Agents of a version before name the time, which takes it.
    assert_eq!(leases.hold(tenant, "contoso.test", one, second + 30).await?, Ok(()));
    assert!(leases.hold(tenant, "contoso.test", other, second).await?.is_err());
    // Another connector's, and another tenant's.
    assert_eq!(leases.hold(tenant, "fabrikam.test", other, 1).await?, Ok(()));
    assert_eq!(leases.hold(f.other_tenant().await?, "contoso.test", other, 1).await?, Ok(()));
    Ok(())
}

async fn nothing_is_written_under_a_lease_that_is_gone(f: &Fixture) -> Result<()> {
    let (tenant, leases, users) = (f.tenant.id, f.store.sync_leases(), f.store.users());
    let (one, other) = (AgentId::random(&f.random), AgentId::random(&f.random));
    let epoch = leases.take(tenant, "contoso.test", one, NOW).await?;
    let under = || fence::set(Fence { tenant, connector: "contoso.test".into(), epoch });
    let (before, after, several) = (f.person("before"), f.person("after"), f.person("several"));
    fence::fenced(async {
        under();
        users.insert(&before).await
    })
    .await?;
    // What comes from here on was on its way when another agent took the lease.
    leases.take(tenant, "contoso.test", other, NOW).await?;
    fence::fenced(async {
        under();
        assert!(matches!(users.insert(&after).await, Err(StoreError::Fenced)));
        assert!(matches!(users.insert_many(std::slice::from_ref(&several)).await, Err(StoreError::Fenced)));
        assert!(matches!(users.delete(tenant, before.id).await, Err(StoreError::Fenced)));
        // What takes more than one statement.
        let fact = crate::agents::fact(f, ritorno_identity::audit::Activity::RemovalsApproved);
        let (list, until) = ("0a".repeat(32), NOW.plus(Duration::from_secs(60)));
        let approved = f.store.sync_reports().approve(tenant, one, &list, NOW, until, &fact).await;
        assert!(matches!(approved, Err(StoreError::Fenced)));
    })
    .await;
    assert!(users.get(tenant, before.id).await?.is_some());
    assert!(users.get(tenant, after.id).await?.is_none() && users.get(tenant, several.id).await?.is_none());
    // Whoever is under no lease is kept from nothing.
    users.insert(&after).await?;
    Ok(())
}

async fn of_many_that_take_it_one_has_it(f: &Fixture) -> Result<()> {
    let (tenant, store) = (f.tenant.id, f.store.clone());
    let taken = parallel(20, |_| {
        let (store, agent) = (store.clone(), AgentId::random(&f.random));
        async move { Ok((agent, store.sync_leases().take(tenant, "contoso.test", agent, NOW).await?)) }
    })
    .await?;
    let mut epochs: Vec<i64> = taken.iter().map(|(_, epoch)| *epoch).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (seconds()..seconds() + 20).collect::<Vec<_>>());
    let mut holders = 0;
    for (agent, epoch) in taken {
        let held = store.sync_leases().hold(tenant, "contoso.test", agent, epoch).await?;
        holders += usize::from(held.is_ok());
    }
    assert_eq!(holders, 1);
    Ok(())
}
