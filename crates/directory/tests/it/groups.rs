//! Groups and their members, as a real domain controller tells them: whole, and what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ritorno_directory::{Change, Directory, Members, Since, Watermark};
use ritorno_lab::Forest;
use ritorno_protocol::clock::SystemClock;

use crate::playground::{Playground, line};

/// More than a domain controller of Windows gives at once.
const LARGE: usize = 1_510;

type Guid = [u8; 16];

fn scene(forest: Forest, name: &str) -> (Playground, Directory) {
    let play = Playground::new(forest, name);
    play.forest.let_see_deletions().unwrap();
    for unit in ["Groups", "People", "Elsewhere"] {
        let dn = format!("OU={unit},{}", play.ou);
        play.forest
            .modify(&format!("{}changetype: add\nobjectClass: organizationalUnit\n", line("dn", &dn)))
            .unwrap();
    }
    let mut config = play.config();
    config.scope = vec![format!("OU=People,{}", play.ou)];
    config.groups = vec![format!("OU=Groups,{}", play.ou)];
    (play, Directory::new(config, Arc::new(SystemClock)).unwrap())
}

fn add(play: &Playground, class: &str, unit: &str, name: &str) {
    let account =
        if class == "contact" { String::new() } else { format!("sAMAccountName: {}\n", play.account(name)) };
    play.forest
        .modify(&format!(
            "dn: CN={name},OU={unit},{}\nchangetype: add\nobjectClass: {class}\n{account}",
            play.ou
        ))
        .unwrap();
}

fn member(play: &Playground, operation: &str, group: &str, member: &str) {
    let ou = &play.ou;
    play.forest
        .modify(&format!("dn: CN={group},OU=Groups,{ou}\nchangetype: modify\n{operation}: member\nmember: CN={member},{ou}\n"))
        .unwrap();
}

/// Every object of a full import by its CN, and of groups the members.
async fn everything(directory: &Directory) -> BTreeMap<String, (Guid, Option<BTreeSet<Guid>>)> {
    let mut stream = directory.users(vec!["cn".to_owned()]);
    let mut all = BTreeMap::new();
    while let Some(object) = stream.recv().await {
        let object = object.unwrap();
        let name = String::from_utf8(object.attributes["cn"][0].clone()).unwrap();
        let members = object.members.map(|members| match members {
            Members::All(all) => all.into_iter().collect(),
            Members::Changed { .. } => panic!("a full import knows all"),
        });
        all.insert(name, (object.object_guid, members));
    }
    all
}

/// What a delta tells of groups, by CN; and who is gone.
async fn told(directory: &Directory, mark: &mut Watermark) -> (BTreeMap<String, Members>, BTreeSet<Guid>) {
    let (groups, gone, _) = all_told(directory, mark).await;
    (groups, gone)
}

/// The same, and in which groups those are that may have been brought back.
async fn all_told(
    directory: &Directory,
    mark: &mut Watermark,
) -> (BTreeMap<String, Members>, BTreeSet<Guid>, BTreeMap<Guid, BTreeSet<Guid>>) {
    let Since::Changes(mut delta) = directory.changes(mark, vec!["cn".to_owned()]).await.unwrap() else {
        panic!("the mark is good")
    };
    let (mut groups, mut gone, mut within) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    while let Some(changes) = delta.next().await.unwrap() {
        for change in changes {
            match change {
                Change::Present(object) => {
                    let name = String::from_utf8(object.attributes["cn"][0].clone()).unwrap();
                    groups.extend(object.members.map(|members| (name, members)));
                }
                Change::Gone(guid) => drop(gone.insert(guid)),
                Change::In { member, groups } => drop(within.insert(member, groups.into_iter().collect())),
            }
        }
    }
    *mark = delta.end().await.0;
    (groups, gone, within)
}

fn changed(added: &[Guid], removed: &[Guid]) -> Members {
    Members::Changed { added: added.to_vec(), removed: removed.to_vec() }
}

async fn members_are_told_whole_and_then_one_by_one(forest: Forest, name: &str) {
    let (play, directory) = scene(forest, name);
    ["anna", "bruno", "carla"].into_iter().for_each(|name| add(&play, "user", "People", name));
    ["outer", "inner"].into_iter().for_each(|name| add(&play, "group", "Groups", name));
    add(&play, "group", "Elsewhere", "foreign");
    member(&play, "add", "outer", "inner,OU=Groups");
    member(&play, "add", "outer", "anna,OU=People");
    member(&play, "add", "inner", "bruno,OU=People");
    let mut mark = directory.watermark().await.unwrap();
    let all = everything(&directory).await;
    let guid = |name: &str| all[name].0;
    let (anna, bruno, carla, inner) = (guid("anna"), guid("bruno"), guid("carla"), guid("inner"));
    assert_eq!(all["outer"].1, Some([anna, inner].into()));
    assert_eq!(all["inner"].1, Some([bruno].into()));
    assert!(all["anna"].1.is_none() && !all.contains_key("foreign"));
    assert!(told(&directory, &mut mark).await.0.is_empty(), "nothing changed");

    // One came, one went; a member that is renamed is the same member.
    member(&play, "add", "inner", "carla,OU=People");
    member(&play, "delete", "outer", "anna,OU=People");
    let ou = &play.ou;
    play.forest
        .modify(&format!(
            "dn: CN=bruno,OU=People,{ou}\nchangetype: modrdn\nnewrdn: CN=Bruno Gallo\ndeleteoldrdn: 1\n"
        ))
        .unwrap();
    let (groups, _) = told(&directory, &mut mark).await;
    assert_eq!(groups.get("inner"), Some(&changed(&[carla], &[])));
    assert_eq!(groups.get("outer"), Some(&changed(&[], &[anna])));

    // A new group is told whole, and so is one that comes into the scope; one that leaves it is gone.
    add(&play, "group", "Groups", "fresh");
    member(&play, "add", "fresh", "anna,OU=People");
    play.forest
        .modify(&format!(
            "dn: CN=foreign,OU=Elsewhere,{ou}\nchangetype: modify\nadd: member\nmember: CN=carla,OU=People,{ou}\n\n\
             dn: CN=foreign,OU=Elsewhere,{ou}\nchangetype: modrdn\nnewrdn: CN=foreign\ndeleteoldrdn: 1\nnewsuperior: OU=Groups,{ou}\n\n\
             dn: CN=inner,OU=Groups,{ou}\nchangetype: modrdn\nnewrdn: CN=inner\ndeleteoldrdn: 1\nnewsuperior: OU=Elsewhere,{ou}\n\n\
             dn: CN=outer,OU=Groups,{ou}\nchangetype: delete\n"
        ))
        .unwrap();
    let (groups, gone) = told(&directory, &mut mark).await;
    assert_eq!(groups.get("fresh"), Some(&Members::All(vec![anna])));
    assert_eq!(groups.get("foreign"), Some(&Members::All(vec![carla])));
    assert!(gone.contains(&inner) && gone.contains(&guid("outer")), "{gone:?}");
    assert_eq!(groups.len(), 2, "{groups:?}");
}

#[tokio::test]
async fn a_changed_member_is_one_change() {
    members_are_told_whole_and_then_one_by_one(Forest::Contoso, "Groups").await;
}

#[tokio::test]
async fn a_changed_member_is_one_change_at_an_old_level() {
    members_are_told_whole_and_then_one_by_one(Forest::Fabrikam, "Groups").await;
}

/// Deleted and brought back between two deltas: the groups have lost them and say nothing of it, so that they are asked.
#[tokio::test]
async fn whoever_is_brought_back_is_told_with_their_groups() {
    for by_usn in [false, true] {
        let (play, directory) = scene(Forest::Contoso, if by_usn { "Back USN" } else { "Back" });
        ["anna", "bruno"].into_iter().for_each(|name| add(&play, "user", "People", name));
        ["outer", "inner", "other"].into_iter().for_each(|name| add(&play, "group", "Groups", name));
        member(&play, "add", "outer", "inner,OU=Groups");
        for name in ["anna", "bruno"] {
            member(&play, "add", "inner", &format!("{name},OU=People"));
        }
        let all = everything(&directory).await;
        let guid = |name: &str| all[name].0;
        let mut mark = if by_usn {
            directory.watermark_by_usn("for the test").await.unwrap()
        } else {
            directory.watermark().await.unwrap()
        };
        let ou = &play.ou;
        let delete = |dn: &str| play.forest.modify(&format!("dn: {dn}\nchangetype: delete\n")).unwrap();
        let anna = format!("CN=anna,OU=People,{ou}");
        delete(&anna);
        play.forest.undelete(&play.account("anna"), &anna).unwrap();
        member(&play, "add", "other", "anna,OU=People");
        // One that was moved is where it was.
        play.forest
            .modify(&format!(
                "dn: CN=bruno,OU=People,{ou}\nchangetype: modrdn\nnewrdn: CN=Bruno Gallo\ndeleteoldrdn: 1\n"
            ))
            .unwrap();
        let (groups, _, within) = all_told(&directory, &mut mark).await;
        assert!(!groups.contains_key("inner"), "it does not tell: {groups:?}");
        assert_eq!(within.get(&guid("anna")), Some(&[guid("other")].into()), "{by_usn}");
        assert_eq!(within.get(&guid("bruno")), Some(&[guid("inner")].into()), "{by_usn}");
        // One that comes back out of scope, too: a container that is moved brings it in, and tells nothing of it.
        let bruno = format!("CN=Bruno Gallo,OU=People,{ou}");
        delete(&bruno);
        play.forest.undelete(&play.account("bruno"), &bruno.replace("OU=People", "OU=Elsewhere")).unwrap();
        let (_, gone, within) = all_told(&directory, &mut mark).await;
        assert!(gone.contains(&guid("bruno")));
        assert_eq!(within.get(&guid("bruno")), Some(&BTreeSet::new()), "{by_usn}");
        let inner = format!("CN=inner,OU=Groups,{ou}");
        delete(&inner);
        play.forest.undelete(&play.account("inner"), &inner).unwrap();
        let (groups, _, within) = all_told(&directory, &mut mark).await;
        assert_eq!(groups.get("inner"), Some(&Members::All(Vec::new())));
        assert_eq!(within.get(&guid("inner")), Some(&BTreeSet::new()), "{by_usn}");
    }
}

#[tokio::test]
async fn a_group_larger_than_a_range_is_read_to_its_end() {
    let (play, directory) = scene(Forest::Contoso, "Large Group");
    let ou = &play.ou;
    let contacts: String = (0..LARGE)
        .map(|number| {
            format!("dn: CN=c{number},OU=Elsewhere,{ou}\nchangetype: add\nobjectClass: contact\n\n")
        })
        .collect();
    play.forest.modify(&contacts).unwrap();
    let members: String =
        (0..LARGE).map(|number| format!("member: CN=c{number},OU=Elsewhere,{ou}\n")).collect();
    play.forest
        .modify(&format!(
            "dn: CN=large,OU=Groups,{ou}\nchangetype: add\nobjectClass: group\nsAMAccountName: {}\n{members}",
            play.account("large")
        ))
        .unwrap();
    let mut mark = directory.watermark().await.unwrap();
    let all = everything(&directory).await;
    assert_eq!(all["large"].1.as_ref().unwrap().len(), LARGE);
    add(&play, "contact", "Elsewhere", "last");
    member(&play, "add", "large", "last,OU=Elsewhere");
    let (groups, _) = told(&directory, &mut mark).await;
    let Members::Changed { added, removed } = &groups["large"] else { panic!("{groups:?}") };
    assert_eq!((added.len(), removed.len()), (1, 0), "one of {LARGE}");
}
