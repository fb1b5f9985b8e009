//! What changed since a mark, by DirSync and by update sequence numbers, as a real domain controller tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ritorno_directory::{Change, Delta, Directory, Place, Since, Watermark};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;
use uuid::Uuid;

use crate::playground::{Playground, line};

/// What a delta told: people in scope by account name, and how many are gone.
#[derive(Debug, Default)]
struct Told {
    present: BTreeMap<String, (String, [u8; 16])>,
    gone: BTreeSet<[u8; 16]>,
    note: Option<String>,
}

impl Told {
    fn names(&self) -> Vec<&str> {
        self.present.keys().map(String::as_str).collect()
    }

    fn dn(&self, name: &str) -> &str {
        &self.present[name].0
    }
}

fn attributes() -> Vec<String> {
    ["sAMAccountName", "displayName", "userAccountControl"].map(str::to_owned).into()
}

/// A forest, an OU of the test in it, and a directory whose scope is that OU's `Inside`.
fn scene(forest: Forest, name: &str) -> (Playground, Directory) {
    let play = Playground::new(forest, name);
    play.forest.let_see_deletions().unwrap();
    for unit in ["Inside", "Outside"] {
        unit_below(&play, unit);
    }
    let mut config = play.config();
    config.scope = vec![format!("OU=Inside,{}", play.ou)];
    (play, Directory::new(config, Arc::new(SystemClock)).unwrap())
}

fn unit_below(play: &Playground, path: &str) {
    let dn = format!("OU={path},{}", play.ou);
    play.forest
        .modify(&format!("{}changetype: add\nobjectClass: organizationalUnit\n", line("dn", &dn)))
        .unwrap();
}

fn add(play: &Playground, unit: &str, sam: &str) {
    play.forest
        .modify(&format!(
            "dn: CN={sam},OU={unit},{}\nchangetype: add\nobjectClass: user\nsAMAccountName: {}\n",
            play.ou,
            play.account(sam)
        ))
        .unwrap();
}

fn rename(play: &Playground, from: &str, rdn: &str, unit: &str) {
    let superior = if unit.is_empty() { play.ou.clone() } else { format!("OU={unit},{}", play.ou) };
    play.forest
        .modify(&format!(
            "dn: {from},{}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {superior}\n",
            play.ou
        ))
        .unwrap();
}

/// Everything that changed since `mark`, which moves on.
async fn told(directory: &Directory, mark: &mut Watermark) -> Told {
    let mut told = Told::default();
    let Since::Changes(mut delta) = directory.changes(mark, attributes()).await.unwrap() else {
        panic!("the mark is good")
    };
    while let Some(changes) = delta.next().await.unwrap() {
        for change in changes {
            match change {
                Change::Present(object) => {
                    let name = object.attributes["samaccountname"][0].clone();
                    told.present.insert(String::from_utf8(name).unwrap(), (object.dn, object.object_guid));
                }
                Change::Gone(guid) => {
                    told.gone.insert(guid);
                }
                Change::In { .. } => panic!("no groups are imported"),
            }
        }
    }
    (*mark, told.note) = delta.end().await;
    told
}

async fn lost(directory: &Directory, mark: &Watermark) -> String {
    match directory.changes(mark, attributes()).await.unwrap() {
        Since::Lost(reason) => reason,
        Since::Changes(_) => panic!("the mark is of no use"),
    }
}

/// Add, change, rename, move, disable, delete, an OU renamed and moved: each seen, and nothing twice.
async fn every_change_is_seen(forest: Forest, name: &str, by_usn: bool) {
    let (play, directory) = scene(forest, name);
    ["anna", "bruno", "carla", "dario"].into_iter().for_each(|sam| add(&play, "Inside", sam));
    add(&play, "Outside", "elena");
    let account = |sam: &str| play.account(sam);
    let mut mark = if by_usn {
        directory.watermark_by_usn("not enough rights").await.unwrap()
    } else {
        directory.watermark().await.unwrap()
    };
    assert_eq!(matches!(mark.place, Place::Usn(_)), by_usn, "{mark:?}");
    let first = told(&directory, &mut mark).await;
    // Other tests' people in the same forest come and go, and a deleted object does not tell whose it was.
    assert!(first.present.is_empty(), "nothing has changed: {first:?}");
    for sam in ["anna", "bruno", "carla", "dario"] {
        assert!(!first.gone.contains(&play.locate(&directory, sam).await.object_guid), "{first:?}");
    }
    assert_eq!(first.note.is_some(), by_usn, "{:?}", first.note);

    // Added, changed, renamed, disabled; and one outside of the scope that does not concern us.
    add(&play, "Inside", "franco");
    play.set(&format!("CN=anna,OU=Inside,{}", play.ou), "displayName", "Anna Rossi");
    rename(&play, "CN=bruno,OU=Inside", "CN=Bruno Gallo", "Inside");
    play.set(&format!("CN=carla,OU=Inside,{}", play.ou), "userAccountControl", "514");
    add(&play, "Outside", "gino");
    let seen = told(&directory, &mut mark).await;
    let expected = ["anna", "bruno", "carla", "franco"].map(account);
    assert_eq!(seen.names(), expected);
    assert_eq!(seen.dn(&account("bruno")), format!("CN=Bruno Gallo,OU=Inside,{}", play.ou));
    let guid = |sam: &str| seen.present[&account(sam)].1;
    let (anna, bruno, carla) = (guid("anna"), guid("bruno"), guid("carla"));
    assert!(told(&directory, &mut mark).await.present.is_empty(), "told once");

    // Deleted, moved out of the scope, moved into it.
    play.forest.modify(&format!("dn: CN=anna,OU=Inside,{}\nchangetype: delete\n", play.ou)).unwrap();
    rename(&play, "CN=carla,OU=Inside", "CN=carla", "Outside");
    rename(&play, "CN=elena,OU=Outside", "CN=elena", "Inside");
    let seen = told(&directory, &mut mark).await;
    assert_eq!(seen.names(), [account("elena")]);
    assert!(seen.gone.is_superset(&[anna, carla].into()), "{seen:?}");
    assert!(!seen.gone.contains(&bruno));

    // A renamed OU moves its subtree; nobody below it changed.
    unit_below(&play, "Sales,OU=Inside");
    rename(&play, "CN=Bruno Gallo,OU=Inside", "CN=Bruno Gallo", "Sales,OU=Inside");
    told(&directory, &mut mark).await;
    rename(&play, "OU=Sales,OU=Inside", "OU=Vendite", "Inside");
    let seen = told(&directory, &mut mark).await;
    assert_eq!(seen.names(), [account("bruno")]);
    assert_eq!(seen.dn(&account("bruno")), format!("CN=Bruno Gallo,OU=Vendite,OU=Inside,{}", play.ou));
    // And out of the scope with all in it; nobody else is gone.
    rename(&play, "OU=Vendite,OU=Inside", "OU=Vendite", "Outside");
    let seen = told(&directory, &mut mark).await;
    assert!(seen.present.is_empty() && seen.gone.contains(&bruno), "{seen:?}");
}

#[tokio::test]
async fn every_change_is_seen_by_dir_sync() {
    every_change_is_seen(Forest::Contoso, "dirsync", false).await;
}

#[tokio::test]
async fn every_change_is_seen_by_update_sequence_numbers() {
    every_change_is_seen(Forest::Contoso, "usn", true).await;
}

#[tokio::test]
async fn an_older_domain_controller_tells_the_same() {
    every_change_is_seen(Forest::Fabrikam, "dirsync-old", false).await;
}

#[tokio::test]
async fn more_changes_than_are_read_at_once_come_all() {
    let (play, directory) = scene(Forest::Contoso, "many");
    let mut mark = directory.watermark().await.unwrap();
    let ldif: String = (0..230)
        .map(|number| {
            let (dn, name) =
                (format!("CN=p{number},OU=Inside,{}", play.ou), play.account(&format!("p{number}")));
            format!("dn: {dn}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\n")
        })
        .collect();
    play.forest.modify(&ldif).unwrap();
    assert_eq!(told(&directory, &mut mark).await.present.len(), 230);
}

#[tokio::test]
async fn a_mark_of_another_domain_or_database_or_a_damaged_cookie_is_lost_and_says_so() {
    let (_play, directory) = scene(Forest::Contoso, "lost");
    let mark = directory.watermark().await.unwrap();
    let foreign = Watermark { partition: Uuid::from_u128(7), ..mark.clone() };
    assert!(lost(&directory, &foreign).await.contains("is another domain's"));
    let restored = Watermark { invocation: Uuid::from_u128(7), ..mark.clone() };
    assert!(lost(&directory, &restored).await.contains("is of another database than it has now"));
    // The domain controller's own words about a cookie that is none.
    let damaged = Watermark { place: Place::DirSync("bm90IGEgY29va2ll".into()), ..mark.clone() };
    let words = lost(&directory, &damaged).await;
    assert!(words.contains("does not take the cookie") && words.contains("(result "), "{words}");
    let unreadable = Watermark { place: Place::DirSync("?".into()), ..mark.clone() };
    assert_eq!(lost(&directory, &unreadable).await, "the kept cookie is damaged");
    let ahead = Watermark { usn: i64::MAX, ..mark };
    assert!(lost(&directory, &ahead).await.contains("shorter than it was"));
}

#[tokio::test]
async fn a_renamed_base_of_the_scope_is_an_error_and_nobody_is_gone() {
    let (play, directory) = scene(Forest::Contoso, "base");
    add(&play, "Inside", "anna");
    for mark in
        [directory.watermark().await.unwrap(), directory.watermark_by_usn("for the test").await.unwrap()]
    {
        rename(&play, "OU=Inside", "OU=Renamed", "");
        let Err(error) = directory.changes(&mark, attributes()).await else { panic!("the base is gone") };
        let expected = format!("OU=Inside,{} of the scope is not there", play.ou);
        assert!(error.to_string().contains(&expected), "{error}");
        rename(&play, "OU=Renamed", "OU=Inside", "");
        let mut mark = mark;
        let seen = told(&directory, &mut mark).await;
        assert_eq!(seen.names(), [play.account("anna")], "renamed back, and she was not gone in between");
        assert!(!seen.gone.contains(&seen.present[&play.account("anna")].1));
    }
}

/// A delta of which the renamed containers of `play` are read and nobody below them; the other tests of the forest may not
/// have changed anything, or their people would be read with them.
async fn delta_before_what_is_below(play: &Playground, directory: &Directory, by_usn: bool) -> Box<Delta> {
    for _ in 0..50 {
        let mark = if by_usn {
            directory.watermark_by_usn("for the test").await.unwrap()
        } else {
            directory.watermark().await.unwrap()
        };
        rename(play, "OU=Sales,OU=Inside", "OU=Vendite", "Inside");
        rename(play, "OU=Visitors,OU=Outside", "OU=Ospiti", "Outside");
        let Since::Changes(mut delta) = directory.changes(&mark, attributes()).await.unwrap() else {
            panic!("the mark is good")
        };
        if delta.next().await.unwrap().unwrap().is_empty() {
            return delta;
        }
        rename(play, "OU=Vendite,OU=Inside", "OU=Sales", "Inside");
        rename(play, "OU=Ospiti,OU=Outside", "OU=Visitors", "Outside");
    }
    panic!("fifty times somebody else changed something too")
}

#[tokio::test]
async fn a_container_that_is_renamed_again_or_deleted_while_changes_are_read_harms_nothing() {
    let (play, directory) = scene(Forest::Contoso, "meanwhile");
    unit_below(&play, "Sales,OU=Inside");
    add(&play, "Sales,OU=Inside", "anna");
    for by_usn in [false, true] {
        unit_below(&play, "Visitors,OU=Outside");
        let mut delta = delta_before_what_is_below(&play, &directory, by_usn).await;
        rename(&play, "OU=Vendite,OU=Inside", "OU=Sales", "Inside");
        play.forest.modify(&format!("dn: OU=Ospiti,OU=Outside,{}\nchangetype: delete\n", play.ou)).unwrap();
        let mut names = Vec::new();
        while let Some(changes) = delta.next().await.unwrap() {
            names.extend(changes.into_iter().filter_map(|change| match change {
                Change::Present(object) => Some(object.dn),
                Change::Gone(_) | Change::In { .. } => None,
            }));
        }
        let anna = format!("CN=anna,OU=Sales,OU=Inside,{}", play.ou);
        assert_eq!(names, std::slice::from_ref(&anna), "as she is named now");
        let mut mark = delta.end().await.0;
        assert_eq!(told(&directory, &mut mark).await.dn(&play.account("anna")), anna, "and told once more");
    }
}

#[tokio::test]
async fn an_account_that_may_not_list_deleted_objects_is_told_so() {
    let (play, directory) = scene(Forest::Contoso, "unseen");
    assert!(directory.sees_deletions().await.unwrap());
    let person = play.forest.person("luca.esposito").unwrap();
    let mut config = play.config();
    config.account = person.upn.clone();
    config.password = Arc::new(crate::playground::password(&person.password));
    config.scope = vec![format!("OU=Inside,{}", play.ou)];
    let plain = Directory::new(config, Arc::new(SystemClock)).unwrap();
    assert!(!plain.sees_deletions().await.unwrap());
    // Without any right beyond a plain user's, changes come all the same, and what does not come is said.
    add(&play, "Inside", "anna");
    let mut mark = plain.watermark().await.unwrap();
    add(&play, "Inside", "bruno");
    play.forest.modify(&format!("dn: CN=anna,OU=Inside,{}\nchangetype: delete\n", play.ou)).unwrap();
    let seen = told(&plain, &mut mark).await;
    assert_eq!(seen.names(), [play.account("bruno")]);
    assert!(seen.note.unwrap().contains("deletions are seen by the next full import only"));
}

/// A playground's people and units as the test knows them, and operations on them drawn one after the other.
struct Chance {
    seed: u64,
    /// Parent of each unit (`Inside` or `Outside`) and how often it was renamed.
    units: [(&'static str, u32); 3],
    /// Unit and RDN of each person that is there.
    people: BTreeMap<u32, (usize, String)>,
    made: u32,
}

impl Chance {
    /// A number below `limit`, by a linear congruence (Knuth's MMIX): the same run at each start.
    fn below(&mut self, limit: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % limit
    }

    fn unit(&self, play: &Playground, unit: usize) -> String {
        let (parent, renames) = self.units[unit];
        format!("OU=unit{unit}-{renames},OU={parent},{}", play.ou)
    }

    fn someone(&mut self) -> Option<u32> {
        let count = self.people.len();
        (count > 0).then(|| self.below(count)).and_then(|nth| self.people.keys().nth(nth).copied())
    }

    /// One operation as LDIF.
    fn operation(&mut self, play: &Playground) -> String {
        let kind = self.below(12);
        let Some(person) = self.someone().filter(|_| kind > 2) else {
            self.made += 1;
            let (number, unit) = (self.made, self.below(3));
            let rdn = format!("CN=p{number}");
            let (parent, account) = (self.unit(play, unit), play.account(&format!("p{number}")));
            let ldif = format!(
                "dn: {rdn},{parent}\nchangetype: add\nobjectClass: user\nsAMAccountName: {account}\n\n"
            );
            self.people.insert(number, (unit, rdn));
            return ldif;
        };
        let (unit, rdn) = self.people[&person].clone();
        let dn = format!("{rdn},{}", self.unit(play, unit));
        match kind {
            3..=5 => {
                let value = self.below(1_000);
                format!("dn: {dn}\nchangetype: modify\nreplace: displayName\ndisplayName: name {value}\n\n")
            }
            6 | 7 => {
                self.people.remove(&person);
                format!("dn: {dn}\nchangetype: delete\n\n")
            }
            8 | 9 => {
                let (to, named) = (self.below(3), format!("CN=p{person} {}", self.below(1_000)));
                let parent = self.unit(play, to);
                self.people.insert(person, (to, named.clone()));
                format!(
                    "dn: {dn}\nchangetype: modrdn\nnewrdn: {named}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n\n"
                )
            }
            _ => {
                let (unit, before) = (self.below(3), self.units);
                let from = self.unit(play, unit);
                let parent = ["Inside", "Outside"][self.below(2)];
                self.units[unit] = (parent, before[unit].1 + 1);
                let to = self.unit(play, unit);
                let (named, superior) = to.split_once(',').unwrap();
                format!(
                    "dn: {from}\nchangetype: modrdn\nnewrdn: {named}\ndeleteoldrdn: 1\nnewsuperior: {superior}\n\n"
                )
            }
        }
    }
}

/// What a full import gives: DN by GUID.
async fn everybody(directory: &Directory) -> BTreeMap<[u8; 16], String> {
    let (mut stream, mut all) = (directory.users(attributes()), BTreeMap::new());
    while let Some(object) = stream.recv().await {
        let object = object.unwrap();
        all.insert(object.object_guid, object.dn);
    }
    all
}

#[tokio::test]
async fn deltas_over_many_operations_by_chance_end_where_a_full_import_does() {
    let (play, directory) = scene(Forest::Contoso, "chance");
    let units = [("Inside", 0), ("Inside", 0), ("Outside", 0)];
    let mut chance = Chance { seed: 20_261_124, units, people: BTreeMap::new(), made: 0 };
    for (unit, (parent, _)) in units.iter().enumerate() {
        unit_below(&play, &format!("unit{unit}-0,OU={parent}"));
    }
    let (mut by_dir_sync, mut by_usn) = (BTreeMap::new(), BTreeMap::new());
    let mut marks =
        [directory.watermark().await.unwrap(), directory.watermark_by_usn("for the test").await.unwrap()];
    for round in 0..20 {
        // What is given at once is one transaction, and Samba computes what is inherited at its end: who was moved and
        // deleted in one is left without the rights that let us see it. Over LDAP each operation is a transaction.
        let (mut ldif, mut waiting) = (String::new(), String::new());
        for _ in 0..25 {
            let operation = chance.operation(&play);
            if operation.contains("changetype: delete") {
                play.forest.modify(&std::mem::take(&mut waiting)).unwrap();
            }
            waiting.push_str(&operation);
            ldif.push_str(&operation);
        }
        play.forest.modify(&waiting).unwrap();
        for (mark, known) in marks.iter_mut().zip([&mut by_dir_sync, &mut by_usn]) {
            let seen = told(&directory, mark).await;
            known.retain(|guid, _| !seen.gone.contains(guid));
            known.extend(seen.present.into_values().map(|(dn, guid)| (guid, dn)));
        }
        let everybody = everybody(&directory).await;
        assert_eq!(by_dir_sync, everybody, "by DirSync, after\n{ldif}\nof round {round}");
        assert_eq!(by_usn, everybody, "by update sequence numbers, after\n{ldif}\nof round {round}");
    }
    assert!(chance.made > 100);
}
