//! The deletion guard.

use std::time::Duration;

use ritorno_sync::{Guard, HeldBecause, ImportedObject, RemovalKind, Run, RunOutcome, SyncError};

use crate::world::{Objects, World, leaving_out, object};

async fn ten_people(guard: Guard) -> World {
    let mut world = World::new().await;
    world.connector.guard = guard;
    world.cycle((0..10).map(|number| object(number, &[])).collect()).await;
    world
}

#[tokio::test]
async fn too_many_removals_stop_the_export_until_that_list_is_approved() {
    let world = ten_people(Guard { removals: 3, percent: None, ..Guard::default() }).await;
    let requests = world.service.tenant().requests.len();
    let disabled = object(9, &[("userAccountControl", "514")]);
    let mut rest: Vec<_> = (3..9).map(|number| object(number, &[])).collect();
    rest.push(disabled);
    world.import(rest).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 4, recent: 0, because, digest } = held else { panic!("{held}") };
    assert_eq!(because, HeldBecause::OverThreshold { threshold: 3 });
    assert_eq!(world.service.tenant().requests.len(), requests, "nothing went out, changes neither");
    assert_eq!(world.engine.history(1).await.unwrap()[0].outcome, RunOutcome::Failed);

    let removals = world.engine.removals("contoso.test").await.unwrap();
    assert_eq!(removals.digest, digest);
    assert_eq!(removals.list.iter().filter(|removal| removal.kind == RemovalKind::Delete).count(), 3);
    let disable = removals.list.iter().find(|removal| removal.kind == RemovalKind::Disable).unwrap();
    assert_eq!(disable.user_principal_name.as_deref(), Some("user9@contoso.test"));

    let other = world.engine.approve("contoso.test", "00").await.unwrap_err();
    assert!(matches!(other, SyncError::OtherList { now } if now == digest));
    world.engine.approve("contoso.test", &digest).await.unwrap();
    let export = world.export().await.unwrap();
    assert_eq!((export.counts.deletes, export.counts.updates), (3, 1));
    assert_eq!(world.names().len(), 7);
}

#[tokio::test]
async fn since_when_a_list_is_held_is_told_by_the_history_and_begins_anew_with_another_export() {
    let world = ten_people(Guard { removals: 3, percent: None, ..Guard::default() }).await;
    let held = async || {
        world.import((4..10).map(|number| object(number, &[])).collect()).await.unwrap();
        world.sync().await.unwrap();
        let SyncError::Held { digest, .. } = world.export().await.unwrap_err() else { panic!() };
        digest
    };
    let digest = held().await;
    let since = async |digest: &str| {
        world.engine.held_since("contoso.test", digest).await.unwrap().map(|(since, _)| since)
    };
    let first = since(&digest).await.unwrap();
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(held().await, digest);
    let (again, said) = world.engine.held_since("contoso.test", &digest).await.unwrap().unwrap();
    assert!(again == first && said.contains("the threshold is 3"), "{said}");
    assert_eq!(since(&"0".repeat(64)).await, None, "another list was not held");

    // All are back; then the same ones go once more, which is another matter.
    world.import((0..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(since(&digest).await, None);
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(held().await, digest);
    assert!(since(&digest).await.unwrap() > first);

    // An approval that was given elsewhere a while ago lasts the rest of its time.
    world.engine.approve_for("contoso.test", &digest, Duration::from_secs(60)).await.unwrap();
    assert_eq!(world.engine.removals("contoso.test").await.unwrap().list, []);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.engine.removals("contoso.test").await.unwrap().digest, digest);
}

#[tokio::test]
async fn delta_runs_that_met_nothing_are_no_news() {
    let world = ten_people(Guard::default()).await;
    let last = world.engine.history(1).await.unwrap()[0].id;
    let earlier = world.engine.news(0).await.unwrap().unwrap();
    for _ in 0..3 {
        world.run(Run::DeltaSync).await.unwrap();
    }
    assert!(world.engine.history(1).await.unwrap()[0].id > last);
    assert_eq!(world.engine.news(earlier).await.unwrap(), None);
    let notable = world.engine.notable("contoso.test", 50).await.unwrap();
    assert!(!notable.is_empty() && notable.iter().all(|run| run.id <= last));
    assert_eq!(world.engine.notable("elsewhere.test", 50).await.unwrap(), []);
    world.import((1..10).map(|number| object(number, &[])).collect()).await.unwrap();
    assert!(world.engine.news(earlier).await.unwrap().is_some_and(|run| run > last));
}

#[tokio::test]
async fn an_approval_that_is_not_used_within_a_day_is_over() {
    let world = ten_people(Guard { removals: 3, percent: None, ..Guard::default() }).await;
    world.import((4..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    let held = async || {
        let SyncError::Held { pending: 4, digest, .. } = world.export().await.unwrap_err() else { panic!() };
        digest
    };
    let digest = held().await;
    world.engine.approve("contoso.test", &digest).await.unwrap();
    assert_eq!(world.engine.removals("contoso.test").await.unwrap().list, []);
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(held().await, digest);
    world.engine.approve("contoso.test", &digest).await.unwrap();
    world.clock.advance(Duration::from_secs(23 * 3_600));
    assert_eq!(world.export().await.unwrap().counts.deletes, 4);
}

#[tokio::test]
async fn an_approval_of_one_list_does_not_make_another_ones_longer() {
    let world = ten_people(Guard { removals: 1, percent: None, ..Guard::default() }).await;
    let only = async |from: u16| {
        world.import((from..10).map(|number| object(number, &[])).collect()).await.unwrap();
        world.sync().await.unwrap();
        world.engine.removals("contoso.test").await.unwrap()
    };
    let first = only(2).await;
    world.engine.approve("contoso.test", &first.digest).await.unwrap();
    world.clock.advance(Duration::from_secs(23 * 3_600));
    let second = only(5).await;
    assert_eq!(second.list.len(), 3);
    world.engine.approve("contoso.test", &second.digest).await.unwrap();
    world.clock.advance(Duration::from_secs(2 * 3_600));
    // The first list's day is over, the second one's is not.
    let waits = world.engine.removals("contoso.test").await.unwrap().list;
    assert_eq!(waits, first.list);
    assert!(matches!(world.export().await, Err(SyncError::Held { pending: 2, .. })));
}

#[tokio::test]
async fn a_percentage_of_the_people_holds_as_well() {
    let world = ten_people(Guard { removals: 500, percent: Some(20), ..Guard::default() }).await;
    world.cycle((2..10).map(|number| object(number, &[])).collect()).await;
    assert_eq!(world.names().len(), 8, "two of ten are 20 %");
    world.import((3..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 1, recent: 2, because, .. } = held else { panic!("{held}") };
    assert_eq!(
        because,
        HeldBecause::OverPercentage { percent: 20, of: 10 },
        "with what went in the last 24 hours"
    );
}

#[tokio::test]
async fn an_approval_holds_for_its_list_only() {
    let world = ten_people(Guard { removals: 1, percent: None, ..Guard::default() }).await;
    world.import((3..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    let digest = world.engine.removals("contoso.test").await.unwrap().digest;
    world.engine.approve("contoso.test", &digest).await.unwrap();
    world.import((5..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    assert!(matches!(world.export().await, Err(SyncError::Held { pending: 2, .. })));
    assert_eq!(world.names().len(), 10);
}

#[tokio::test]
async fn removals_add_up_over_a_day() {
    let world = ten_people(Guard { removals: 3, percent: None, ..Guard::default() }).await;
    world.cycle((3..10).map(|number| object(number, &[])).collect()).await;
    assert_eq!(world.names().len(), 7);
    world.clock.advance(Duration::from_secs(23 * 3600));
    world.import((4..10).map(|number| object(number, &[])).collect()).await.unwrap();
    world.sync().await.unwrap();
    assert!(matches!(world.export().await, Err(SyncError::Held { pending: 1, recent: 3, .. })));
    world.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(world.export().await.unwrap().counts.deletes, 1);
}

#[tokio::test]
async fn after_a_change_of_scope_or_rules_the_first_removal_is_held() {
    let mut world = ten_people(Guard::default()).await;
    let mut source = Objects::new((1..10).map(|number| object(number, &[])).collect(), 100);
    source.scope = "OU=Staff,DC=contoso,DC=test".into();
    world.run(ritorno_sync::Run::FullImport(&mut source)).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 1, because: HeldBecause::ScopeChanged, digest, .. } = held else {
        panic!("{held}")
    };
    world.engine.approve("contoso.test", &digest).await.unwrap();
    assert_eq!(world.export().await.unwrap().counts.deletes, 1);

    world.connector.rules = leaving_out("user1");
    world.sync().await.unwrap();
    assert!(matches!(world.export().await, Err(SyncError::Held { because: HeldBecause::ScopeChanged, .. })));
    assert_eq!(world.names().len(), 9);
}

#[tokio::test]
async fn a_container_that_lost_all_its_people_at_once_is_held() {
    let within = |number: u16, unit: &str| {
        let object = object(number, &[]);
        ImportedObject { dn: format!("CN=user{number},OU={unit},DC=contoso,DC=test"), ..object }
    };
    let world = World::new().await;
    let staff = || (0..3).map(|number| within(number, "Staff"));
    let sales = |from| (from..15).map(move |number| within(number, "Sales"));
    let below = || (20..21).map(|number| within(number, "Rome,OU=Sales"));
    world.cycle(staff().chain(sales(10)).chain(below()).collect()).await;
    // Four of five: deletions as they happen.
    world.cycle(staff().chain(sales(14)).chain(below()).collect()).await;
    world.cycle(staff().chain(sales(10)).chain(below()).collect()).await;
    // All of one unit, while one below it is still seen: it is there.
    world.cycle(staff().chain(below()).collect()).await;
    assert_eq!(world.names().len(), 4);
    world.cycle(staff().chain(sales(10)).collect()).await;
    // All of it.
    world.import(staff().collect()).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { pending: 5, because, digest, .. } = held else { panic!("{held}") };
    let container = "OU=Sales,DC=contoso,DC=test".to_owned();
    assert_eq!(because, HeldBecause::ContainerLost { container, people: 5 });
    // It comes into sight again, and nobody was removed.
    world.cycle(staff().chain(sales(10)).collect()).await;
    assert_eq!(world.names().len(), 8);
    // Or it is gone for good, and somebody has seen it.
    world.import(staff().collect()).await.unwrap();
    world.sync().await.unwrap();
    assert_eq!(world.engine.removals("contoso.test").await.unwrap().digest, digest);
    world.engine.approve("contoso.test", &digest).await.unwrap();
    assert_eq!(world.export().await.unwrap().counts.deletes, 5);
}

#[tokio::test]
async fn an_import_that_sees_nothing_removes_nothing() {
    let world = ten_people(Guard::default()).await;
    assert!(matches!(world.import(Vec::new()).await, Err(SyncError::NothingSeen { before: 10 })));
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(world.names().len(), 10);
}

#[tokio::test]
async fn who_is_gone_is_suspended_first_and_removed_when_the_time_is_over() {
    let mut world = ten_people(Guard::default()).await;
    world.connector.suspend_first = Some(Duration::from_secs(7 * 24 * 3600));
    let people = |from: u16| (from..10).map(|number| object(number, &[])).collect::<Vec<_>>();
    let active = |world: &World| world.service.tenant().users.values().filter(|user| user.active).count();
    world.cycle(people(2)).await;
    assert_eq!((world.names().len(), active(&world)), (10, 8), "there, and may not sign in");
    // One comes back in time, as who they were.
    world.clock.advance(Duration::from_secs(6 * 24 * 3600));
    world.cycle(people(1)).await;
    assert_eq!((world.names().len(), active(&world)), (10, 9));
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let [_, sync, export] = world.cycle(people(1)).await;
    assert_eq!((sync.counts.deletes, export.counts.deletes), (1, 1));
    assert_eq!((world.names().len(), active(&world)), (9, 9));
    assert!(!world.names().contains(&"user0@contoso.test".to_owned()));
    // A suspension counts at the guard, and so does a container lost from sight.
    world.connector.guard = Guard { removals: 0, percent: None, ..Guard::default() };
    world.import(people(2)).await.unwrap();
    world.sync().await.unwrap();
    assert!(matches!(world.export().await, Err(SyncError::Held { pending: 1, .. })));
    world.connector.guard = Guard::default();
    world.clock.advance(Duration::from_secs(24 * 3600));
    let elsewhere = || object(20, &[]);
    let sales = people(2).into_iter().map(|object| {
        let dn = object.dn.replace(",DC=contoso", ",OU=Sales,DC=contoso");
        ImportedObject { dn, ..object }
    });
    world.cycle(sales.chain([elsewhere()]).collect()).await;
    world.import(vec![elsewhere()]).await.unwrap();
    world.sync().await.unwrap();
    let held = world.export().await.unwrap_err();
    let SyncError::Held { because, .. } = held else { panic!("{held}") };
    let container = "OU=Sales,DC=contoso,DC=test".to_owned();
    assert_eq!(because, HeldBecause::ContainerLost { container, people: 8 });
}
