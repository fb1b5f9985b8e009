//! Members whom only the tenant knows: they count at the deletion guard as everybody does.

use ritorno_protocol::scim::Member;
use ritorno_sync::{HeldBecause, Run, SyncError};

use crate::groups::{all, full, group, set, tenant};
use crate::world::{World, object};

/// Makes these members of the only group over there, and has a confirming import see it.
async fn put_in(world: &World, ids: &[&str]) {
    let member = |id: &&str| Member { value: (*id).to_owned(), kind: Default::default() };
    world.service.tenant().groups.values_mut().next().unwrap().members.extend(ids.iter().map(member));
    world.run(Run::ConfirmingImport { target: &world.target, lease_epoch: 1 }).await.unwrap();
}

#[tokio::test]
async fn members_whom_this_store_never_exported_count_at_the_guard_too() {
    let mut world = World::new().await;
    world.connector.guard.memberships = 3;
    full(&world, (0..3).map(|number| object(number, &[])).chain([group(100, all(&[0, 1, 2]))]).collect())
        .await;
    let members = || world.service.tenant().groups.values().next().unwrap().members.len();
    // People of the tenant's own, say: to this store they are ids and nothing else.
    put_in(&world, &["9000", "9001"]).await;
    world.export().await.unwrap();
    assert_eq!(members(), 3);
    put_in(&world, &["9000", "9001"]).await;
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 2, recent: 2, because, digest } = held else { panic!("{held}") };
    assert_eq!(because, HeldBecause::OverMemberships { threshold: 3 });
    assert_eq!(members(), 5, "nobody left");
    let list = world.engine.removals("contoso.test").await.unwrap().list;
    let named: Vec<_> = list.iter().map(|removal| removal.user_principal_name.as_deref()).collect();
    assert_eq!(named, [Some("9000"), Some("9001")], "by what the tenant calls them");
    world.engine.approve("contoso.test", &digest).await.unwrap();
    world.export().await.unwrap();
    assert_eq!(members(), 3);
}

#[tokio::test]
async fn who_was_put_into_a_group_over_there_and_goes_altogether_counts_once() {
    let mut world = World::new().await;
    world.connector.guard.memberships = 1;
    let people = |count: u16| (0..count).map(|number| object(number, &[]));
    let group = || [group(100, all(&[0]))];
    full(&world, people(3).chain(group()).collect()).await;
    let id = {
        let tenant = world.service.tenant();
        tenant.users.iter().find(|(_, user)| user.user_name.starts_with("user2@")).unwrap().0.to_string()
    };
    put_in(&world, &[&id]).await;
    full(&world, people(2).chain(group()).collect()).await;
    put_in(&world, &["9000"]).await;
    world.export().await.unwrap();
    assert_eq!(tenant(&world)["group100"], set(&["user0"]));
}
