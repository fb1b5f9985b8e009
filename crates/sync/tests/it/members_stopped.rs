//! Members of groups whom the tenant does not let through, or does not take now: how often it is asked.

use ritorno_protocol::scim::STALE_LEASE_STATUS;
use ritorno_sync::HELD_IN_TENANT_AGAIN;

use crate::groups::{all, changed, full, group};
use crate::world::{World, object};

/// The tenant's ids of these people.
fn ids(world: &World, numbers: impl IntoIterator<Item = u16>) -> Vec<String> {
    let tenant = world.service.tenant();
    let id = |number: u16| {
        let name = format!("user{number}@contoso.test");
        tenant.users.iter().find(|(_, user)| user.user_name == name).expect("somebody").0.to_string()
    };
    numbers.into_iter().map(id).collect()
}

#[tokio::test]
async fn however_many_are_held_each_request_goes_once_more_at_most() {
    const PEOPLE: u16 = 300;
    let world = World::new().await;
    let people: Vec<u16> = (0..PEOPLE).collect();
    let objects = |of_group: &[u16]| {
        people
            .iter()
            .map(|number| object(*number, &[]))
            .chain([group(1_001, all(of_group))])
            .collect::<Vec<_>>()
    };
    full(&world, objects(&people)).await;
    // All but one leave; three of them are let through.
    let free = [7, 150, 299];
    let held = ids(&world, (1..PEOPLE).filter(|number| !free.contains(number)));
    world.service.tenant().held = held;
    let members = || world.service.tenant().groups.values().next().expect("the group").members.len();
    let asked = || world.service.tenant().patches.len();
    let before = asked();
    world.import(objects(&[0])).await.unwrap();
    world.sync().await.unwrap();
    world.export().await.unwrap();
    assert_eq!(members(), usize::from(PEOPLE) - free.len());
    // Five requests of sixty, and once more those that are not all held.
    assert!((6..=8).contains(&(asked() - before)), "{} requests", asked() - before);
    let before = asked();
    world.clock.advance(HELD_IN_TENANT_AGAIN);
    world.export().await.unwrap();
    assert_eq!((asked() - before, members()), (5, usize::from(PEOPLE) - free.len()));
    world.service.tenant().held.clear();
    world.clock.advance(HELD_IN_TENANT_AGAIN);
    world.export().await.unwrap();
    assert_eq!((asked() - before, members()), (10, 1));
}

#[tokio::test]
async fn after_an_answer_that_stops_the_export_no_further_round_goes_out() {
    const GROUPS: u16 = 40;
    /// Groups in a round, all of which are on their way when the answer comes.
    const ROUND: usize = 16;
    for status in [401, STALE_LEASE_STATUS] {
        let world = World::new().await;
        let objects = |of_groups: &[u16]| {
            let groups = (1_001..=1_000 + GROUPS).map(|number| group(number, all(of_groups)));
            (0..2).map(|number| object(number, &[])).chain(groups).collect::<Vec<_>>()
        };
        full(&world, objects(&[0])).await;
        world.import(objects(&[0, 1])).await.unwrap();
        world.sync().await.unwrap();
        world.service.tenant().requests.clear();
        world.service.tenant().refuse.push_back((status, None));
        world.export().await.unwrap_err();
        assert_eq!(world.service.tenant().requests.len(), ROUND, "{status}");
        world.export().await.unwrap();
        let short = world.service.tenant().groups.values().filter(|group| group.members.len() != 2).count();
        assert_eq!(short, 0, "the next export goes on");
    }
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_taken_back_if_the_directory_says_so() {
    for comes in [true, false] {
        let world = World::new().await;
        let objects = |members| vec![object(0, &[]), object(1, &[]), group(1_001, members)];
        full(&world, objects(all(if comes { &[0] } else { &[0, 1] }))).await;
        let of_group = || world.service.tenant().groups.values().next().expect("the group").members.len();
        let before = of_group();
        // The tenant does what it is asked, and the agent never learns that.
        let (one, back) = if comes {
            (changed(&[1], &[]), changed(&[], &[1]))
        } else {
            (changed(&[], &[1]), changed(&[1], &[]))
        };
        world.import(objects(one)).await.unwrap();
        world.sync().await.unwrap();
        world.service.tenant().lose_members = true;
        world.export().await.unwrap_err();
        assert_ne!(of_group(), before, "it was done");
        // Before the next export the directory is as it was.
        world.import(objects(back)).await.unwrap();
        world.sync().await.unwrap();
        world.export().await.unwrap();
        assert_eq!(of_group(), before, "comes: {comes}");
        let asked = world.service.tenant().patches.len();
        world.export().await.unwrap();
        assert_eq!(world.service.tenant().patches.len(), asked, "nothing is left to send");
    }
}
