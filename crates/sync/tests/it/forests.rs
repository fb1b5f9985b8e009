//! One person in several forests: linked accounts, a move, and the anchor that stays.

use ritorno_protocol::ids::Forest;
use ritorno_protocol::scim::RitornoUser;
use ritorno_sync::{Connector, ImportedObject, Layer, ObjectFault, Rules};

use crate::world::{World, guid, object};

/// Accounts with the same employee number are one person.
const BY_EMPLOYEE: &str = "[[join]]\nname = \"employee\"\nkey = \"employeeID\"\n";

fn forest(name: &str, rank: u32) -> Connector {
    let rules = Rules::layered(&[Layer { name: "rules.toml", text: BY_EMPLOYEE }]).unwrap();
    Connector {
        name: name.into(),
        forest: Forest(name.into()),
        domain: name.split('.').next().unwrap().to_uppercase(),
        dns_domain: name.into(),
        rank,
        rules,
        ..crate::world::connector()
    }
}

fn account(number: u16, employee: &str, control: &str, display: &str) -> ImportedObject {
    let name = format!("user{number}@x.test");
    let more = [
        ("employeeID", employee),
        ("userAccountControl", control),
        ("displayName", display),
        ("userPrincipalName", &name),
    ];
    object(number, &more)
}

/// The people of the tenant: forest, account, display name, enabled.
fn people(world: &World) -> Vec<(String, String, String, bool)> {
    let all = world.service.tenant().by_anchor();
    let person = |user: ritorno_protocol::scim::User| {
        let RitornoUser { forest, account_name, .. } = user.ritorno.unwrap();
        (forest, account_name, user.display_name.unwrap_or_default(), user.active)
    };
    let mut people: Vec<_> = all.into_values().map(person).collect();
    people.sort();
    people
}

fn entry(forest: &str, account: &str, display: &str, enabled: bool) -> (String, String, String, bool) {
    (forest.to_owned(), account.to_owned(), display.to_owned(), enabled)
}

#[tokio::test]
async fn of_two_linked_accounts_the_enabled_one_counts() {
    let world = World::new().await;
    let (resources, accounts) = (forest("resources.test", 0), forest("accounts.test", 1));
    // The forest with the disabled twin comes first, and nobody was exported before both were read.
    let first = || vec![account(1, "e1", "514", "Linked"), account(2, "e2", "512", "Two")];
    let second = || vec![account(11, "e1", "512", "Anna"), account(12, "e3", "512", "Three")];
    world.cycle_of(&[(&resources, first()), (&accounts, second())]).await;
    let linked = [
        entry("accounts.test", "user11", "Anna", true),
        entry("accounts.test", "user12", "Three", true),
        entry("resources.test", "user2", "Two", true),
    ];
    assert_eq!(people(&world), linked);
    // The account's own value counts, and what it lacks comes from the other.
    let mut lacking = account(11, "e1", "512", "Anna");
    lacking.attributes.remove("displayName");
    world
        .cycle_of(&[(&resources, first()), (&accounts, vec![lacking, account(12, "e3", "512", "Three")])])
        .await;
    assert_eq!(people(&world)[0], entry("accounts.test", "user11", "Linked", true));

    // Both enabled: the first forest would count now, but the person is known by the other's anchor.
    let both = vec![account(1, "e1", "512", "Linked"), account(2, "e2", "512", "Two")];
    world.cycle_of(&[(&resources, both), (&accounts, second())]).await;
    assert_eq!(people(&world).len(), 3);
    assert_eq!(people(&world)[0].1, "user11", "an anchor is immutable");
    let found = world.engine.search("user1@x.test", 1).await.unwrap();
    let ritorno_sync::Standing::Faulty(ObjectFault::AnchorChanged { from, to }) = &found[0].standing else {
        panic!("{found:?}")
    };
    let anchors: Vec<String> = [11, 1].map(|number| crate::model::anchor_of_guid(guid(number))).to_vec();
    assert_eq!([from.clone(), to.clone()].to_vec(), anchors, "both values are named");
    // Set right, it is told no more.
    world.cycle_of(&[(&resources, first()), (&accounts, second())]).await;
    let found = world.engine.search("user1@x.test", 1).await.unwrap();
    assert_eq!(found[0].standing, ritorno_sync::Standing::Joined);
}

#[tokio::test]
async fn a_person_moved_to_another_forest_with_their_anchor_stays_who_they_are() {
    let world = World::new().await;
    let (old, new) = (forest("old.test", 0), forest("new.test", 1));
    let others = || vec![account(5, "e5", "512", "Five")];
    let with = |more: ImportedObject| others().into_iter().chain([more]).collect::<Vec<_>>();
    world
        .cycle_of(&[
            (&old, with(account(1, "e1", "512", "Anna"))),
            (&new, vec![account(6, "e6", "512", "Six")]),
        ])
        .await;
    let id = |world: &World| {
        let tenant = world.service.tenant();
        let found = tenant.users.iter().find(|(_, user)| user.display_name.as_deref() == Some("Anna"));
        *found.unwrap().0
    };
    let before = id(&world);
    // In one cycle she is gone here and there with the same anchor; a new account name, GUID and SID.
    let moved = || {
        let mut moved = account(21, "x1", "512", "Anna");
        moved.attributes.insert("mS-DS-ConsistencyGuid".into(), vec![guid(1).to_vec()]);
        vec![moved, account(6, "e6", "512", "Six")]
    };
    world.cycle_of(&[(&old, others()), (&new, moved())]).await;
    assert_eq!(id(&world), before, "nobody was removed and made again");
    assert_eq!(people(&world)[0], entry("new.test", "user21", "Anna", true));
    assert!(!world.service.tenant().requests.iter().any(|(method, _)| method == "DELETE"));

    // And back, by way of both: the account that stays enabled counts.
    let disabled = || {
        let mut moved = moved();
        moved[0].attributes.insert("userAccountControl".into(), vec![b"514".to_vec()]);
        moved
    };
    world.cycle_of(&[(&old, with(account(1, "e1", "512", "Anna"))), (&new, disabled())]).await;
    assert_eq!((id(&world), people(&world).len()), (before, 3));
    assert!(people(&world).contains(&entry("old.test", "user1", "Anna", true)));
    world.cycle_of(&[(&old, others()), (&new, disabled())]).await;
    assert!(
        people(&world).contains(&entry("new.test", "user21", "Anna", false)),
        "only that account is left"
    );
}

#[tokio::test]
async fn whose_anchor_is_gone_is_somebody_else_from_then_on() {
    let world = World::new().await;
    let (resources, accounts) = (forest("resources.test", 0), forest("accounts.test", 1));
    let first = || vec![account(1, "e1", "514", "Linked"), account(2, "e2", "512", "Two")];
    world
        .cycle_of(&[
            (&resources, first()),
            (&accounts, vec![account(11, "e1", "512", "Anna"), account(12, "", "512", "T")]),
        ])
        .await;
    world.cycle_of(&[(&resources, first()), (&accounts, vec![account(12, "", "512", "T")])]).await;
    // The linked account is judged anew when its forest is; until then nobody has both.
    world.cycle_of(&[(&resources, first()), (&accounts, vec![account(12, "", "512", "T")])]).await;
    let left = people(&world);
    assert_eq!(left[1], entry("resources.test", "user1", "Linked", false), "{left:?}");
    assert_eq!(left.len(), 3);
}

#[tokio::test]
async fn a_join_that_is_added_later_finds_who_was_there_before() {
    let world = World::new().await;
    let (one, two) = (forest("one.test", 0), forest("two.test", 1));
    let before = Connector { rules: Rules::default(), ..one.clone() };
    let first = || vec![account(1, "e1", "512", "A")];
    world.cycle_of(&[(&before, first())]).await;
    world.cycle_of(&[(&one, first()), (&two, vec![account(11, "e1", "514", "B")])]).await;
    assert_eq!(people(&world), [entry("one.test", "user1", "A", true)]);
}

#[tokio::test]
async fn two_matches_are_none() {
    let world = World::new().await;
    let (one, two) = (forest("one.test", 0), forest("two.test", 1));
    let twice = vec![account(1, "e1", "512", "A"), account(2, "e1", "512", "B")];
    world.cycle_of(&[(&one, twice), (&two, vec![account(11, "e1", "512", "C")])]).await;
    assert_eq!(people(&world).len(), 3, "nobody is joined to either of two");
}

#[tokio::test]
async fn a_name_that_is_used_again_is_somebody_else_and_one_out_of_the_recycle_bin_is_not() {
    let world = World::new().await;
    let (one, two) = (forest("one.test", 0), forest("two.test", 1));
    let first = || vec![account(1, "e1", "512", "A"), account(2, "e2", "512", "B")];
    let second = || vec![account(11, "e11", "512", "C")];
    world.cycle_of(&[(&one, first()), (&two, second())]).await;
    let before = world.service.tenant().by_anchor();
    // The account is deleted and another person gets its name: another GUID, so another person.
    let mut recycled = first();
    recycled[0].object_guid = guid(99);
    world.cycle_of(&[(&one, recycled), (&two, second())]).await;
    let after = world.service.tenant().by_anchor();
    let anchor = |number| crate::model::anchor_of_guid(guid(number));
    assert!(before.contains_key(&anchor(1)) && !after.contains_key(&anchor(1)));
    assert_eq!(after[&anchor(99)].user_name, before[&anchor(1)].user_name);
    // Taken out of the recycle bin, it is the same object again.
    world.cycle_of(&[(&one, first()), (&two, second())]).await;
    let restored = world.service.tenant().by_anchor();
    assert!(restored.contains_key(&anchor(1)) && !restored.contains_key(&anchor(99)));
}

#[tokio::test]
async fn where_the_first_join_matches_nobody_or_two_the_second_decides() {
    let world = World::new().await;
    let text = format!("{BY_EMPLOYEE}[[join]]\nname = \"by-mail\"\nkey = \"mail\"\n");
    let rules = Rules::layered(&[Layer { name: "rules.toml", text: &text }]).unwrap();
    let (one, two) = (
        Connector { rules: rules.clone(), ..forest("one.test", 0) },
        Connector { rules, ..forest("two.test", 1) },
    );
    let with_mail = |mut account: ImportedObject, mail: &str| {
        account.attributes.insert("mail".into(), vec![format!("{mail}@x.test").into_bytes()]);
        account
    };
    // What each is called comes from whomever they are joined to.
    let nameless = |number, employee, mail| {
        let mut account = with_mail(account(number, employee, "512", ""), mail);
        account.attributes.remove("displayName");
        account
    };
    let first = vec![
        nameless(1, "e1", "anna"),
        nameless(2, "e1", "bruno"),
        nameless(3, "e3", "carla"),
        nameless(4, "e4", "dario"),
        nameless(5, "e5", "franco"),
        nameless(6, "e5", "gino"),
    ];
    let linked = |number, employee, mail, name| with_mail(account(number, employee, "514", name), mail);
    let second = vec![
        linked(11, "e1", "bruno", "Two, then one"),
        linked(12, "e9", "carla", "None, then one"),
        linked(13, "e4", "anna", "One, whatever comes then"),
        linked(14, "e5", "elena", "Two, then none"),
    ];
    world.cycle_of(&[(&one, first), (&two, second)]).await;
    assert_eq!(
        people(&world),
        [
            entry("one.test", "user1", "", true),
            entry("one.test", "user2", "Two, then one", true),
            entry("one.test", "user3", "None, then one", true),
            entry("one.test", "user4", "One, whatever comes then", true),
            entry("one.test", "user5", "", true),
            entry("one.test", "user6", "", true),
            entry("two.test", "user14", "Two, then none", false),
        ]
    );
}
