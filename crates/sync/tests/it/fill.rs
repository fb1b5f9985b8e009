//! Anchors that the directory is given: whom, when, and that nothing changes by it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ritorno_protocol::ids::Forest;
use ritorno_sync::{
    AnchorWriter, AnchorWritten, Begun, Changed, Changes, Connector, DeltaSource, Engine, ImportSource,
    ImportedObject, Layer, ObjectFault, Page, Rules, Run, RunOutcome, RunReport, SourceError, Watermark,
};

use crate::world::{SCOPE, World, connector, guid, leaving_out, object};

const ATTRIBUTE: &str = "mS-DS-ConsistencyGuid";

/// What a directory does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Everything,
    Nothing,
    /// It breaks off after so many.
    Some(usize),
}

/// A directory that can be written to, in memory.
struct Directory {
    objects: Vec<ImportedObject>,
    takes: Takes,
    /// Every write that was tried.
    tried: Vec<[u8; 16]>,
    /// Whom it refuses, who is left alone, and whose write it does not answer.
    refuses: Vec<[u8; 16]>,
    leaves_alone: Vec<[u8; 16]>,
    hangs_at: Option<[u8; 16]>,
    /// Whether an import breaks off.
    is_unreadable: bool,
    /// What somebody else writes just before the next import's first write.
    meanwhile: Option<([u8; 16], [u8; 16])>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Directory>>);

impl Shared {
    fn new(objects: Vec<ImportedObject>) -> Self {
        let directory = Directory {
            objects,
            takes: Takes::Everything,
            tried: Vec::new(),
            refuses: Vec::new(),
            leaves_alone: Vec::new(),
            hangs_at: None,
            is_unreadable: false,
            meanwhile: None,
        };
        Self(Arc::new(Mutex::new(directory)))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Directory) -> T) -> T {
        read(&mut self.0.lock().unwrap())
    }

    /// The anchors in the directory, by the objects' order.
    fn anchors(&self) -> Vec<Option<Vec<u8>>> {
        self.with(|directory| {
            let value = |object: &ImportedObject| object.attributes.get(ATTRIBUTE).map(|all| all[0].clone());
            directory.objects.iter().map(value).collect()
        })
    }

    fn tried(&self) -> usize {
        self.with(|directory| std::mem::take(&mut directory.tried).len())
    }

    fn source(&self) -> Source {
        Source { directory: self.clone(), given: false }
    }
}

/// One import of it.
struct Source {
    directory: Shared,
    given: bool,
}

#[async_trait]
impl ImportSource for Source {
    async fn next(&mut self) -> Result<Page, SourceError> {
        if std::mem::replace(&mut self.given, true) {
            return Ok(Page::End { server: Some("dc1".into()), watermark: Some("mark".into()) });
        }
        Ok(Page::Objects(self.directory.with(|directory| directory.objects.clone())))
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }

    fn anchors(&mut self) -> Option<&mut dyn AnchorWriter> {
        Some(self)
    }
}

#[async_trait]
impl DeltaSource for Source {
    async fn begin(&mut self, _: &Watermark) -> Result<Begun, SourceError> {
        if self.directory.with(|directory| directory.is_unreadable) {
            return Err(SourceError { server: None, reason: "connection lost".into() });
        }
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        if std::mem::replace(&mut self.given, true) {
            let (server, watermark) = (Some("dc1".into()), "mark".into());
            return Ok(Changes::End { server, watermark, note: None, all: false });
        }
        let all = self.directory.with(|directory| directory.objects.clone());
        Ok(Changes::Some(all.into_iter().map(Changed::Present).collect()))
    }
}

#[async_trait]
impl AnchorWriter for Source {
    async fn write(&mut self, guid: [u8; 16]) -> Result<AnchorWritten, SourceError> {
        self.directory.with(|directory| {
            if let Some((whose, value)) = directory.meanwhile.take() {
                let object = directory.objects.iter_mut().find(|object| object.object_guid == whose).unwrap();
                object.attributes.insert(ATTRIBUTE.into(), vec![value.to_vec()]);
            }
            match directory.takes {
                Takes::Some(0) => return Err(SourceError { server: None, reason: "connection lost".into() }),
                Takes::Some(left) => directory.takes = Takes::Some(left - 1),
                Takes::Everything | Takes::Nothing => {}
            }
            directory.tried.push(guid);
            if directory.hangs_at == Some(guid) {
                return Err(SourceError { server: None, reason: "no answer".into() });
            }
            if directory.leaves_alone.contains(&guid) {
                return Ok(AnchorWritten::LeftAlone("adminCount is set".into()));
            }
            if directory.takes == Takes::Nothing || directory.refuses.contains(&guid) {
                return Ok(AnchorWritten::Refused("50, grant it with dsacls".into()));
            }
            let Some(object) = directory.objects.iter_mut().find(|object| object.object_guid == guid) else {
                return Ok(AnchorWritten::Gone);
            };
            Ok(match object.attributes.get(ATTRIBUTE) {
                None => {
                    object.attributes.insert(ATTRIBUTE.into(), vec![guid.to_vec()]);
                    AnchorWritten::Written
                }
                Some(values) if values[0] == guid => AnchorWritten::AlreadyThere,
                Some(_) => AnchorWritten::Another,
            })
        })
    }
}

fn filling() -> Connector {
    Connector { fill_anchors: true, ..connector() }
}

/// A cycle of deltas; what became of the import.
async fn cycle_of(world: &World, connector: &Connector, directory: &Shared) -> RunReport {
    let run = |run| world.engine.run(connector, run, &|_| {});
    let mut source = directory.source();
    let import = run(Run::DeltaImport(&mut source)).await.unwrap();
    run(Run::DeltaSync).await.unwrap();
    run(Run::Export { target: &world.target, lease_epoch: 1 }).await.unwrap();
    import
}

fn people(count: u16) -> Vec<ImportedObject> {
    (1..=count).map(|number| object(number, &[])).collect()
}

#[tokio::test]
async fn whoever_is_in_the_tenant_by_their_guid_has_it_as_their_anchor_and_nothing_changes_there() {
    let mut world = World::new().await;
    world.connector = Connector { rules: leaving_out("user3"), ..filling() };
    let anchored = [(ATTRIBUTE, "sixteen bytes ok")];
    let forest = Shared::new(vec![object(1, &[]), object(2, &anchored), object(3, &[]), object(4, &[])]);
    let first = cycle_of(&world, &world.connector, &forest).await;
    assert_eq!((first.counts.anchors, forest.tried()), (0, 0), "nobody was joined yet");
    let status = world.engine.status().await.unwrap().remove(0);
    assert_eq!((status.joined, status.anchors_due), (3, 2));
    let found = world.engine.search("user1", 5).await.unwrap().remove(0);
    assert!(world.engine.preview(&world.connector, &found).await.unwrap().anchor_due);
    let before = world.service.tenant().by_anchor();
    let requests = world.service.tenant().requests.len();

    let second = cycle_of(&world, &world.connector, &forest).await;
    assert_eq!((second.counts.anchors, second.counts.anchors_refused, &second.note), (2, 0, &None));
    assert_eq!(second.counts.updates, 2, "the same import reads them back");
    assert_eq!(forest.with(|directory| directory.tried.clone()), [guid(1), guid(4)], "in scope, without one");
    let (own, other) = (|number| Some(guid(number).to_vec()), Some(b"sixteen bytes ok".to_vec()));
    assert_eq!(forest.anchors(), [own(1), other, None, own(4)]);
    assert_eq!(world.engine.run_report(second.id).await.unwrap().counts.anchors, 2, "the history has it");
    assert!(!world.engine.preview(&world.connector, &found).await.unwrap().anchor_due);

    let third = cycle_of(&world, &world.connector, &forest).await;
    assert_eq!((third.counts.anchors, forest.tried()), (0, 2), "and never again");
    assert_eq!(world.engine.status().await.unwrap()[0].anchors_due, 0);
    let tenant = world.service.tenant();
    assert_eq!(tenant.by_anchor(), before);
    let sent: Vec<_> = tenant.requests[requests..].iter().filter(|(method, _)| method != "GET").collect();
    assert!(sent.is_empty(), "an anchor that stays is no change: {sent:?}");
}

#[tokio::test]
async fn a_value_that_somebody_else_wrote_in_between_stays_and_is_told() {
    let world = World::new().await;
    let forest = Shared::new(people(2));
    cycle_of(&world, &filling(), &forest).await;
    let other = *b"sixteen bytes ok";
    forest.with(|directory| directory.meanwhile = Some((guid(1), other)));
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!(forest.anchors(), [Some(other.to_vec()), Some(guid(2).to_vec())]);
    assert_eq!((import.counts.anchors, import.outcome), (1, RunOutcome::CompletedWithErrors));
    let note = import.note.unwrap();
    assert!(note.contains("1 got another source anchor") && note.contains("CN=user1,"), "{note}");
    let errors = world.engine.errors(import.id, 10).await.unwrap();
    assert!(matches!(errors[0].fault, ObjectFault::AnchorChanged { .. }) && errors.len() == 1, "{errors:?}");
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test"]);
    forest.tried();
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(forest.tried(), 0, "and it is left alone");
}

#[tokio::test]
async fn nothing_is_written_unless_it_is_asked_for_and_then_for_all_who_lack_one() {
    let world = World::new().await;
    let forest = Shared::new(people(3));
    for _ in 0..3 {
        cycle_of(&world, &connector(), &forest).await;
    }
    assert_eq!(forest.tried(), 0);
    assert_eq!(world.engine.status().await.unwrap()[0].anchors_due, 0);
    // An agent in staging is told that it is off, and writes nothing either. Switched on, the first cycle looks and the next one writes.
    let written = [cycle_of(&world, &filling(), &forest).await, cycle_of(&world, &filling(), &forest).await];
    assert_eq!(written.map(|import| import.counts.anchors), [0, 3]);
    // Off again, for who came meanwhile, and on again.
    forest.with(|directory| directory.objects.push(object(4, &[])));
    cycle_of(&world, &connector(), &forest).await;
    let written = [cycle_of(&world, &filling(), &forest).await, cycle_of(&world, &filling(), &forest).await];
    assert_eq!(written.map(|import| import.counts.anchors), [0, 1]);
}

#[tokio::test]
async fn a_missing_right_is_told_once_and_tried_again_after_a_pause() {
    let world = World::new().await;
    let forest = Shared::new(people(30));
    cycle_of(&world, &filling(), &forest).await;
    forest.with(|directory| directory.takes = Takes::Nothing);
    let import = cycle_of(&world, &filling(), &forest).await;
    // Ten in order, and five more, since it could be that only those ten are refused.
    assert_eq!((import.counts.anchors, import.counts.anchors_refused, forest.tried()), (0, 15, 15));
    assert_eq!((import.outcome, import.counts.unchanged), (RunOutcome::Succeeded, 30), "the import goes on");
    let note = import.note.unwrap();
    assert_eq!(note.matches("dsacls").count(), 1, "{note}");
    assert!(note.contains("refused the source anchor of 15") && note.contains("in an hour"), "{note}");
    forest.with(|directory| directory.takes = Takes::Everything);
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(forest.tried(), 0, "the pause");
    world.clock.advance(Duration::from_secs(3_600));
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!(import.counts.anchors, 15, "those who were refused have to wait");
    let full =
        async || world.engine.run(&filling(), Run::FullImport(&mut forest.source()), &|_| {}).await.unwrap();
    full().await;
    assert_eq!(full().await.counts.anchors, 0, "whatever is read meanwhile");
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 15);

    // By hand, when the right was granted: a full import ends the pause for whoever was not tried yet.
    let more: Vec<_> = (31..=60).map(|number| object(number, &[])).collect();
    forest.with(|directory| directory.objects.extend(more));
    cycle_of(&world, &filling(), &forest).await;
    forest.with(|directory| directory.takes = Takes::Nothing);
    cycle_of(&world, &filling(), &forest).await;
    forest.with(|directory| directory.takes = Takes::Everything);
    assert_eq!(full().await.counts.anchors, 0, "it looks for them");
    assert_eq!(full().await.counts.anchors, 15);
}

#[tokio::test]
async fn who_is_somewhere_else_now_is_tried_at_once_whatever_was_said_of_the_place_before() {
    let world = World::new().await;
    let forest = Shared::new(people(3));
    cycle_of(&world, &filling(), &forest).await;
    // One was moved out of the agent's scope since the last import, and one is refused where they are.
    forest.with(|directory| (directory.leaves_alone, directory.refuses) = (vec![guid(1)], vec![guid(2)]));
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 1);
    forest.with(|directory| (directory.leaves_alone, directory.refuses) = Default::default());
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 0, "not before a day has passed");
    forest.with(|directory| {
        for object in &mut directory.objects {
            object.dn = object.dn.replace(",DC=contoso", ",OU=Staff,DC=contoso");
        }
    });
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 2);
}

/// Of 400 people, 300 are refused, and come first wherever they are.
#[tokio::test]
async fn hundreds_who_are_refused_keep_nobody_else_from_theirs() {
    for elsewhere in [false, true] {
        let world = World::new().await;
        let mut all = people(400);
        if elsewhere {
            all[..300]
                .iter_mut()
                .for_each(|one| one.dn = one.dn.replace(",DC=contoso", ",OU=Staff,DC=contoso"));
        }
        let forest = Shared::new(all);
        forest.with(|directory| directory.refuses = (1..=300).map(guid).collect());
        cycle_of(&world, &filling(), &forest).await;
        let import = cycle_of(&world, &filling(), &forest).await;
        assert_eq!((import.counts.anchors, import.counts.anchors_refused), (100, 300), "{elsewhere}");
        assert!(!import.note.unwrap().contains("in an hour"));

        // A day later they are due again, and come after whoever came new.
        let more: Vec<_> = (401..=1000).map(|number| object(number, &[])).collect();
        forest.with(|directory| directory.objects.extend(more));
        cycle_of(&world, &filling(), &forest).await;
        world.clock.advance(Duration::from_secs(24 * 3_600));
        let next = cycle_of(&world, &filling(), &forest).await.counts;
        assert_eq!((next.anchors, next.anchors_refused), (500, 0));
        let last = cycle_of(&world, &filling(), &forest).await.counts;
        assert_eq!((last.anchors, last.anchors_refused), (100, 300));
    }
}

#[tokio::test]
async fn who_is_protected_as_the_directory_has_it_now_is_left_alone_and_no_sign_of_a_missing_right() {
    let world = World::new().await;
    let forest = Shared::new(people(40));
    forest.with(|directory| directory.leaves_alone = (1..=30).map(guid).collect());
    cycle_of(&world, &filling(), &forest).await;
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!((import.counts.anchors, import.counts.anchors_refused), (10, 0));
    let note = import.note.unwrap();
    assert!(note.contains("30 get no source anchor") && note.contains("adminCount"), "{note}");
    forest.tried();
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(forest.tried(), 0);
}

#[tokio::test]
async fn one_at_which_it_breaks_off_comes_after_the_others_the_next_time() {
    let world = World::new().await;
    let forest = Shared::new(people(5));
    forest.with(|directory| directory.hangs_at = Some(guid(1)));
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 0);
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!(import.counts.anchors, 4, "{import:?}");
    assert!(import.note.unwrap().contains("no answer"));
}

#[tokio::test]
async fn nothing_is_written_after_an_import_that_did_not_come_to_its_end() {
    let world = World::new().await;
    let forest = Shared::new(people(3));
    cycle_of(&world, &filling(), &forest).await;
    forest.with(|directory| (directory.is_unreadable, directory.takes) = (true, Takes::Some(0)));
    let mut source = forest.source();
    world.engine.run(&filling(), Run::DeltaImport(&mut source), &|_| {}).await.unwrap_err();
    forest.with(|directory| (directory.is_unreadable, directory.takes) = (false, Takes::Everything));
    forest.tried();
    cycle_of(&world, &filling(), &forest).await;
    assert_eq!(forest.tried(), 0, "who is staged may be there no more");
    assert_eq!(cycle_of(&world, &filling(), &forest).await.counts.anchors, 3);
}

#[tokio::test]
async fn a_directory_that_goes_away_meanwhile_and_an_agent_that_is_killed_cost_a_repetition() {
    let mut world = World::new().await;
    let forest = Shared::new(people(5));
    cycle_of(&world, &filling(), &forest).await;
    forest.with(|directory| directory.takes = Takes::Some(2));
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!((import.counts.anchors, import.outcome), (2, RunOutcome::Succeeded));
    assert!(import.note.unwrap().contains("could not be written: connection lost"));
    // Killed with the third written and nothing noted of it.
    forest.with(|directory| {
        directory.takes = Takes::Everything;
        directory.objects[2].attributes.insert(ATTRIBUTE.into(), vec![guid(3).to_vec()]);
    });
    world.engine = Engine::open(&world.folder.store(), world.clock.clone()).await.unwrap();
    forest.tried();
    let import = cycle_of(&world, &filling(), &forest).await;
    assert_eq!((import.counts.anchors, forest.tried(), import.note), (2, 3, None));
    let all: Vec<_> = (1..=5).map(|number| Some(guid(number).to_vec())).collect();
    assert_eq!(forest.anchors(), all);
    assert_eq!(world.names().len(), 5);
}

#[tokio::test]
async fn a_run_writes_so_many_and_the_next_goes_on() {
    let world = World::new().await;
    let forest = Shared::new(people(620));
    cycle_of(&world, &filling(), &forest).await;
    let mut written = Vec::new();
    for _ in 0..3 {
        written.push(cycle_of(&world, &filling(), &forest).await.counts.anchors);
    }
    assert_eq!(written, [500, 120, 0]);
}

#[tokio::test]
async fn a_linked_account_keeps_none_and_a_person_who_moves_with_theirs_stays_who_they_are() {
    let world = World::new().await;
    let by_employee = "[[join]]\nname = \"employee\"\nkey = \"employeeID\"\n";
    let forest = |name: &str, rank| Connector {
        name: name.into(),
        forest: Forest(name.into()),
        dns_domain: name.into(),
        rank,
        rules: Rules::layered(&[Layer { name: "rules.toml", text: by_employee }]).unwrap(),
        ..filling()
    };
    let (old, new) = (forest("old.test", 0), forest("new.test", 1));
    let named = |number, more: &[(&str, &str)]| {
        let upn = format!("user{number}@x.test");
        object(number, &[more, &[("userPrincipalName", &upn)]].concat())
    };
    let here = Shared::new(vec![named(1, &[("employeeID", "e1")]), named(2, &[])]);
    let linked = [("employeeID", "e1"), ("userAccountControl", "514")];
    let there = Shared::new(vec![named(11, &linked), named(12, &[])]);
    let cycle = async || {
        for (connector, directory) in [(&old, &here), (&new, &there)] {
            let mut source = directory.source();
            world.engine.run(connector, Run::DeltaImport(&mut source), &|_| {}).await.unwrap();
        }
        for connector in [&old, &new] {
            world.engine.run(connector, Run::DeltaSync, &|_| {}).await.unwrap();
        }
        for connector in [&old, &new] {
            let export = Run::Export { target: &world.target, lease_epoch: 1 };
            world.engine.run(connector, export, &|_| {}).await.unwrap();
        }
    };
    cycle().await;
    cycle().await;
    let own = |number| Some(guid(number).to_vec());
    assert_eq!(here.anchors(), [own(1), own(2)]);
    assert_eq!(there.anchors(), [None, own(12)], "the person has the other account's anchor");
    let before = world.service.tenant().by_anchor();

    // The second person moves, and takes along what was written.
    let anchor = here.anchors()[1].clone().unwrap();
    here.with(|directory| directory.objects.truncate(1));
    let mut moved = named(22, &[]);
    moved.attributes.insert(ATTRIBUTE.into(), vec![anchor]);
    there.with(|directory| directory.objects.push(moved));
    let everything = async |connector: &Connector, directory: &Shared| {
        world.engine.run(connector, Run::FullImport(&mut directory.source()), &|_| {}).await.unwrap();
    };
    everything(&old, &here).await;
    everything(&new, &there).await;
    cycle().await;
    let after = world.service.tenant().by_anchor();
    assert!(after.keys().eq(before.keys()), "the same people");
    let moved = &after[&crate::model::anchor_of_guid(guid(2))];
    assert_eq!(moved.ritorno.as_ref().unwrap().forest, "new.test");
    assert!(!world.service.tenant().requests.iter().any(|(method, _)| method == "DELETE"));
}
