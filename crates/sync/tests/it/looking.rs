//! What an operator can see: search, preview, what is pending.

use ritorno_sync::{ImportedObject, Judged, NextExport, PendingKind, Run, Standing};

use crate::groups::{all, group};
use crate::world::{Objects, World, object};

#[tokio::test]
async fn search_finds_by_name_guid_and_anchor_and_takes_wildcards_as_letters() {
    let world = World::new().await;
    let critical = object(2, &[("isCriticalSystemObject", "TRUE"), ("displayName", "Anna 100%")]);
    world.import(vec![object(1, &[("mail", "Anna@contoso.test")]), critical, object(3, &[])]).await.unwrap();
    let found = world.engine.search("anna", 10).await.unwrap();
    assert_eq!(
        found.iter().map(|f| f.account_name.as_deref()).collect::<Vec<_>>(),
        [Some("user1"), Some("user2")]
    );
    assert!(found.iter().all(|found| found.standing == Standing::Waiting));
    world.sync().await.unwrap();
    let found = world.engine.search("%", 10).await.unwrap();
    assert_eq!(found.len(), 1, "a per cent sign is one");
    assert_eq!(found[0].standing, Standing::LeftOut("critical-system-object".into()));
    let third = world.engine.search("CN=user3", 10).await.unwrap().remove(0);
    assert_eq!(third.standing, Standing::Joined);
    for text in [&third.object_guid, &third.anchor] {
        assert_eq!(world.engine.search(text, 10).await.unwrap(), std::slice::from_ref(&third));
    }
}

#[tokio::test]
async fn preview_says_what_would_flow_and_why_and_changes_nothing() {
    let world = World::new().await;
    world.cycle(vec![object(1, &[("sn", "Rossi")]), object(2, &[])]).await;
    let renamed = object(1, &[("sn", "Verdi"), ("otherMailbox", "anna@mail.test")]);
    world.import(vec![renamed]).await.unwrap();
    let find = |text: &'static str| world.engine.search(text, 1);
    let user = find("user1").await.unwrap().remove(0);
    let preview = world.engine.preview(&world.connector, &user).await.unwrap();
    assert_eq!((&preview.judged, preview.export), (&Judged::Person, NextExport::Update));
    let flow = |name: &str| preview.flows.iter().find(|flow| flow.attribute == name).unwrap();
    assert_eq!(
        (flow("surname").from.as_str(), flow("surname").value.as_deref()),
        ("sn (rule surname)", Some("Verdi"))
    );
    assert_eq!(flow("surname").in_tenant.as_deref(), Some("Rossi"));
    assert_eq!(flow("alternateMail").from, "otherMailbox (rule alternate-mail)");
    assert_eq!(flow("enabled").value.as_deref(), Some("true"));
    assert_eq!(flow("mail").value, None);
    // Gone, but not synced yet.
    let gone = find("user2").await.unwrap().remove(0);
    assert_eq!(gone.standing, Standing::Gone);
    let preview = world.engine.preview(&world.connector, &gone).await.unwrap();
    assert_eq!(preview.export, NextExport::Remove);
    // By rules that are not in force yet.
    let mut stricter = world.connector.clone();
    stricter.rules = crate::world::leaving_out("user1");
    let preview = world.engine.preview(&stricter, &user).await.unwrap();
    assert_eq!((preview.judged, preview.export), (Judged::LeftOut("one".into()), NextExport::Remove));
    assert_eq!(world.export().await.unwrap().counts.done(), 0);
}

#[tokio::test]
async fn pending_lists_every_add_change_and_removal() {
    let world = World::new().await;
    world.cycle((0..3).map(|number| object(number, &[])).collect()).await;
    world.import(vec![object(0, &[]), object(1, &[("sn", "Rossi")]), object(9, &[])]).await.unwrap();
    world.sync().await.unwrap();
    assert_eq!(
        pending(&world).await,
        [
            ("user9@contoso.test".to_owned(), PendingKind::Add),
            ("user1@contoso.test".to_owned(), PendingKind::Update(vec!["surname".into()])),
            ("user2@contoso.test".to_owned(), PendingKind::Delete),
        ]
    );
    world.export().await.unwrap();
    assert_eq!(pending(&world).await, []);
}

#[tokio::test]
async fn pending_lists_who_would_join_and_leave_a_group_each_once() {
    let world = World::new().await;
    let people = |numbers: &[u16]| numbers.iter().map(|number| object(*number, &[])).collect::<Vec<_>>();
    let staged = async |numbers: &[u16], groups: Vec<ImportedObject>| {
        let mut source = Objects::new([people(numbers), groups].concat(), 3);
        source.watermark = Some("m".into());
        world.run(Run::FullImport(&mut source)).await.unwrap();
        world.sync().await.unwrap();
    };
    let named = |name: &str, kind: PendingKind| (name.to_owned(), kind);
    let join = |name: &str, group: &str| named(name, PendingKind::Join { group: group.into() });
    let leave = |name: &str, group: &str| named(name, PendingKind::Leave { group: group.into() });
    // Nobody is in the tenant yet; 5 is nobody here.
    staged(&[0, 1, 2], vec![group(100, all(&[0, 1, 5])), group(101, all(&[100]))]).await;
    let first = pending(&world).await;
    assert_eq!(first.iter().filter(|(_, kind)| *kind == PendingKind::Add).count(), 5);
    assert_eq!(
        first[5..],
        [
            join("user0@contoso.test", "group100"),
            join("user1@contoso.test", "group100"),
            join("group100", "group101"),
        ]
    );
    world.export().await.unwrap();
    assert_eq!(pending(&world).await, []);
    // 1 leaves the group and stays, 0 goes with it, 5 comes at last, and is a member of what is there.
    staged(&[1, 2, 5], vec![group(100, all(&[2, 5])), group(101, all(&[100]))]).await;
    assert_eq!(
        pending(&world).await,
        [
            named("user5@contoso.test", PendingKind::Add),
            named("user0@contoso.test", PendingKind::Delete),
            join("user2@contoso.test", "group100"),
            join("user5@contoso.test", "group100"),
            leave("user1@contoso.test", "group100"),
        ]
    );
    world.export().await.unwrap();
    assert_eq!(pending(&world).await, []);
    // A group that goes takes its members with it.
    staged(&[1, 2, 5], vec![group(101, all(&[]))]).await;
    assert_eq!(pending(&world).await, [named("group100", PendingKind::Delete)]);
}

async fn pending(world: &World) -> Vec<(String, PendingKind)> {
    let mut all = Vec::new();
    world.engine.pending("contoso.test", |change| all.push((change.name, change.kind))).await.unwrap();
    all
}
