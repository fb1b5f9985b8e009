//! Whatever happens in the directory and to the agent: after import, sync and export the tenant holds what the rules
//! say of the directory.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use ritorno_sync::Run;

use crate::model::{Directory, Entry, Model, objects};
use crate::world::{Objects, World};

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    Add {
        number: u16,
        consistency: Option<u16>,
    },
    Rename {
        number: u16,
    },
    Display {
        number: u16,
        display: String,
    },
    Enabled {
        number: u16,
    },
    Critical {
        number: u16,
    },
    Anchor {
        number: u16,
        consistency: Option<u16>,
    },
    Remove {
        number: u16,
    },
    /// Import, sync and export.
    Cycle,
    /// The same, with one stage dropped at some moment before it is run to its end.
    Crash {
        stage: usize,
        micros: u64,
    },
    /// An import that gives only some pages and then breaks off.
    BrokenImport {
        pages: usize,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let number = 0..12_u16;
    let consistency = || proptest::option::weighted(0.3, 0..12_u16);
    let event = prop_oneof![
        6 => (number.clone(), consistency()).prop_map(|(number, consistency)| Event::Add { number, consistency }),
        2 => number.clone().prop_map(|number| Event::Rename { number }),
        3 => (number.clone(), "[a-zà-ü]{1,8}").prop_map(|(number, display)| Event::Display { number, display }),
        1 => number.clone().prop_map(|number| Event::Enabled { number }),
        1 => number.clone().prop_map(|number| Event::Critical { number }),
        1 => (number.clone(), consistency()).prop_map(|(number, consistency)| Event::Anchor { number, consistency }),
        2 => number.prop_map(|number| Event::Remove { number }),
        2 => Just(Event::Cycle),
        2 => (0..3_usize, 0..20_000_u64).prop_map(|(stage, micros)| Event::Crash { stage, micros }),
        1 => (0..3_usize).prop_map(|pages| Event::BrokenImport { pages }),
    ];
    proptest::collection::vec(event, 1..30)
}

/// Changes the directory; whether the event was such a change.
fn change(directory: &mut Directory, event: &Event, renames: &mut u16) -> bool {
    match event {
        Event::Add { number, consistency } => {
            let (display, consistency) = (format!("user{number}"), *consistency);
            let entry = Entry { name: *number, display, enabled: true, critical: false, consistency };
            directory.entry(*number).or_insert(entry);
        }
        Event::Rename { number } => {
            *renames += 1;
            directory.entry(*number).and_modify(|entry| entry.name = 1000 + *renames);
        }
        Event::Display { number, display } => {
            directory.entry(*number).and_modify(|entry| entry.display.clone_from(display));
        }
        Event::Enabled { number } => {
            directory.entry(*number).and_modify(|entry| entry.enabled = !entry.enabled);
        }
        Event::Critical { number } => {
            directory.entry(*number).and_modify(|entry| entry.critical = !entry.critical);
        }
        Event::Anchor { number, consistency } => {
            directory.entry(*number).and_modify(|entry| entry.consistency = *consistency);
        }
        Event::Remove { number } => {
            // The engine takes an import of nothing for a lost right, so that somebody always stays.
            if directory.len() > 1 {
                directory.remove(number);
            }
        }
        Event::Cycle | Event::Crash { .. } | Event::BrokenImport { .. } => return false,
    }
    true
}

async fn stage(world: &World, directory: &Directory, stage: usize) {
    match stage {
        0 => world.import(objects(directory)).await,
        1 => world.sync().await,
        _ => world.export().await,
    }
    .expect("a stage without faults of its own");
}

async fn play(events: Vec<Event>) {
    let mut world = World::new().await;
    let (mut directory, mut model, mut renames) = (Directory::new(), Model::default(), 0);
    for event in events.into_iter().chain([Event::Cycle]) {
        if change(&mut directory, &event, &mut renames) {
            continue;
        }
        if let Event::BrokenImport { pages } = event {
            let seen = objects(&directory).into_iter().take(3 * pages).collect();
            let mut source = Objects::new(seen, 3);
            source.breaks_off = true;
            let before = world.names().len();
            world.run(Run::FullImport(&mut source)).await.expect_err("it breaks off");
            assert_eq!(world.engine.status().await.expect("status")[0].pending_deletes, 0);
            assert_eq!(world.names().len(), before);
            model.stage(directory.iter().take(3 * pages));
            continue;
        }
        let crash = if let Event::Crash { stage, micros } = event { Some((stage, micros)) } else { None };
        for number in 0..3 {
            if let Some((at, micros)) = crash
                && at == number
            {
                let moment = Duration::from_micros(micros);
                // Whether it came to its end by then makes no difference below.
                let _ = tokio::time::timeout(moment, stage(&world, &directory, number)).await;
                world.reopen().await;
            }
            stage(&world, &directory, number).await;
        }
        model.import(&directory);
        model.sync();
        let tenant: BTreeMap<_, _> = world
            .service
            .tenant()
            .by_anchor()
            .into_iter()
            .map(|(anchor, user)| {
                let account = user.ritorno.expect("hybrid").account_name;
                (anchor, (account, user.display_name.unwrap_or_default(), user.active))
            })
            .collect();
        assert_eq!(tenant, model.tenant());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_tenant_is_what_the_rules_say_of_the_directory(events in events()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(events));
    }
}
