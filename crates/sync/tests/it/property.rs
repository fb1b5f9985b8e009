//! Whatever happens in the directory and to the agent: after import, sync and export the tenant holds what the rules
//! say of the directory.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use ritorno_sync::Run;

use crate::changelog::{Given, Log};
use crate::model::{Directory, Entry, Model};
use crate::world::World;

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
    /// Import, sync and export; in full, or as deltas.
    Cycle {
        delta: bool,
    },
    /// The same, with one stage dropped at some moment before it is run to its end.
    Crash {
        stage: usize,
        micros: u64,
        delta: bool,
    },
    /// An import that gives only some pages and then breaks off.
    BrokenImport {
        pages: usize,
        delta: bool,
    },
    /// The directory can't go on from any mark that it gave.
    LostCookie,
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
        4 => proptest::bool::weighted(0.7).prop_map(|delta| Event::Cycle { delta }),
        2 => (0..3_usize, 0..20_000_u64, any::<bool>())
            .prop_map(|(stage, micros, delta)| Event::Crash { stage, micros, delta }),
        1 => (0..3_usize, any::<bool>()).prop_map(|(pages, delta)| Event::BrokenImport { pages, delta }),
        1 => Just(Event::LostCookie),
    ];
    proptest::collection::vec(event, 1..30)
}

/// Changes the directory, and notes it in its log; whether the event was such a change.
fn change(directory: &mut Directory, log: &mut Log, event: &Event, renames: &mut u16) -> bool {
    let number = match event {
        Event::Add { number, consistency } => {
            let (display, consistency) = (format!("user{number}"), *consistency);
            let entry = Entry { name: *number, display, enabled: true, critical: false, consistency };
            directory.entry(*number).or_insert(entry);
            number
        }
        Event::Rename { number } => {
            *renames += 1;
            directory.entry(*number).and_modify(|entry| entry.name = 1000 + *renames);
            number
        }
        Event::Display { number, display } => {
            directory.entry(*number).and_modify(|entry| entry.display.clone_from(display));
            number
        }
        Event::Enabled { number } => {
            directory.entry(*number).and_modify(|entry| entry.enabled = !entry.enabled);
            number
        }
        Event::Critical { number } => {
            directory.entry(*number).and_modify(|entry| entry.critical = !entry.critical);
            number
        }
        Event::Anchor { number, consistency } => {
            directory.entry(*number).and_modify(|entry| entry.consistency = *consistency);
            number
        }
        Event::Remove { number } => {
            // The engine takes an import of nothing for a lost right, so that somebody always stays.
            if directory.len() > 1 {
                directory.remove(number);
            }
            number
        }
        Event::LostCookie => {
            log.lose_cookies();
            return true;
        }
        Event::Cycle { .. } | Event::Crash { .. } | Event::BrokenImport { .. } => return false,
    };
    log.note(*number);
    true
}

async fn stage(world: &World, directory: &Directory, log: &Log, stage: usize, delta: bool) {
    match (stage, delta) {
        (0, false) => world.run(Run::FullImport(&mut log.source(directory))).await,
        (0, true) => world.run(Run::DeltaImport(&mut log.source(directory))).await,
        (1, false) => world.sync().await,
        (1, true) => world.run(Run::DeltaSync).await,
        _ => world.export().await,
    }
    .expect("a stage without faults of its own");
}

async fn broken_import(
    world: &World,
    model: &mut Model,
    directory: &Directory,
    log: &Log,
    (pages, delta): (usize, bool),
) {
    let mut source = log.source(directory);
    source.break_off_after(pages);
    let before = world.names().len();
    let run = if delta { Run::DeltaImport(&mut source) } else { Run::FullImport(&mut source) };
    world.run(run).await.expect_err("it breaks off");
    assert_eq!(world.names().len(), before);
    if source.was_full() {
        let status = world.engine.status().await.expect("status");
        assert_eq!(status[0].pending_deletes, 0);
    }
    for change in source.given() {
        match change {
            Given::Present(number) => model.stage([(number, &directory[number])].into_iter()),
            Given::Gone(number) => model.gone(*number),
        }
    }
}

async fn play(events: Vec<Event>) {
    let mut world = World::new().await;
    let (mut directory, mut model, mut log, mut renames) =
        (Directory::new(), Model::default(), Log::default(), 0);
    for event in events.into_iter().chain([Event::Cycle { delta: true }]) {
        if change(&mut directory, &mut log, &event, &mut renames) {
            continue;
        }
        let (crash, delta) = match event {
            Event::BrokenImport { pages, delta } => {
                broken_import(&world, &mut model, &directory, &log, (pages, delta)).await;
                continue;
            }
            Event::Crash { stage, micros, delta } => (Some((stage, micros)), delta),
            _ => (None, matches!(event, Event::Cycle { delta: true })),
        };
        for number in 0..3 {
            if let Some((at, micros)) = crash
                && at == number
            {
                let moment = Duration::from_micros(micros);
                // Whether it came to its end by then makes no difference below.
                let _ = tokio::time::timeout(moment, stage(&world, &directory, &log, number, delta)).await;
                world.reopen().await;
            }
            stage(&world, &directory, &log, number, delta).await;
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
