//! Groups at the deletion guard: those that go, and who leaves them.

use ritorno_sync::{Changed, HELD_IN_TENANT_AGAIN, HeldBecause, RemovalKind, Run, SyncError};

use crate::groups::{Delta, all, changed, delta, full, group, set, tenant};
use crate::world::{World, guid, object};

#[tokio::test]
async fn a_group_that_goes_counts_at_the_deletion_guard() {
    let mut world = World::new().await;
    world.connector.guard.removals = 1;
    let people = || [object(1, &[])];
    full(&world, people().into_iter().chain((100..103).map(|n| group(n, all(&[1])))).collect()).await;
    world.import(people().to_vec()).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 3, because, digest, .. } = held else { panic!("{held}") };
    assert_eq!(because, HeldBecause::OverThreshold { threshold: 1 });
    let list = world.engine.removals("contoso.test").await.unwrap().list;
    assert_eq!(list[0].user_principal_name.as_deref(), Some("group100"));
    world.engine.approve("contoso.test", &digest).await.unwrap();
    world.export().await.unwrap();
    assert!(tenant(&world).is_empty());
}

#[tokio::test]
async fn who_leaves_a_group_counts_at_the_guard_and_who_goes_altogether_counts_once() {
    let mut world = World::new().await;
    world.connector.guard.memberships = 3;
    let people = || (0..10).map(|number| object(number, &[]));
    let members: Vec<u16> = (0..10).collect();
    full(&world, people().chain([group(100, all(&members)), group(101, all(&members))]).collect()).await;
    // Somebody who goes leaves their groups by that, and is counted as who goes.
    world.connector.guard.removals = 2;
    delta(&world, vec![Changed::Present(group(100, changed(&[], &[8]))), Changed::Gone(guid(8))]).await;
    delta(&world, vec![Changed::Present(group(100, changed(&[], &[0, 1])))]).await;
    world
        .run(Run::DeltaImport(&mut Delta(vec![Changed::Present(group(101, changed(&[], &[2, 3])))])))
        .await
        .unwrap();
    world.run(Run::DeltaSync).await.unwrap();
    let before = world.service.tenant().requests.len();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 2, recent: 2, because, digest } = held else { panic!("{held}") };
    assert_eq!(because, HeldBecause::OverMemberships { threshold: 3 });
    assert_eq!(world.service.tenant().requests.len(), before, "nothing went out");
    let removals = world.engine.removals("contoso.test").await.unwrap();
    let told: Vec<_> =
        removals.list.iter().map(|r| (r.user_principal_name.clone().unwrap(), r.kind.clone())).collect();
    let leave = |name: &str| (name.to_owned(), RemovalKind::Leave { group: "group101".into() });
    assert_eq!(told.len(), 2);
    assert!(
        told.contains(&leave("user2@contoso.test")) && told.contains(&leave("user3@contoso.test")),
        "{told:?}"
    );
    // One of them comes back: another list.
    world
        .run(Run::DeltaImport(&mut Delta(vec![Changed::Present(group(101, changed(&[2], &[4])))])))
        .await
        .unwrap();
    let other = world.engine.approve("contoso.test", &digest).await.unwrap_err();
    let SyncError::OtherList { now } = other else { panic!("{other}") };
    world.engine.approve("contoso.test", &now).await.unwrap();
    world.export().await.unwrap();
    assert_eq!(
        tenant(&world)["group101"],
        set(&["user0", "user1", "user2", "user5", "user6", "user7", "user9"])
    );
    // What was approved does not count, and after a day nothing does.
    world.clock.advance(std::time::Duration::from_secs(25 * 3_600));
    delta(&world, vec![Changed::Present(group(101, changed(&[], &[5, 6, 7])))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user0", "user1", "user2", "user9"]));
}

#[tokio::test]
async fn who_is_held_in_the_tenant_keeps_nobody_else_and_is_asked_for_after_a_pause() {
    let world = World::new().await;
    let people: Vec<u16> = (0..70).collect();
    let objects = |of_group: &[u16]| {
        let group = group(101, all(of_group));
        people.iter().map(|number| object(*number, &[])).chain([group]).collect::<Vec<_>>()
    };
    full(&world, objects(&people[..69])).await;
    let id_of = |name: &str| {
        let tenant = world.service.tenant();
        let one = tenant.users.iter().find(|(_, user)| user.user_name == name).unwrap();
        one.0.to_string()
    };
    let held: Vec<String> = ["user7@contoso.test", "user8@contoso.test"].map(id_of).to_vec();
    world.service.tenant().held = held;
    // Sixty-six leave, of whom two are held, and one comes.
    let stay = [0, 1, 2, 69];
    world.import(objects(&stay)).await.unwrap();
    world.sync().await.unwrap();
    let export = world.export().await.unwrap();
    assert_eq!(export.counts.errors, 1, "one line for the group");
    assert_eq!(tenant(&world)["group101"], set(&["user0", "user1", "user2", "user7", "user8", "user69"]));
    let status = async || {
        let status = world.engine.status().await.unwrap().remove(0);
        let waiting = world.engine.waiting("contoso.test").await.unwrap();
        let told = (waiting.unsynced, waiting.objects, waiting.members, waiting.paused_members);
        assert_eq!(told, (0, 0, status.pending_members, status.paused_members));
        status
    };
    let seen = status().await;
    assert_eq!((seen.pending_members, seen.held_members, seen.paused_members), (2, 2, 2));
    let asked = || world.service.tenant().patches.len();
    let before = asked();
    world.export().await.unwrap();
    assert_eq!(asked(), before, "nobody is asked for again yet");
    // One of them is back in the group, and goes once more: that is another removal than the one that was held.
    world.import(objects(&[0, 1, 2, 7, 69])).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!((asked(), status().await.held_members), (before, 1));
    world.import(objects(&stay)).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!((asked(), status().await.held_members), (before + 1, 2));
    // An administrator approves them; the agent asks again when its pause is over.
    world.service.tenant().held.clear();
    world.clock.advance(HELD_IN_TENANT_AGAIN - std::time::Duration::from_secs(1));
    world.export().await.unwrap();
    assert_eq!(asked(), before + 1);
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(status().await.paused_members, 0);
    world.export().await.unwrap();
    assert_eq!(tenant(&world)["group101"], set(&["user0", "user1", "user2", "user69"]));
    let seen = status().await;
    assert_eq!((seen.pending_members, seen.held_members), (0, 0));
}

#[tokio::test]
async fn groups_that_all_show_nobody_any_more_are_held() {
    let world = World::new().await;
    let people = || (0..6).map(|number| object(number, &[]));
    let groups = |one: &[u16], other: &[u16]| [group(100, all(one)), group(101, all(other))];
    full(&world, people().chain(groups(&[0, 1, 2], &[3, 4, 5])).collect()).await;
    // One that is emptied is a group that is emptied.
    full(&world, people().chain(groups(&[0, 1, 2], &[])).collect()).await;
    full(&world, people().chain(groups(&[0, 1, 2, 3], &[4, 5])).collect()).await;
    let mut source = crate::world::Objects::new(people().chain(groups(&[], &[])).collect(), 3);
    source.watermark = Some("m".into());
    world.run(Run::FullImport(&mut source)).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { because, .. } = held else { panic!("{held}") };
    assert_eq!(because, HeldBecause::MembersLost { members: 6 });
    assert_eq!(tenant(&world)["group100"].len(), 4);
    // The right is back, and nothing was lost.
    full(&world, people().chain(groups(&[0, 1, 2, 3], &[4, 5])).collect()).await;
    assert_eq!(tenant(&world)["group101"].len(), 2);
}
