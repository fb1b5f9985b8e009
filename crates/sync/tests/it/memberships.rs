//! Members whose groups do not tell of all that changed: who was brought back from deletion, and whose primary group came later.

use std::collections::BTreeMap;

use ritorno_sync::{Changed, ImportedObject};

use crate::groups::{all, changed, delta, full, group, set, tenant};
use crate::world::{World, guid, object};

/// A directory's word that an object is in these groups and no others.
fn within(member: u16, groups: &[u16]) -> Changed {
    Changed::In { member: guid(member), groups: groups.iter().map(|number| guid(*number)).collect() }
}

fn back(member: u16, groups: &[u16]) -> Vec<Changed> {
    vec![Changed::Present(object(member, &[])), within(member, groups)]
}

#[tokio::test]
async fn who_was_brought_back_from_deletion_is_in_the_groups_that_have_them_now() {
    let world = World::new().await;
    let groups = [group(100, all(&[1, 2])), group(101, all(&[1, 2])), group(102, all(&[2, 101]))];
    full(&world, [object(1, &[]), object(2, &[])].into_iter().chain(groups).collect()).await;
    // A tombstone comes back: its groups have lost it, and do not say so.
    delta(&world, vec![Changed::Gone(guid(1))]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user2"]));
    delta(&world, back(1, &[])).await;
    let without = ["group100", "group101"].map(|name| tenant(&world)[name].clone());
    assert_eq!(without, [set(&["user2"]), set(&["user2"])]);
    assert!(world.names().contains(&"user1@contoso.test".to_owned()));
    // Deleted and brought back while nobody looked, from the recycle bin this time: it is in the groups that have it, told or not.
    delta(&world, back(2, &[100, 102])).await;
    let now = BTreeMap::from([
        ("group100".to_owned(), set(&["user2"])),
        ("group101".to_owned(), set(&[])),
        ("group102".to_owned(), set(&["user2", "group101"])),
    ]);
    assert_eq!(tenant(&world), now);
    // One that only left the scope, and comes back, is in its groups as before.
    delta(&world, vec![Changed::Gone(guid(2))]).await;
    delta(&world, vec![Changed::Present(object(2, &[]))]).await;
    assert_eq!(tenant(&world), now);
    // A group is a member as others are.
    delta(&world, vec![Changed::Present(group(101, all(&[]))), within(101, &[])]).await;
    assert_eq!(tenant(&world)["group102"], set(&["user2"]));
    // Its group's own word still counts, before or after.
    delta(&world, vec![Changed::Present(group(100, changed(&[1], &[2]))), within(2, &[102])]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1"]));
    let asked = world.service.tenant().requests.len();
    delta(&world, vec![within(1, &[100]), within(2, &[102])]).await;
    assert_eq!(world.service.tenant().requests.len(), asked, "nothing changed, and nothing is sent");
}

#[tokio::test]
async fn who_is_suspended_first_is_in_no_group_that_has_lost_them_when_they_come_back() {
    let mut world = World::new().await;
    world.connector.suspend_first = Some(std::time::Duration::from_secs(7 * 24 * 3_600));
    full(&world, vec![object(1, &[]), object(2, &[]), group(100, all(&[1, 2])), group(101, all(&[1]))]).await;
    delta(&world, vec![Changed::Gone(guid(1))]).await;
    assert_eq!(tenant(&world)["group100"], set(&["user1", "user2"]), "suspended, they have what they had");
    delta(&world, back(1, &[101])).await;
    assert_eq!(tenant(&world)["group100"], set(&["user2"]));
    assert_eq!(tenant(&world)["group101"], set(&["user1"]));
}

/// A group that says by which number its members have it as their primary one.
fn numbered(number: u16, token: &str, members: &[u16]) -> ImportedObject {
    let mut group = group(number, all(members));
    group.attributes.insert("primaryGroupToken".into(), vec![token.as_bytes().to_vec()]);
    group
}

#[tokio::test]
async fn a_primary_group_that_comes_later_or_has_another_number_has_its_members() {
    let world = World::new().await;
    let person = |number: u16, primary: &str| object(number, &[("primaryGroupID", primary)]);
    let people = [person(1, "700"), person(2, "700"), person(3, "800")];
    full(&world, people.into_iter().chain([numbered(100, "800", &[])]).collect()).await;
    assert_eq!(tenant(&world)["group100"], set(&["user3"]), "its number is its own word, and not the SID's");
    // The people are there, and are not told again.
    delta(&world, vec![Changed::Present(numbered(101, "700", &[2, 3]))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user1", "user2", "user3"]));
    // With another number it has others; who is named stays, whoever's primary group it was.
    delta(&world, vec![Changed::Present(numbered(101, "900", &[2, 3]))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user2", "user3"]));
    delta(&world, vec![Changed::Present(numbered(101, "800", &[2]))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user2", "user3"]));
    // Whose primary group it is no more is in it while it names them, and not after.
    delta(&world, vec![Changed::Present(person(3, "1")), Changed::Present(numbered(101, "800", &[2, 3]))])
        .await;
    assert_eq!(tenant(&world)["group101"], set(&["user2", "user3"]));
    assert_eq!(tenant(&world)["group100"], set(&[]));
    delta(&world, vec![Changed::Present(numbered(101, "800", &[2]))]).await;
    assert_eq!(tenant(&world)["group101"], set(&["user2"]));
}

/// A controller that makes another group somebody's primary one names them in the former and takes them off the latter's list: each is told with
/// its own object, in any order.
#[tokio::test]
async fn another_primary_group_is_told_by_three_objects_in_any_order() {
    let person = |primary: &str| Changed::Present(object(1, &[("primaryGroupID", primary)]));
    let changes = || {
        [
            person("101"),
            Changed::Present(group(100, changed(&[1], &[]))),
            Changed::Present(group(101, changed(&[], &[1]))),
        ]
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for one_by_one in [false, true] {
            let world = World::new().await;
            let start =
                [object(1, &[("primaryGroupID", "100")]), group(100, all(&[])), group(101, all(&[1]))];
            full(&world, start.into()).await;
            let ordered: Vec<_> = order.iter().map(|at| changes()[*at].clone()).collect();
            let pages = if one_by_one { ordered.chunks(1) } else { ordered.chunks(3) };
            for page in pages {
                delta(&world, page.to_vec()).await;
            }
            let both =
                BTreeMap::from(["group100", "group101"].map(|name| (name.to_owned(), set(&["user1"]))));
            assert_eq!(tenant(&world), both, "{order:?}");
            // Off the list of the one, they are out; the other has them without a list.
            delta(
                &world,
                vec![Changed::Present(group(100, all(&[]))), Changed::Present(group(101, all(&[])))],
            )
            .await;
            assert_eq!(tenant(&world)["group100"], set(&[]), "{order:?}");
            assert_eq!(tenant(&world)["group101"], set(&["user1"]), "{order:?}");
        }
    }
}
