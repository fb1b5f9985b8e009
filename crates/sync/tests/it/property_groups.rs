//! Whatever happens to people and groups in the directory, and to the agent: after import, sync and export the tenant has the groups
//! that the rules say, and in each of them exactly whoever is in it.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use ritorno_sync::{Layer, Rules, Run, SyncError};

use crate::group_model::{DOMAIN_USERS, Directory, FIRST_GROUP, UNITS};
use crate::groups::tenant;
use crate::world::{SCOPE, World};

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// It is made, or brought back from deletion.
    Add(u16),
    Delete(u16),
    /// Deleted and brought back before anybody looks.
    Back(u16),
    Rename(u16),
    RenameBack(u16),
    Move(u16, u8),
    Critical(u16),
    Link(u16, u16, bool),
    Primary(u16, u16),
    /// The directory can't go on from any mark that it gave.
    LostCookie,
    /// Import, sync and export; in full, or as deltas.
    Cycle {
        delta: bool,
        reversed: bool,
    },
    /// The same, with one stage dropped at some moment before it is run to its end.
    Crash {
        stage: usize,
        micros: u64,
        delta: bool,
        reversed: bool,
    },
    /// An import that gives only some pages and then breaks off.
    BrokenImport {
        pages: usize,
        delta: bool,
        reversed: bool,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let group = || FIRST_GROUP..FIRST_GROUP + 4;
    let any_of_them = || prop_oneof![0..6_u16, group()];
    let event = prop_oneof![
        6 => any_of_them().prop_map(Event::Add),
        2 => any_of_them().prop_map(Event::Delete),
        1 => any_of_them().prop_map(Event::Back),
        2 => any_of_them().prop_map(Event::Rename),
        1 => any_of_them().prop_map(Event::RenameBack),
        3 => (any_of_them(), 0..UNITS).prop_map(|(number, unit)| Event::Move(number, unit)),
        1 => any_of_them().prop_map(Event::Critical),
        8 => (group(), any_of_them(), proptest::bool::weighted(0.7))
            .prop_map(|(group, member, there)| Event::Link(group, member, there)),
        2 => (0..6_u16, prop_oneof![3 => group(), 1 => Just(DOMAIN_USERS)])
            .prop_map(|(person, group)| Event::Primary(person, group)),
        1 => Just(Event::LostCookie),
        5 => (proptest::bool::weighted(0.8), any::<bool>())
            .prop_map(|(delta, reversed)| Event::Cycle { delta, reversed }),
        2 => (0..3_usize, 0..15_000_u64, any::<bool>(), any::<bool>())
            .prop_map(|(stage, micros, delta, reversed)| Event::Crash { stage, micros, delta, reversed }),
        1 => (0..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(pages, delta, reversed)| Event::BrokenImport { pages, delta, reversed }),
    ];
    proptest::collection::vec(event, 1..50)
}

/// Changes the directory; whether the event was such a change.
fn change(directory: &mut Directory, event: Event) -> bool {
    match event {
        Event::Add(number) => directory.add(number),
        Event::Delete(number) => directory.delete(number),
        Event::Back(number) => {
            directory.delete(number);
            directory.add(number);
        }
        Event::Rename(number) => directory.rename(number),
        Event::RenameBack(number) => directory.rename_back(number),
        Event::Move(number, unit) => directory.move_to(number, unit),
        Event::Critical(number) => directory.critical(number),
        Event::Link(group, member, there) => directory.link(group, member, there),
        Event::Primary(person, group) => directory.primary(person, group),
        Event::LostCookie => directory.lose_cookies(),
        Event::Cycle { .. } | Event::Crash { .. } | Event::BrokenImport { .. } => return false,
    }
    true
}

async fn stage(world: &World, directory: &Directory, stage: usize, delta: bool, reversed: bool) {
    match (stage, delta) {
        (0, false) => world.run(Run::FullImport(&mut directory.source(reversed))).await,
        (0, true) => world.run(Run::DeltaImport(&mut directory.source(reversed))).await,
        (1, false) => world.sync().await,
        // A full import in place of a delta is followed by a delta sync, too.
        (1, true) => world.run(Run::DeltaSync).await,
        _ => match world.export().await {
            // A whole container, or all members of all groups, at once: somebody says that it is right.
            Err(SyncError::Held { digest, .. }) => {
                world.engine.approve(&world.connector.name, &digest).await.expect("the list that is held");
                world.export().await
            }
            ended => ended,
        },
    }
    .expect("a stage without faults of its own");
}

async fn broken_import(world: &World, directory: &Directory, pages: usize, delta: bool, reversed: bool) {
    let mut source = directory.source(reversed);
    source.break_off_after(pages);
    let run = if delta { Run::DeltaImport(&mut source) } else { Run::FullImport(&mut source) };
    world.run(run).await.expect_err("it breaks off");
    if source.was_full() {
        let status = world.engine.status().await.expect("status");
        assert!(status.iter().all(|connector| connector.pending_deletes == 0));
    }
}

/// Plays it; with `kept`, whoever is not below the group of this name is left out.
async fn play(events: Vec<Event>, kept: Option<&str>) {
    let mut world = World::new().await;
    if let Some(dn) = kept {
        let text = format!("[[keep_only]]\nname = 'sspr'\nwhen = [{{ group = '{dn}' }}]");
        world.connector.rules = Rules::layered(&[Layer { name: "rules.toml", text: &text }]).unwrap();
    }
    let mut directory = Directory::new();
    for event in events.into_iter().chain([Event::Cycle { delta: true, reversed: false }]) {
        if change(&mut directory, event) {
            continue;
        }
        let (crash, delta, reversed) = match event {
            Event::BrokenImport { pages, delta, reversed } => {
                broken_import(&world, &directory, pages, delta, reversed).await;
                continue;
            }
            Event::Crash { stage, micros, delta, reversed } => (Some((stage, micros)), delta, reversed),
            Event::Cycle { delta, reversed } => (None, delta, reversed),
            _ => unreachable!("it changed the directory"),
        };
        for number in 0..3 {
            if let Some((at, micros)) = crash
                && at == number
            {
                let moment = Duration::from_micros(micros);
                // Whether it came to its end by then makes no difference below.
                let _ =
                    tokio::time::timeout(moment, stage(&world, &directory, number, delta, reversed)).await;
                world.reopen().await;
            }
            stage(&world, &directory, number, delta, reversed).await;
        }
        let people: BTreeSet<String> = world
            .service
            .tenant()
            .users
            .values()
            .map(|user| user.ritorno.clone().expect("hybrid").account_name)
            .collect();
        assert_eq!((people, tenant(&world)), directory.expected(kept));
    }
}

fn run(events: Vec<Event>, kept: Option<&str>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(play(events, kept));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_tenants_groups_are_what_the_directory_says(events in events()) {
        run(events, None);
    }

    #[test]
    fn whoever_is_in_the_group_that_the_rules_name_is_in_the_tenant(events in events()) {
        run(events, Some(&format!("CN=group{FIRST_GROUP},OU=unit0,{SCOPE}")));
    }
}

#[test]
fn who_was_in_the_scope_by_a_group_that_is_gone_goes_with_it() {
    let kept = format!("CN=group{FIRST_GROUP},OU=unit0,{SCOPE}");
    let (outer, inner) = (FIRST_GROUP, FIRST_GROUP + 1);
    let made = [Event::Add(1), Event::Add(outer), Event::Add(inner), Event::Link(outer, inner, true)];
    let made = || {
        made.into_iter().chain([Event::Link(inner, 1, true), Event::Cycle { delta: true, reversed: false }])
    };
    for gone in [outer, inner] {
        for happens in [Event::Delete(gone), Event::Move(gone, UNITS - 1), Event::Rename(outer)] {
            for lost in [None, Some(Event::LostCookie)] {
                run(made().chain([happens]).chain(lost).collect(), Some(&kept));
            }
        }
    }
}
