//! Groups: what the directory says of who is in them is what the tenant has.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use ritorno_protocol::ids::Forest;
use ritorno_sync::{
    Begun, Changed, Changes, Connector, DeltaSource, ImportSource, ImportedObject, Layer, Members, Page,
    Rules, Run, SourceError, Watermark,
};

use crate::world::{SCOPE, World, connector, guid, object};

/// A group with number `number`, whose RID is that number too.
pub(crate) fn group(number: u16, members: Members) -> ImportedObject {
    let name = format!("group{number}");
    let mut group = object(number, &[("cn", &name), ("sAMAccountName", &name), ("displayName", "")]);
    group.dn = format!("CN={name},OU=Groups,DC=contoso,DC=test");
    group.members = Some(members);
    group
}

pub(crate) fn all(members: &[u16]) -> Members {
    Members::All(members.iter().map(|number| guid(*number)).collect())
}

pub(crate) fn changed(added: &[u16], removed: &[u16]) -> Members {
    let list = |numbers: &[u16]| numbers.iter().map(|number| guid(*number)).collect();
    Members::Changed { added: list(added), removed: list(removed) }
}

/// The changes that it was made of, once.
pub(crate) struct Delta(pub(crate) Vec<Changed>);

#[async_trait]
impl ImportSource for Delta {
    async fn next(&mut self) -> Result<Page, SourceError> {
        panic!("nothing is lost")
    }

    fn scope(&self) -> String {
        SCOPE.to_owned()
    }
}

#[async_trait]
impl DeltaSource for Delta {
    async fn begin(&mut self, _: &Watermark) -> Result<Begun, SourceError> {
        Ok(Begun::Ready)
    }

    async fn next_changes(&mut self) -> Result<Changes, SourceError> {
        let changes = std::mem::take(&mut self.0);
        if changes.is_empty() {
            return Ok(Changes::End { server: None, watermark: "m".into(), note: None, all: false });
        }
        Ok(Changes::Some(changes))
    }
}

pub(crate) async fn full(world: &World, objects: Vec<ImportedObject>) {
    let mut source = crate::world::Objects::new(objects, 3);
    source.watermark = Some("m".into());
    world.run(Run::FullImport(&mut source)).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
}

pub(crate) async fn delta(world: &World, changes: Vec<Changed>) {
    world.run(Run::DeltaImport(&mut Delta(changes))).await.unwrap();
    world.run(Run::DeltaSync).await.unwrap();
    world.export().await.unwrap();
}

/// Who is in which group of the tenant, by account names.
pub(crate) fn tenant(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let tenant = world.service.tenant();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    names.extend(
        tenant.users.iter().map(|(id, user)| (id.to_string(), user.ritorno.clone().unwrap().account_name)),
    );
    names.extend(tenant.groups.iter().map(|(id, group)| (id.to_string(), group.display_name.clone())));
    let members = |group: &ritorno_protocol::scim::Group| -> BTreeSet<String> {
        let named: BTreeSet<_> = group.members.iter().map(|member| names[&member.value].clone()).collect();
        assert_eq!(named.len(), group.members.len(), "nobody is in it twice");
        named
    };
    tenant.groups.values().map(|group| (group.display_name.clone(), members(group))).collect()
}

pub(crate) fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn members_follow_the_directory_nested_and_primary_ones_too() {
    let world = World::new().await;
    let person = |number: u16| object(number, &[]);
    let of_primary = |number: u16, rid: &str| object(number, &[("primaryGroupID", rid)]);
    let objects = || {
        let critical = {
            let mut critical = group(103, all(&[1]));
            critical.attributes.insert("isCriticalSystemObject".into(), vec![b"TRUE".to_vec()]);
            critical
        };
        vec![
            group(100, all(&[1, 101, 77])),
            group(101, all(&[2])),
            critical,
            person(1),
            person(2),
            of_primary(3, "101"),
        ]
    };
    full(&world, objects()).await;
    let expected = BTreeMap::from([
        ("group100".to_owned(), set(&["user1", "group101"])),
        ("group101".to_owned(), set(&["user2", "user3"])),
    ]);
    assert_eq!(tenant(&world), expected, "whom nobody knows is left out");
    let before = world.service.tenant().requests.len();
    full(&world, objects()).await;
    assert_eq!(world.service.tenant().requests.len(), before, "nothing changed, and nothing is sent");

    // One came, one went: one small request each.
    delta(&world, vec![Changed::Present(group(100, changed(&[2], &[1])))]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user2", "group101"]));
    assert_eq!(world.service.tenant().requests.len(), before + 1);
    // Another primary group; a member who goes; one who comes later than their membership.
    delta(&world, vec![Changed::Present(of_primary(3, "100")), Changed::Gone(guid(2))]).await;
    assert_eq!(tenant(&world)["group101"], set(&[]));
    assert_eq!(tenant(&world)["group100"], set(&["user3", "group101"]));
    delta(&world, vec![Changed::Present(group(101, changed(&[5], &[])))]).await;
    assert_eq!(tenant(&world)["group101"], set(&[]));
    delta(&world, vec![Changed::Present(person(5)), Changed::Present(person(77))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user5"]));
    assert_eq!(tenant(&world)["group100"], set(&["user3", "user77", "group101"]));
    // A group goes, and comes back.
    delta(&world, vec![Changed::Gone(guid(101))]).await;
    assert_eq!(tenant(&world), BTreeMap::from([("group100".to_owned(), set(&["user3", "user77"]))]));
    delta(&world, vec![Changed::Present(group(101, all(&[5])))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user5"]));
    assert_eq!(tenant(&world)["group100"], set(&["user3", "user77", "group101"]));
}

#[tokio::test]
async fn whoever_leaves_a_primary_group_is_named_by_it_from_then_on_in_whatever_order_that_is_told() {
    let of_primary = |rid: &str| object(1, &[("primaryGroupID", rid)]);
    for group_first in [false, true] {
        let world = World::new().await;
        full(&world, vec![group(100, all(&[])), of_primary("100")]).await;
        assert_eq!(tenant(&world)["group100"], set(&["user1"]));
        let mut told =
            vec![Changed::Present(of_primary("513")), Changed::Present(group(100, changed(&[1], &[])))];
        if group_first {
            told.reverse();
        }
        for change in told {
            world.run(Run::DeltaImport(&mut Delta(vec![change]))).await.unwrap();
        }
        delta(&world, Vec::new()).await;
        assert_eq!(tenant(&world)["group100"], set(&["user1"]), "{group_first}");
        delta(&world, vec![Changed::Present(group(100, changed(&[], &[1])))]).await;
        assert_eq!(tenant(&world)["group100"], set(&[]), "{group_first}");
    }
}

#[tokio::test]
async fn one_member_of_a_large_group_is_one_small_request() {
    let world = World::new().await;
    let people: Vec<u16> = (0..1_300).collect();
    let objects =
        people.iter().map(|number| object(*number, &[])).chain([group(5_000, all(&people))]).collect();
    full(&world, objects).await;
    assert_eq!(tenant(&world)["group5000"].len(), 1_300);
    assert_eq!(world.service.tenant().patches.len(), 3, "500 at once");
    world.service.tenant().patches.clear();
    delta(&world, vec![Changed::Present(group(5_000, changed(&[], &[7])))]).await;
    assert_eq!(tenant(&world)["group5000"].len(), 1_299);
    let patches = world.service.tenant().patches.clone();
    assert!(patches.len() == 1 && patches[0] < 200, "{patches:?}");
    // Sixty go in one request.
    world.service.tenant().patches.clear();
    delta(&world, vec![Changed::Present(group(5_000, changed(&[], &people[100..230])))]).await;
    assert_eq!((tenant(&world)["group5000"].len(), world.service.tenant().patches.len()), (1_169, 3));
}

#[tokio::test]
async fn what_was_changed_over_there_is_found_and_mended() {
    let world = World::new().await;
    let people = || (1..4).map(|number| object(number, &[]));
    full(&world, people().chain([group(100, all(&[1, 2])), group(101, all(&[3]))]).collect()).await;
    let confirm = async || {
        let run = Run::ConfirmingImport { target: &world.target, lease_epoch: 1 };
        world.run(run).await.unwrap();
        world.export().await.unwrap();
    };
    let before = tenant(&world);
    // A stranger is put in, one is taken out, and a whole group goes.
    {
        let mut tenant = world.service.tenant();
        let id = *tenant.users.iter().find(|(_, user)| user.user_name.starts_with("user3@")).unwrap().0;
        let first = *tenant.groups.keys().next().unwrap();
        let group = tenant.groups.get_mut(&first).unwrap();
        group
            .members
            .push(ritorno_protocol::scim::Member { value: id.to_string(), kind: Default::default() });
        let last = *tenant.groups.keys().last().unwrap();
        tenant.groups.remove(&last);
    }
    confirm().await;
    assert_eq!(tenant(&world), before);
    world.service.tenant().groups.values_mut().for_each(|group| group.members.clear());
    confirm().await;
    assert_eq!(tenant(&world), before);
    // A lost answer makes nothing twice.
    world.service.tenant().lose_answer = true;
    delta(&world, vec![Changed::Present(group(102, all(&[1])))]).await;
    assert_eq!((tenant(&world).len(), &tenant(&world)["group102"]), (3, &set(&["user1"])));
}

#[tokio::test]
async fn a_difference_of_one_member_is_mended_by_one_member() {
    let world = World::new().await;
    let people: Vec<u16> = (0..700).collect();
    let objects: Vec<_> = people.iter().map(|number| object(*number, &[])).collect();
    full(&world, objects.into_iter().chain([group(5_000, all(&people[..650]))]).collect()).await;
    let id = |name: &str| {
        let tenant = world.service.tenant();
        tenant.users.iter().find(|(_, user)| user.user_name.starts_with(name)).unwrap().0.to_string()
    };
    let (stranger, lost) = (id("user690@"), id("user7@"));
    {
        // One for another: the number is the same.
        let mut tenant = world.service.tenant();
        let group = tenant.groups.values_mut().next().unwrap();
        group.members.retain(|member| member.value != lost);
        group.members.push(ritorno_protocol::scim::Member { value: stranger, kind: Default::default() });
        tenant.patches.clear();
    }
    world.run(Run::ConfirmingImport { target: &world.target, lease_epoch: 1 }).await.unwrap();
    world.export().await.unwrap();
    let expected: BTreeSet<String> = people[..650].iter().map(|number| format!("user{number}")).collect();
    assert_eq!(tenant(&world)["group5000"], expected);
    let patches = world.service.tenant().patches.clone();
    assert!(patches.len() == 1 && patches[0] < 400, "{patches:?}");
    // And then there is nothing to mend.
    let report = world.run(Run::ConfirmingImport { target: &world.target, lease_epoch: 1 }).await.unwrap();
    assert_eq!((report.counts.updates, report.counts.unchanged), (0, 701));
}

#[tokio::test]
async fn an_account_made_anew_for_the_same_person_stays_in_its_groups() {
    let world = World::new().await;
    let anchor = vec![9_u8; 16];
    let account = |number: u16| {
        let mut account = object(number, &[("userPrincipalName", "anna@contoso.test")]);
        account.attributes.insert("mS-DS-ConsistencyGuid".into(), vec![anchor.clone()]);
        account
    };
    let others: Vec<u16> = (10..20).collect();
    let people = || others.iter().map(|number| object(*number, &[]));
    let of = |number: u16| group(100, all(&[&[number][..], &others].concat()));
    full(&world, people().chain([of(1), account(1)]).collect()).await;
    // The old account goes and the new one is in the group, all in one cycle: to the tenant it is one person, who stays in it.
    full(&world, people().chain([of(2), account(2)]).collect()).await;
    full(&world, people().chain([of(2), account(2)]).collect()).await;
    assert_eq!(tenant(&world)["group100"].len(), 11);
    assert!(tenant(&world)["group100"].contains("user2"));
}

#[tokio::test]
async fn who_is_in_a_group_is_in_scope_however_deep() {
    let mut world = World::new().await;
    let text =
        "[[keep_only]]\nname = 'sspr'\nwhen = [{ group = 'CN=group100,OU=Groups,DC=contoso,DC=test' }]";
    world.connector.rules = Rules::layered(&[Layer { name: "rules.toml", text }]).unwrap();
    let people = || (1..6).map(|number| object(number, &[]));
    let groups = |inner: &[u16]| [group(100, all(&[1, 101])), group(101, all(inner))];
    full(&world, people().chain(groups(&[2, 102])).chain([group(102, all(&[3]))]).collect()).await;
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test", "user3@contoso.test"]);
    // Nobody changed but the group in the group.
    delta(&world, vec![Changed::Present(group(102, changed(&[4], &[3])))]).await;
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test", "user4@contoso.test"]);
    delta(&world, vec![Changed::Present(group(101, changed(&[], &[102])))]).await;
    assert_eq!(world.names(), ["user1@contoso.test", "user2@contoso.test"]);
}

#[tokio::test]
async fn a_person_of_another_forest_is_in_the_group_that_knows_them_by_their_sid() {
    let world = World::new().await;
    let other = Connector {
        name: "fabrikam.test".into(),
        forest: Forest("fabrikam.test".into()),
        rank: 1,
        ..connector()
    };
    let there = |number: u16| {
        let name = format!("there{number}@fabrikam.test");
        object(number, &[("userPrincipalName", &name), ("sAMAccountName", &name)])
    };
    // The object 900 of this forest stands for the other's 50; its SID is in the name.
    let here = |members: &[u16]| {
        let foreign = vec![(guid(900), "S-1-5-21-1-2-3-50".to_owned())];
        vec![object(1, &[]), ImportedObject { foreign, ..group(100, all(members)) }]
    };
    let cycle = async |members: &[u16], people: Vec<ImportedObject>| {
        world.cycle_of(&[(&world.connector, here(members)), (&other, people)]).await;
        // Whoever has come to the tenant meanwhile is put into their groups by the next cycle.
        world.cycle_of(&[(&world.connector, here(members))]).await;
    };
    cycle(&[1, 900], vec![there(51)]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1"]), "nobody has that SID yet");
    cycle(&[1, 900], vec![there(50), there(51)]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1", "there50@fabrikam.test"]));
    cycle(&[1], vec![there(50), there(51)]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1"]));
    cycle(&[1, 900], vec![there(50), there(51)]).await;
    assert_eq!(tenant(&world)["group100"].len(), 2);
    // They go altogether, and with them their membership.
    cycle(&[1, 900], vec![there(51)]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1"]));
}
