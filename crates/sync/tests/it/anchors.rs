//! Source anchors: immutable, and never two people by one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ritorno_sync::{ObjectFault, RunOutcome};

use crate::world::{World, guid, object};

#[tokio::test]
async fn a_changed_anchor_is_an_error_that_names_both_and_the_person_stays() {
    let world = World::new().await;
    world.cycle(vec![object(1, &[]), object(2, &[])]).await;
    let changed = object(1, &[("mS-DS-ConsistencyGuid", "sixteen bytes ok"), ("displayName", "Other")]);
    let [import, ..] = world.cycle(vec![changed, object(2, &[])]).await;
    assert_eq!(import.outcome, RunOutcome::CompletedWithErrors);
    let errors = world.engine.errors(import.id, 10).await.unwrap();
    let (from, to) = (STANDARD.encode(guid(1)), STANDARD.encode("sixteen bytes ok"));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].fault, ObjectFault::AnchorChanged { from: from.clone(), to: to.clone() });
    let text = errors[0].to_string();
    assert!(text.contains(&from) && text.contains(&to) && text.contains("CN=user1"), "{text}");
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test"]);
    assert_eq!(world.service.tenant().by_anchor()[&from].display_name.as_deref(), Some("user1"));
    // Restored, it is in order again.
    let [import, ..] = world.cycle(vec![object(1, &[("displayName", "Other")]), object(2, &[])]).await;
    assert_eq!(import.outcome, RunOutcome::Succeeded);
    assert_eq!(world.service.tenant().by_anchor()[&from].display_name.as_deref(), Some("Other"));
}

#[tokio::test]
async fn a_duplicate_of_a_joined_anchor_is_held_back_and_listed() {
    let world = World::new().await;
    let shared = [("mS-DS-ConsistencyGuid", "sixteen bytes ok")];
    world.cycle(vec![object(1, &shared)]).await;
    let [_, sync, export] = world.cycle(vec![object(1, &shared), object(2, &shared), object(3, &[])]).await;
    assert_eq!((sync.outcome, export.outcome), (RunOutcome::CompletedWithErrors, RunOutcome::Succeeded));
    let errors = world.engine.errors(sync.id, 10).await.unwrap();
    let anchor = STANDARD.encode("sixteen bytes ok");
    let other = "CN=user1,DC=contoso,DC=test".to_owned();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].object, "CN=user2,DC=contoso,DC=test");
    assert_eq!(errors[0].fault, ObjectFault::AnchorDuplicate { anchor, other });
    assert_eq!(world.names(), ["user1@contoso.test", "user3@contoso.test"]);
    assert_eq!(world.engine.status().await.unwrap()[0].faulty, 1);
}

#[tokio::test]
async fn of_two_new_objects_with_one_anchor_neither_is_taken_until_one_gives_it_up() {
    let world = World::new().await;
    let shared = [("mS-DS-ConsistencyGuid", "sixteen bytes ok")];
    let [_, sync, _] = world.cycle(vec![object(1, &shared), object(2, &shared)]).await;
    assert_eq!(sync.counts.errors, 2);
    assert!(world.names().is_empty());
    let [_, sync, _] = world.cycle(vec![object(1, &shared), object(2, &[])]).await;
    assert_eq!(sync.counts.errors, 0);
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test"]);
    assert_eq!(world.engine.status().await.unwrap()[0].faulty, 0);
}

#[tokio::test]
async fn an_anchor_of_another_length_is_an_error_of_that_object_only() {
    let world = World::new().await;
    let [import, ..] =
        world.cycle(vec![object(1, &[("mS-DS-ConsistencyGuid", "short")]), object(2, &[])]).await;
    let errors = world.engine.errors(import.id, 10).await.unwrap();
    assert_eq!(errors[0].fault, ObjectFault::AnchorMalformed { bytes: 5 });
    assert_eq!(world.names(), ["user2@contoso.test"]);
}
