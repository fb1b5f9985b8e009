//! What a tenant bought, who got what, and what it grants them.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use ritorno_identity::licence::{Grant, Sku};
use ritorno_identity::name::SignInName;
use ritorno_identity::user::{Mastered, User};
use ritorno_storage::{Assigned, Assignment, AssignmentPlace, Holder};

use crate::fixture::{Fixture, NOW, on_both};
use crate::groups::group;

on_both!(
    what_is_assigned_is_granted_directly_and_through_groups,
    nobody_gets_what_was_not_bought,
    who_would_be_refused_is_counted_and_named,
    a_plan_that_is_switched_off_is_not_granted,
    pages_pass_over_nobody_while_others_come_and_go,
);

fn sku(name: &str) -> &'static Sku {
    Sku::find(name).unwrap()
}

fn assignment(name: &str, holder: Holder) -> Assignment {
    Assignment {
        sku: sku(name),
        holder,
        disabled_plans: BTreeSet::new(),
        usage_location: "IT".into(),
        assigned_at: NOW,
    }
}

async fn granted(f: &Fixture, user: &User) -> Grant {
    let found = f.store.users().get(f.tenant.id, user.id).await.unwrap().unwrap();
    let page = f.store.users().by_anchor(f.tenant.id, &user.on_premises().unwrap().source_anchor).await;
    assert_eq!(page.unwrap().unwrap().licence, found.licence, "the same whichever way somebody is found");
    found.licence
}

async fn what_is_assigned_is_granted_directly_and_through_groups(f: &Fixture) -> Result<()> {
    let (anna, bruno, carla) = (f.person("anna"), f.person("bruno"), f.person("carla"));
    for user in [&anna, &bruno, &carla] {
        f.store.users().insert(user).await?;
    }
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    for one in [&outer, &inner] {
        f.store.groups().insert(one).await?;
    }
    // Each contains the other, which a directory may well say, and ends all the same.
    let groups = f.store.groups();
    for (into, person, member) in [(&outer, &anna, &inner), (&inner, &bruno, &outer)] {
        let (people, groups_in_it) = ([person.id.to_string()], [member.id.to_string()]);
        assert_eq!(groups.add_members(f.tenant.id, into.id, &people, &groups_in_it).await?, 2);
    }

    let licences = f.store.licences();
    licences.subscribe(f.tenant.id, sku("AAD_PREMIUM"), 10).await?;
    licences.subscribe(f.tenant.id, sku("ENTERPRISEPACK"), 10).await?;
    ensure!(!licences.any_writeback(f.tenant.id).await?);
    for user in [&anna, &bruno, &carla] {
        assert_eq!(granted(f, user).await, Grant::Free);
    }
    let carlas = assignment("ENTERPRISEPACK", Holder::User(carla.id));
    assert_eq!(licences.assign(f.tenant.id, &carlas).await?, Assigned::Done);
    assert_eq!(granted(f, &carla).await, Grant::CloudReset);
    ensure!(!licences.any_writeback(f.tenant.id).await?);
    let groups = assignment("AAD_PREMIUM", Holder::Group(outer.id));
    assert_eq!(licences.assign(f.tenant.id, &groups).await?, Assigned::Done);
    ensure!(licences.any_writeback(f.tenant.id).await?);
    assert_eq!(granted(f, &anna).await, Grant::Writeback, "who is in the group");
    assert_eq!(granted(f, &bruno).await, Grant::Writeback, "who is in a group that is in it");
    assert_eq!(granted(f, &carla).await, Grant::CloudReset, "the others not");
    let carlas = assignment("AAD_PREMIUM", Holder::User(carla.id));
    assert_eq!(licences.assign(f.tenant.id, &carlas).await?, Assigned::Done);
    assert_eq!(granted(f, &carla).await, Grant::Writeback, "the better of two");

    let consumed = |all: Vec<ritorno_storage::Subscribed>| {
        all.iter().map(|one| (one.sku.name, one.units, one.consumed)).collect::<BTreeSet<_>>()
    };
    let expected = BTreeSet::from([("AAD_PREMIUM", 10, 3), ("ENTERPRISEPACK", 10, 1)]);
    assert_eq!(consumed(licences.subscribed(f.tenant.id).await?), expected);
    let listed = licences.assignments(f.tenant.id, 0, 10).await?;
    let names: Vec<(&str, &str)> =
        listed.iter().map(|one| (one.name.as_str(), one.assignment.sku.name)).collect();
    assert_eq!(listed[0].assignment, groups);
    assert_eq!(names[0], ("outer", "AAD_PREMIUM"));
    assert_eq!(names.len(), 3);
    assert_eq!(licences.assignments(f.tenant.id, 1, 1).await?, listed[1..2]);

    // Who leaves, or is gone, has it no more.
    f.store.groups().remove_members(f.tenant.id, inner.id, &[bruno.id.to_string()]).await?;
    assert_eq!(granted(f, &bruno).await, Grant::Free);
    f.store.groups().delete(f.tenant.id, outer.id, NOW).await?;
    assert_eq!(granted(f, &anna).await, Grant::Free);
    ensure!(licences.revoke(f.tenant.id, sku("AAD_PREMIUM"), Holder::User(carla.id)).await?);
    ensure!(!licences.revoke(f.tenant.id, sku("AAD_PREMIUM"), Holder::User(carla.id)).await?);
    ensure!(licences.unsubscribe(f.tenant.id, sku("ENTERPRISEPACK")).await?);
    ensure!(!licences.unsubscribe(f.tenant.id, sku("ENTERPRISEPACK")).await?);
    assert_eq!(granted(f, &carla).await, Grant::Free);
    Ok(())
}

async fn nobody_gets_what_was_not_bought(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (f.person("anna"), f.person("bruno"));
    f.store.users().insert(&anna).await?;
    f.store.users().insert(&bruno).await?;
    let licences = f.store.licences();
    let [annas, brunos] = [&anna, &bruno].map(|user| assignment("SPB", Holder::User(user.id)));
    assert_eq!(licences.assign(f.tenant.id, &annas).await?, Assigned::NotSubscribed);
    licences.subscribe(f.tenant.id, sku("SPB"), 1).await?;
    assert_eq!(licences.assign(f.tenant.id, &annas).await?, Assigned::Done);
    assert_eq!(licences.assign(f.tenant.id, &brunos).await?, Assigned::TooFew { units: 1, needed: 2 });
    assert_eq!(granted(f, &bruno).await, Grant::Free, "and nothing is left of it");
    // Fewer are bought: whoever has it keeps it, and may be assigned it anew.
    licences.subscribe(f.tenant.id, sku("SPB"), 0).await?;
    assert_eq!(licences.assign(f.tenant.id, &annas).await?, Assigned::Done);
    assert_eq!(granted(f, &anna).await, Grant::Writeback);
    licences.subscribe(f.tenant.id, sku("SPB"), 5).await?;
    let nobody = assignment("SPB", Holder::User(f.person("nobody").id));
    assert_eq!(licences.assign(f.tenant.id, &nobody).await?, Assigned::NoHolder);
    Ok(())
}

async fn who_would_be_refused_is_counted_and_named(f: &Fixture) -> Result<()> {
    let cloud = User { mastered: Mastered::CloudOnly, ..f.person("cloud") };
    let disabled = User { enabled: false, ..f.person("disabled") };
    let (anna, bruno) = (f.person("anna"), f.person("bruno"));
    for user in [&cloud, &disabled, &anna, &bruno] {
        f.store.users().insert(user).await?;
    }
    let licences = f.store.licences();
    assert_eq!(licences.count_without_writeback(f.tenant.id).await?, 2);
    let names = licences.names_without_writeback(f.tenant.id, 0, 10).await?;
    assert_eq!(names, [anna.user_principal_name.as_str(), &bruno.user_principal_name]);
    assert_eq!(licences.names_without_writeback(f.tenant.id, 1, 1).await?, names[1..]);
    licences.subscribe(f.tenant.id, sku("EMS"), 5).await?;
    licences.assign(f.tenant.id, &assignment("EMS", Holder::User(anna.id))).await?;
    assert_eq!(licences.names_without_writeback(f.tenant.id, 0, 10).await?, names[1..]);
    assert_eq!(licences.count_without_writeback(f.tenant.id).await?, 1);
    Ok(())
}

/// Who comes and goes between two pages is shown or not, and all others once.
async fn pages_pass_over_nobody_while_others_come_and_go(f: &Fixture) -> Result<()> {
    let licences = f.store.licences();
    for product in ["EMS", "SPB"] {
        licences.subscribe(f.tenant.id, sku(product), 20).await?;
    }
    let insert = async |name: &str| -> Result<User> {
        let user = f.person(name);
        f.store.users().insert(&user).await?;
        Ok(user)
    };
    let (bruno, carla, dario) = (insert("bruno").await?, insert("carla").await?, insert("dario").await?);
    let name = |user: &User| SignInName::of_principal(&user.user_principal_name);
    let refused = async |after: Option<&User>, count| {
        licences.names_without_writeback_after(f.tenant.id, after.map(name).as_ref(), count).await
    };
    assert_eq!(refused(None, 1).await?, [bruno.user_principal_name.as_str()]);
    // One comes before the place, and who was shown last goes.
    let anna = insert("anna").await?;
    licences.assign(f.tenant.id, &assignment("EMS", Holder::User(bruno.id))).await?;
    let rest = [carla.user_principal_name.as_str(), &dario.user_principal_name];
    assert_eq!(refused(Some(&bruno), 9).await?, rest);
    assert_eq!(refused(Some(&dario), 9).await?, [""; 0]);

    for user in [&carla, &dario] {
        licences.assign(f.tenant.id, &assignment("EMS", Holder::User(user.id))).await?;
        licences.assign(f.tenant.id, &assignment("SPB", Holder::User(user.id))).await?;
    }
    let team = group(f, "team");
    f.store.groups().insert(&team).await?;
    licences.assign(f.tenant.id, &assignment("SPB", Holder::Group(team.id))).await?;
    let all = licences.assignments_after(f.tenant.id, None, 99).await?;
    assert_eq!(all.len(), 6);
    assert_eq!(all[0].name, "team", "groups first");
    // Each one by itself, and nothing beside.
    let (mut seen, mut after) = (Vec::new(), None);
    while let [one] = licences.assignments_after(f.tenant.id, after.as_ref(), 1).await?.as_slice() {
        after = Some(AssignmentPlace::of(one));
        seen.push(one.clone());
        if seen.len() == 3 {
            // What was shown goes, and one comes before the place.
            for gone in &seen {
                let (sku, holder) = (gone.assignment.sku, gone.assignment.holder);
                ensure!(licences.revoke(f.tenant.id, sku, holder).await?);
            }
            licences.assign(f.tenant.id, &assignment("EMS", Holder::User(anna.id))).await?;
        }
    }
    assert_eq!(seen, all);
    Ok(())
}

async fn a_plan_that_is_switched_off_is_not_granted(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let licences = f.store.licences();
    licences.subscribe(f.tenant.id, sku("SPE_E3"), 5).await?;
    let off = Assignment {
        disabled_plans: sku("SPE_E3").plans.iter().map(|plan| plan.id).collect(),
        ..assignment("SPE_E3", Holder::User(anna.id))
    };
    assert_eq!(licences.assign(f.tenant.id, &off).await?, Assigned::Done);
    assert_eq!(granted(f, &anna).await, Grant::CloudReset);
    assert_eq!(licences.assignments(f.tenant.id, 0, 9).await?[0].assignment, off);
    let on = assignment("SPE_E3", Holder::User(anna.id));
    assert_eq!(licences.assign(f.tenant.id, &on).await?, Assigned::Done);
    assert_eq!(granted(f, &anna).await, Grant::Writeback);
    Ok(())
}
