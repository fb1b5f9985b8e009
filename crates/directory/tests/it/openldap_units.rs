//! Units of a real OpenLDAP server that are renamed and moved with everybody below: nothing was written to them, and they come all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ritorno_directory::openldap::{OpenLdap, Said};
use ritorno_directory::{ImportedObject, Members};

use crate::openldap_groups::{Scene, asked};

type Guid = [u8; 16];

/// What a stream told.
#[derive(Debug, Default)]
struct Told {
    /// Who is there, by `cn`: GUID and DN.
    present: BTreeMap<String, (Guid, String)>,
    /// Of groups, who is in them.
    members: BTreeMap<String, BTreeSet<Guid>>,
    unchanged: BTreeSet<Guid>,
    gone: BTreeSet<Guid>,
    all: bool,
}

impl Told {
    fn note(&mut self, object: ImportedObject) {
        let name = String::from_utf8(object.attributes["cn"][0].clone()).unwrap();
        if let Some(Members::All(members)) = object.members {
            self.members.insert(name.clone(), members.into_iter().collect());
        }
        self.present.insert(name, (object.object_guid, object.dn.to_lowercase()));
    }

    /// DNs by name.
    fn dns(&self) -> BTreeMap<&str, &str> {
        self.present.iter().map(|(name, (_, dn))| (name.as_str(), dn.as_str())).collect()
    }

    /// Whether it tells that this one is not there any more.
    fn has_lost(&self, guid: Guid) -> bool {
        let is_told =
            self.unchanged.contains(&guid) || self.present.values().any(|(present, _)| *present == guid);
        self.gone.contains(&guid) || (self.all && !is_told)
    }
}

/// By content synchronisation.
async fn told(directory: &OpenLdap, place: &mut Option<String>) -> Told {
    let (mut stream, mut told) = (directory.content(asked(), place.clone()), Told::default());
    loop {
        match stream.recv().await.expect("the stream ends with a word about how").unwrap() {
            Said::Present(object) => told.note(object),
            Said::Unchanged(guid) => drop(told.unchanged.insert(guid)),
            Said::Gone(guid) => drop(told.gone.insert(guid)),
            Said::End { place: next, all, .. } => {
                (*place, told.all) = (Some(next), all);
                return told;
            }
            other @ (Said::Lost(_) | Said::Not) => panic!("{other:?}"),
        }
    }
}

fn unit(scene: &Scene, dn: &str) {
    scene.apply(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"));
}

fn renamed(scene: &Scene, dn: &str, to: &str, parent: &str) {
    scene.apply(&format!(
        "dn: {dn}\nchangetype: modrdn\nnewrdn: {to}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n"
    ));
}

/// A unit with two people and a unit in it with a third; a group that has the name of one that is to come.
fn team(scene: &Scene) -> String {
    let team = format!("ou=team,{}", scene.people);
    unit(scene, &team);
    unit(scene, &format!("ou=inner,{team}"));
    scene.person("t1", &team);
    scene.person("t2", &team);
    scene.person("t3", &format!("ou=inner,{team}"));
    team
}

/// Whom the server tells of after the unit has another name, is somewhere else, and back.
async fn is_followed(scene: &Scene, directory: &OpenLdap, place: &mut Option<String>, first: &Told) {
    let (people, elsewhere) = (&scene.people.to_lowercase(), &scene.elsewhere);
    let guid = |name: &str| first.present[name].0;
    let (t1, t2, t3) = (guid("t1"), guid("t2"), guid("t3"));

    // Renamed: who is below has another name, and is who they were.
    renamed(scene, &format!("ou=team,{people}"), "ou=squad", people);
    let now = told(directory, place).await;
    let (in_team, in_inner) = (format!("ou=squad,{people}"), format!("ou=inner,ou=squad,{people}"));
    let names = [format!("uid=t1,{in_team}"), format!("uid=t2,{in_team}"), format!("uid=t3,{in_inner}")];
    for ((name, same), dn) in [("t1", t1), ("t2", t2), ("t3", t3)].into_iter().zip(&names) {
        assert_eq!(now.present.get(name), Some(&(same, dn.clone())), "{now:?}");
    }
    assert!(![t1, t2, t3, guid("a")].into_iter().any(|guid| now.has_lost(guid)), "nobody went: {now:?}");
    assert_eq!(now.members.get("waiting"), Some(&[t1].into()), "a group that names one of them: {now:?}");
    let now = told(directory, place).await;
    assert!(now.present.is_empty() && now.gone.is_empty(), "that was all: {now:?}");

    // Out of the bases, and back with another who was never there.
    renamed(scene, &in_team, "ou=squad", elsewhere);
    let now = told(directory, place).await;
    assert!([t1, t2, t3].into_iter().all(|guid| now.has_lost(guid)), "{now:?}");
    assert!(!["a", "b", "c"].into_iter().any(|name| now.has_lost(guid(name))), "{now:?}");
    scene.person("new", &format!("ou=squad,{elsewhere}"));
    assert!(told(directory, place).await.dns().is_empty(), "out of scope nobody is told of");
    renamed(scene, &format!("ou=squad,{elsewhere}"), "ou=team", people);
    let now = told(directory, place).await;
    assert_eq!(now.dns().into_keys().collect::<Vec<_>>(), ["new", "t1", "t2", "t3"]);
    assert_eq!(now.present["t3"], (t3, format!("uid=t3,ou=inner,ou=team,{people}")));
    assert!(!["a", "b", "c"].into_iter().any(|name| now.has_lost(guid(name))), "{now:?}");
    scene.server().delete(&format!("uid=new,ou=team,{people}")).unwrap();
    assert!(told(directory, place).await.has_lost(now.present["new"].0));
}

#[tokio::test]
async fn whoever_is_below_a_unit_that_was_renamed_or_moved_is_told_with_the_next_delta() {
    let scene = Scene::new("openldap-units");
    let people = scene.people.clone();
    team(&scene);
    scene.group("groupOfNames", "waiting", &format!("member: uid=t1,ou=squad,{people}\n"));
    let (directory, mut place) = (scene.directory(), None);
    let first = told(&directory, &mut place).await;
    assert_eq!(first.dns().into_keys().collect::<Vec<_>>(), ["a", "b", "c", "t1", "t2", "t3", "waiting"]);
    assert_eq!(first.members["waiting"], [].into());
    assert!(told(&directory, &mut place).await.present.is_empty(), "at first nothing is told twice");

    is_followed(&scene, &directory, &mut place, &first).await;

    // Who is changed, comes or goes by themselves costs nobody else a word.
    scene.person("alone", &people);
    scene.server().delete(&format!("uid=alone,{people}")).unwrap();
    scene.apply(&format!("dn: uid=c,{people}\nchangetype: modify\nreplace: sn\nsn: other\n"));
    let now = told(&directory, &mut place).await;
    assert_eq!(
        (now.dns().into_keys().collect::<Vec<_>>(), now.unchanged.len(), now.all),
        (vec!["c"], 0, false)
    );

    // A person may be above others, too.
    scene.person("child", &format!("uid=c,{people}"));
    let child = told(&directory, &mut place).await.present["child"].0;
    renamed(&scene, &format!("uid=c,{people}"), "uid=cc", &people);
    let now = told(&directory, &mut place).await;
    assert_eq!(now.present["child"], (child, format!("uid=child,uid=cc,{people}").to_lowercase()));
    assert!(now.dns().contains_key("c") && !now.dns().contains_key("a"), "{now:?}");
}

#[tokio::test]
async fn it_is_told_as_well_by_a_server_that_was_started_anew_and_does_not_know_who_went() {
    let scene = Scene::new("openldap-units-anew");
    let people = scene.people.clone();
    team(&scene);
    scene.group("groupOfNames", "waiting", &format!("member: uid=t1,ou=squad,{people}\n"));
    let (directory, mut place) = (scene.directory(), None);
    let first = told(&directory, &mut place).await;
    scene.server().stop().unwrap();
    scene.server().start().unwrap();
    is_followed(&scene, &directory, &mut place, &first).await;
    // The former session log is gone with each start.
    renamed(&scene, &format!("ou=team,{people}"), "ou=team", &scene.elsewhere);
    scene.server().stop().unwrap();
    scene.server().start().unwrap();
    scene.apply(&format!("dn: uid=c,{people}\nchangetype: modify\nreplace: sn\nsn: other\n"));
    let now = told(&directory, &mut place).await;
    assert!(
        now.all && ["t1", "t2", "t3"].into_iter().all(|name| now.has_lost(first.present[name].0)),
        "{now:?}"
    );
    assert!(!["a", "b", "c"].into_iter().any(|name| now.has_lost(first.present[name].0)), "{now:?}");
}

#[tokio::test]
async fn a_search_since_a_moment_finds_whoever_is_below_a_unit_that_was_modified_since() {
    let scene = Scene::new("openldap-units-since");
    let people = scene.people.to_lowercase();
    team(&scene);
    let directory = scene.directory();
    // The next second, as the server has it.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    scene.apply(&format!("dn: uid=a,{people}\nchangetype: modify\nreplace: sn\nsn: other\n"));
    let stamp = scene.server().read(&format!("uid=a,{people}")).unwrap();
    let since = stamp.lines().find_map(|line| line.strip_prefix("modifyTimestamp: ")).unwrap();
    let before = directory.modified_containers(since).await.unwrap();
    assert_eq!((before.dns.len(), before.state.as_str()), (0, ""));
    renamed(&scene, &format!("ou=team,{people}"), "ou=squad", &people);
    let modified = directory.modified_containers(since).await.unwrap();
    assert_eq!(
        modified.dns.iter().map(|dn| dn.to_lowercase()).collect::<Vec<_>>(),
        [format!("ou=squad,{people}")]
    );
    assert_eq!(directory.modified_containers(since).await.unwrap(), modified);
    let found = async |containers: Vec<String>| {
        let mut stream = directory.users_and_below(asked(), Some(since.to_owned()), containers);
        let mut told = Told::default();
        while let Some(object) = stream.recv().await {
            told.note(object.unwrap());
        }
        told
    };
    assert_eq!(found(Vec::new()).await.dns().into_keys().collect::<Vec<_>>(), ["a"]);
    let now = found(modified.dns.clone()).await;
    assert_eq!(now.dns().into_keys().collect::<Vec<_>>(), ["a", "t1", "t2", "t3"]);
    assert_eq!(now.dns()["t3"], format!("uid=t3,ou=inner,ou=squad,{people}"));
    // Once more, within a second: it is another state.
    renamed(&scene, &format!("ou=squad,{people}"), "ou=crew", &people);
    let again = directory.modified_containers(since).await.unwrap();
    assert!(again.state != modified.state && again.dns.len() == 1, "{again:?}");
}

#[tokio::test]
async fn everything_that_an_import_gives_is_counted() {
    let scene = Scene::new("openldap-units-count");
    team(&scene);
    scene.group("groupOfMembers", "one", "");
    let (directory, mut place) = (scene.directory(), None);
    let first = told(&directory, &mut place).await;
    assert_eq!((directory.count().await.unwrap(), first.present.len()), (7, 7));
}
