//! Groups of a real OpenLDAP server and their members: whole, and what changed, by content synchronisation and without it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ritorno_directory::openldap::{Config, OpenLdap, Said};
use ritorno_directory::{ImportedObject, Members};
use ritorno_lab::{Lab, OpenLdap as Server, PrivateLab};
use ritorno_protocol::clock::SystemClock;

use crate::openldap::Play;

/// More than are looked up at once, by DN and by login.
const LARGE: usize = 1_250;

type Guid = [u8; 16];

/// A server with people, of whom some are out of scope, and a unit for groups.
pub(crate) struct Scene {
    play: Play,
    pub(crate) people: String,
    pub(crate) elsewhere: String,
    groups: String,
    _lab: PrivateLab,
}

impl Scene {
    pub(crate) fn new(name: &str) -> Self {
        let lab = Lab::open().unwrap().private(name).unwrap();
        let play = Play::at(&lab, name);
        let base = play.server.base_dn;
        let unit = |dn: String| {
            play.server
                .modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"))
                .unwrap();
            dn
        };
        let (people, elsewhere) = (unit(format!("ou=here,{base}")), unit(format!("ou=elsewhere,{base}")));
        let groups = unit(format!("ou=in,ou=groups,{base}"));
        let scene = Self { play, people, elsewhere, groups, _lab: lab };
        for uid in ["a", "b", "c"] {
            scene.person(uid, &scene.people);
        }
        scene.person("x", &scene.elsewhere);
        scene
    }

    pub(crate) fn server(&self) -> &Server {
        &self.play.server
    }

    pub(crate) fn person(&self, uid: &str, unit: &str) {
        self.apply(&format!(
            "dn: uid={uid},{unit}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\ncn: {uid}\nsn: {uid}\n\
             uidNumber: 1\ngidNumber: 500\nhomeDirectory: /\n"
        ));
    }

    /// Adds a group; `lines` say who is in it.
    pub(crate) fn group(&self, class: &str, cn: &str, lines: &str) {
        let dn = self.named(cn);
        self.apply(&format!(
            "dn: {dn}\nchangetype: add\nobjectClass: {class}\ncn: {cn}\ndescription: x\n{lines}"
        ));
    }

    fn named(&self, cn: &str) -> String {
        format!("cn={cn},{}", self.groups)
    }

    fn change(&self, cn: &str, operation: &str, attribute: &str, value: &str) {
        let dn = self.named(cn);
        self.apply(&format!(
            "dn: {dn}\nchangetype: modify\n{operation}: {attribute}\n{attribute}: {value}\n"
        ));
    }

    fn rename(&self, dn: &str, to: &str) {
        self.apply(&format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {to}\ndeleteoldrdn: 1\n"));
    }

    pub(crate) fn apply(&self, ldif: &str) {
        self.server().modify(ldif).unwrap();
    }

    pub(crate) fn directory(&self) -> OpenLdap {
        self.directory_with(vec![self.groups.clone()])
    }

    fn directory_with(&self, groups: Vec<String>) -> OpenLdap {
        let config = Config { bases: vec![self.people.clone()], groups, page: 100, ..self.play.config() };
        OpenLdap::new(config, Arc::new(SystemClock)).unwrap()
    }
}

/// What a stream told: of people that they are there, of groups who is in them; by `cn`.
#[derive(Debug, Default)]
struct Told {
    people: BTreeMap<String, Guid>,
    groups: BTreeMap<String, (Guid, BTreeSet<Guid>)>,
    gone: BTreeSet<Guid>,
    unchanged: usize,
    all: bool,
}

impl Told {
    fn note(&mut self, object: ImportedObject) {
        let name = String::from_utf8(object.attributes["cn"][0].clone()).unwrap();
        match object.members {
            None => drop(self.people.insert(name, object.object_guid)),
            Some(Members::All(members)) => {
                for named in ["member", "uniquemember", "memberuid"] {
                    assert!(!object.attributes.contains_key(named), "{named} is told as members");
                }
                self.groups.insert(name, (object.object_guid, members.into_iter().collect()));
            }
            Some(changed) => panic!("{changed:?}"),
        }
    }

    /// Who is in a group, of those who are known by a name.
    fn of(&self, group: &str) -> BTreeSet<Guid> {
        self.groups.get(group).unwrap_or_else(|| panic!("no {group} in {self:?}")).1.clone()
    }

    fn told(&self) -> Vec<&str> {
        self.groups.keys().map(String::as_str).collect()
    }
}

pub(crate) fn asked() -> Vec<String> {
    ["cn", "modifyTimestamp"].map(str::to_owned).to_vec()
}

/// By content synchronisation.
async fn told(directory: &OpenLdap, place: &mut Option<String>) -> Told {
    let (mut stream, mut told) = (directory.content(asked(), place.clone()), Told::default());
    loop {
        match stream.recv().await.expect("the stream ends with a word about how").unwrap() {
            Said::Present(object) => told.note(object),
            Said::Unchanged(_) => told.unchanged += 1,
            Said::Gone(guid) => drop(told.gone.insert(guid)),
            Said::End { place: next, all, .. } => {
                (*place, told.all) = (Some(next), all);
                return told;
            }
            other @ (Said::Lost(_) | Said::Not) => panic!("{other:?}"),
        }
    }
}

/// By a search.
async fn found(directory: &OpenLdap, since: Option<&str>) -> Told {
    let (mut stream, mut told) = (directory.users(asked(), since.map(str::to_owned)), Told::default());
    while let Some(object) = stream.recv().await {
        told.note(object.unwrap());
    }
    told
}

#[tokio::test]
async fn members_are_told_by_who_they_are_whatever_the_group_calls_them() {
    let scene = Scene::new("openldap-groups");
    let (people, groups) = (&scene.people, &scene.groups);
    let (directory, mut place) = (scene.directory(), None);
    scene.group("groupOfNames", "names", &format!("member: uid=a,{people}\nmember: uid=nobody,{people}\n"));
    scene.group(
        "groupOfUniqueNames",
        "unique",
        &format!("uniqueMember: uid=a,{people}\nuniqueMember: UID=B, {people}#'0101'B\n"),
    );
    scene.group("groupOfMembers", "empty", "");
    scene.group("posixGroup", "posix", "gidNumber: 500\nmemberUid: c\nmemberUid: x\nmemberUid: nobody\n");
    scene.group(
        "groupOfNames",
        "outer",
        &format!("member: cn=names,{groups}\nmember: uid=x,{}\nmember: cn=later,{groups}\n", scene.elsewhere),
    );
    let first = told(&directory, &mut place).await;
    let by_search = found(&directory, None).await;
    let (a, b, c) = (first.people["a"], first.people["b"], first.people["c"]);
    let names = first.groups["names"].0;
    for told in [&first, &by_search] {
        assert_eq!(told.people.len(), 3);
        assert_eq!(told.told(), ["empty", "names", "outer", "posix", "unique"]);
        assert_eq!(told.of("names"), [a].into(), "nobody is left out, and harms nobody");
        assert_eq!(told.of("unique"), [a, b].into());
        assert_eq!(told.of("empty"), [].into());
        assert_eq!(told.of("posix"), [c].into(), "x is out of scope");
        assert_eq!(told.of("outer"), [names].into());
    }
    assert!(told(&directory, &mut place).await.told().is_empty(), "nothing changed");

    // One comes, one goes, by each way of naming; a group that is new, and is named already.
    scene.change("names", "add", "member", &format!("uid=b,{people}"));
    scene.change("unique", "delete", "uniqueMember", &format!("uid=a,{people}"));
    scene.change("posix", "add", "memberUid", "a");
    scene.group("groupOfNames", "later", &format!("member: cn=outer,{groups}\n"));
    let now = told(&directory, &mut place).await;
    assert_eq!((now.told(), now.people.len()), (vec!["later", "names", "outer", "posix", "unique"], 0));
    assert_eq!(now.of("names"), [a, b].into());
    assert_eq!(now.of("unique"), [b].into());
    assert_eq!(now.of("posix"), [a, c].into());
    let (later, outer) = (now.groups["later"].0, now.groups["outer"].0);
    assert_eq!(now.of("outer"), [names, later].into(), "it did not change, and has one more");
    assert_eq!(now.of("later"), [outer].into(), "groups may lie in one another");

    // A member is renamed: until the group names them anew it says nothing, and then they are who they were.
    scene.rename(&format!("uid=b,{people}"), "uid=bb");
    let now = told(&directory, &mut place).await;
    assert_eq!((now.told(), now.gone.len()), (Vec::new(), 0), "no group was read, and none lost anybody");
    scene.apply(&format!(
        "dn: {}\nchangetype: modify\ndelete: member\nmember: uid=b,{people}\n-\nadd: member\nmember: uid=bb,{people}\n",
        scene.named("names")
    ));
    assert_eq!(told(&directory, &mut place).await.of("names"), [a, b].into());
    // A renamed group is the same one; the group that has it says so when it names it again.
    scene.rename(&scene.named("names"), "cn=renamed");
    let now = told(&directory, &mut place).await;
    assert_eq!((now.told(), now.groups["renamed"].0), (vec!["renamed"], names));
    scene.change("outer", "add", "member", &format!("cn=renamed,{groups}"));
    assert_eq!(told(&directory, &mut place).await.of("outer"), [names, later].into());

    // The name that a group has goes to somebody else, without a change of the group: it is theirs now.
    scene.server().delete(&format!("uid=a,{people}")).unwrap();
    assert_eq!(told(&directory, &mut place).await.gone, [a].into());
    scene.person("a", people);
    let now = told(&directory, &mut place).await;
    let another = now.people["a"];
    assert_eq!((another != a, now.told()), (true, vec!["posix", "renamed"]));
    assert_eq!(now.of("renamed"), [another, b].into());
    assert_eq!(now.of("posix"), [another, c].into());

    // A group goes, and one that is moved out of the bases; a member that is, too, with the name that the group has.
    scene.server().delete(&scene.named("later")).unwrap();
    scene.apply(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: cn=unique\ndeleteoldrdn: 1\nnewsuperior: {}\n\n\
         dn: uid=c,{people}\nchangetype: modrdn\nnewrdn: uid=c\ndeleteoldrdn: 0\nnewsuperior: {}\n",
        scene.named("unique"),
        scene.elsewhere,
        scene.elsewhere
    ));
    let gone = told(&directory, &mut place).await.gone;
    assert_eq!(gone, [later, first.groups["unique"].0, c].into());

    // After a restart the server does not know who went before: it tells of all who are there, groups too.
    scene.server().delete(&scene.named("empty")).unwrap();
    scene.server().stop().unwrap();
    scene.server().start().unwrap();
    scene.change("posix", "delete", "memberUid", "a");
    let now = told(&directory, &mut place).await;
    assert!(now.all && now.unchanged > 2, "{now:?}");
    assert_eq!(now.of("posix"), [].into());
    assert!(told(&directory, &mut place).await.told().is_empty());
    let (by_search, anew) = (found(&directory, None).await, told(&directory, &mut None).await);
    assert_eq!(by_search.groups, anew.groups, "both ways tell the same");
    assert_eq!(anew.told(), ["outer", "posix", "renamed"]);
}

#[tokio::test]
async fn a_search_since_a_moment_finds_changed_groups_and_those_that_name_whoever_is_new() {
    let scene = Scene::new("openldap-groups-since");
    let people = &scene.people;
    scene.group("groupOfNames", "old", &format!("member: uid=a,{people}\nmember: uid=d,{people}\n"));
    scene.group("posixGroup", "posix", "gidNumber: 500\nmemberUid: d\n");
    scene.group("groupOfNames", "other", &format!("member: uid=b,{people}\n"));
    let directory = scene.directory();
    let first = found(&directory, None).await;
    let (a, b) = (first.people["a"], first.people["b"]);
    assert_eq!((first.of("old"), first.of("posix")), ([a].into(), [].into()));
    // The next second, as the directory has it.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    scene.person("d", people);
    let stamp = scene.server().read(&format!("uid=d,{people}")).unwrap();
    let since = stamp.lines().find_map(|line| line.strip_prefix("modifyTimestamp: ")).unwrap().to_owned();
    let now = found(&directory, Some(&since)).await;
    assert_eq!(now.told(), ["old", "posix"], "they did not change, and name who is new");
    let d = now.people["d"];
    assert_eq!((now.of("old"), now.of("posix"), now.people.len()), ([a, d].into(), [d].into(), 1));
    scene.change("other", "add", "member", &format!("uid=a,{people}"));
    let now = found(&directory, Some(&since)).await;
    assert_eq!((now.of("other"), now.groups.len()), ([a, b].into(), 3));
}

#[tokio::test]
async fn a_large_group_is_looked_up_in_parts_and_without_the_right_nobody_is_told_to_be_out() {
    let scene = Scene::new("openldap-groups-large");
    let people = &scene.people;
    let mut ldif = String::new();
    for number in 0..LARGE {
        ldif += &format!(
            "dn: uid=p{number},{people}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: p{number}\nsn: p\n\n"
        );
    }
    scene.apply(&ldif);
    let by_dn: String = (0..LARGE).map(|number| format!("member: uid=p{number},{people}\n")).collect();
    let by_login: String = (0..LARGE).map(|number| format!("memberUid: p{number}\n")).collect();
    scene.group("groupOfNames", "large", &by_dn);
    scene.group("posixGroup", "logins", &format!("gidNumber: 500\n{by_login}"));
    let (directory, mut place) = (scene.directory(), None);
    let first = told(&directory, &mut place).await;
    assert_eq!((first.of("large").len(), first.of("logins").len()), (LARGE, LARGE));
    // More have changed than are asked about by name: all groups are read.
    let renamed: String = (0..LARGE)
        .map(|number| format!("dn: uid=p{number},{people}\nchangetype: modify\nreplace: sn\nsn: q\n\n"))
        .collect();
    scene.apply(&renamed);
    let now = told(&directory, &mut place).await;
    assert_eq!((now.people.len(), now.told()), (LARGE, vec!["large", "logins"]));

    let nowhere = scene.directory_with(vec![format!("ou=nowhere,{}", scene.server().base_dn)]);
    let last = |mut stream: tokio::sync::mpsc::Receiver<_>| async move {
        let mut last = None;
        while let Some(one) = stream.recv().await {
            last = Some(one);
        }
        last.expect("a last word")
    };
    assert!(last(nowhere.users(asked(), None)).await.is_err());
    let mut stream = nowhere.content(asked(), None);
    while let Some(said) = stream.recv().await {
        match said {
            Ok(Said::Present(object)) => assert!(object.members.is_none()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                return assert!(error.to_string().contains("ou=nowhere") || stream.recv().await.is_none());
            }
        }
    }
    panic!("it broke off");
}
