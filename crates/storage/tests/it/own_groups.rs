//! Groups of the tenant's own: who may be in them, whom a program sees of them, and by which names they are found.

use anyhow::{Result, ensure};
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::flow::Person;
use ritorno_identity::group::{Group, GroupOrigin};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{Forest, GroupId};
use ritorno_storage::{GroupFilter, GroupMembers, StoreError, Updated, UserFilter};

use crate::fixture::{Fixture, NOW, on_both};
use crate::groups::group;

on_both!(
    comes_back_as_it_was_stored_and_by_its_external_id,
    people_and_groups_of_directories_are_in_none,
    whom_a_program_does_not_reach_stays_unseen,
    a_name_is_of_one_kind_of_group,
    who_becomes_a_directorys_leaves,
    what_changed_is_told_and_nothing_else,
);

pub(crate) fn own(f: &Fixture, name: &str) -> Group {
    let origin = GroupOrigin::Own { external_id: Some(format!("hr-{name}")) };
    Group { origin, ..group(f, name) }
}

async fn cloud(f: &Fixture, name: &str) -> Result<User> {
    let user_principal_name = format!("{name}@cloud.contoso.test");
    let user = User { mastered: Mastered::CloudOnly, user_principal_name, ..f.person(name) };
    f.store.users().insert(&user).await?;
    Ok(user)
}

fn domains() -> Vec<String> {
    vec!["Cloud.contoso.test".to_owned()]
}

async fn comes_back_as_it_was_stored_and_by_its_external_id(f: &Fixture) -> Result<()> {
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    let (first, second) = (own(f, "first"), own(f, "second"));
    let unnamed = Group { origin: GroupOrigin::Own { external_id: None }, ..own(f, "unnamed") };
    let another = Group { id: GroupId::random(&f.random), ..unnamed.clone() };
    for one in [&first, &second, &unnamed, &another] {
        groups.insert(one).await?;
        assert_eq!(groups.find(tenant, one.id).await?.as_ref(), Some(one));
    }
    assert_eq!(groups.by_external_id(tenant, "hr-first").await?, Some((first.clone(), 0)));
    assert_eq!(groups.by_external_id(tenant, "HR-first").await?, None, "compared exactly");
    let taken = Group { origin: first.origin.clone(), version: 1, ..second.clone() };
    let refused = groups.change(&taken, 1, &GroupMembers::default()).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    let renamed = Group { origin: GroupOrigin::Own { external_id: None }, ..second.clone() };
    assert_eq!(groups.change(&renamed, 1, &GroupMembers::default()).await?, Updated::Done { version: 2 });
    assert_eq!(groups.by_external_id(tenant, "hr-second").await?, None);
    // Each kind is listed by itself.
    groups.insert(&group(f, "sales")).await?;
    let forest = GroupFilter::Forest(Forest("contoso.test".into()));
    for (filter, total) in [(&GroupFilter::Own, 4), (&forest, 1)] {
        assert_eq!(groups.list(tenant, filter, 1, 9).await?.groups.len(), total);
        assert_eq!(groups.list(tenant, filter, 1, 0).await?.total as usize, total);
        assert_eq!(groups.after(tenant, filter, None, 9).await?.len(), total);
    }
    // No group becomes one of the other kind.
    let turned = Group { origin: group(f, "turned").origin, version: 1, ..first };
    assert_eq!(groups.change(&turned, 1, &GroupMembers::default()).await?, Updated::Conflict);
    Ok(())
}

async fn people_and_groups_of_directories_are_in_none(f: &Fixture) -> Result<()> {
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    let (team, inner, sales) = (own(f, "team"), own(f, "inner"), group(f, "sales"));
    let (carla, anna) = (cloud(f, "carla").await?, f.person("anna"));
    f.store.users().insert(&anna).await?;
    for one in [&team, &inner, &sales] {
        groups.insert(one).await?;
    }
    let people = [carla.id, anna.id].map(|id| id.to_string());
    let nested = [inner.id, sales.id].map(|id| id.to_string());
    let coming = groups.coming_to_own(tenant, team.id, &people, &nested, &domains()).await?;
    assert_eq!((coming.people, coming.groups), (vec![people[0].clone()], vec![nested[0].clone()]));
    // Nor does the statement that adds them take others.
    let all = GroupMembers { people: people.to_vec(), groups: nested.to_vec(), leaving: Vec::new() };
    assert_eq!(groups.change(&team, 1, &all).await?, Updated::Done { version: 2 });
    let mut expected = vec![(people[0].clone(), false), (nested[0].clone(), true)];
    expected.sort();
    assert_eq!(groups.members(tenant, team.id).await?, expected);
    assert_eq!(groups.change(&sales, 1, &all).await?, Updated::Done { version: 2 });
    let mut expected = vec![(people[1].clone(), false), (nested[1].clone(), true)];
    expected.sort();
    assert_eq!(groups.members(tenant, sales.id).await?, expected);
    assert_eq!(groups.coming(tenant, sales.id, &people, &nested).await?, GroupMembers::default());
    assert_eq!(groups.of_directories_among(tenant, &nested).await?, nested[1..]);
    Ok(())
}

async fn whom_a_program_does_not_reach_stays_unseen(f: &Fixture) -> Result<()> {
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    let (team, carla, boss) = (own(f, "team"), cloud(f, "carla").await?, cloud(f, "boss").await?);
    groups.insert(&team).await?;
    let ids = [carla.id, boss.id].map(|id| id.to_string());
    let all = GroupMembers { people: ids.to_vec(), ..GroupMembers::default() };
    groups.change(&team, 1, &all).await?;
    assert_eq!(groups.members_seen(tenant, team.id, &domains()).await?.len(), 2);
    let administrator = Administrator {
        id: AdministratorId::random(&f.random),
        tenant,
        name: "boss".into(),
        person: Some(boss.id),
        mail: None,
        cloud_only: true,
        role: Role::HelpDesk,
        scope: Scope::default(),
        break_glass: false,
        app: false,
        passkeys: 0,
        password: PasswordHash::from_stored("x".into()),
        created_at: NOW,
    };
    f.store.administrators().insert(&administrator).await?;
    let seen = vec![(ids[0].clone(), false)];
    assert_eq!(groups.members_seen(tenant, team.id, &domains()).await?, seen);
    assert_eq!(groups.members_seen_among(tenant, team.id, &ids, &domains()).await?, ids[..1]);
    assert_eq!(groups.members_seen(tenant, team.id, &[]).await?, [], "of no cloud domain");
    assert_eq!(groups.members(tenant, team.id).await?.len(), 2, "they stay in it");
    let other = own(f, "other");
    groups.insert(&other).await?;
    assert_eq!(groups.coming_to_own(tenant, other.id, &ids, &[], &domains()).await?.people, ids[..1]);
    Ok(())
}

async fn a_name_is_of_one_kind_of_group(f: &Fixture) -> Result<()> {
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    let (sales, same) = (group(f, "sales"), own(f, "sales"));
    let feigned = Group { display_name: "CONTOSO\\sales".into(), ..own(f, "feigned") };
    let found = async |name: &str| -> Result<Vec<GroupId>> {
        Ok(groups.named(tenant, name).await?.into_iter().map(|group| group.id).collect())
    };
    for one in [&same, &feigned] {
        groups.insert(one).await?;
    }
    for name in ["sales", "Sales", "CONTOSO\\sales"] {
        assert_eq!(found(name).await?, [], "{name}: the directory has none yet");
    }
    groups.insert(&sales).await?;
    for name in ["sales", "SALES", "contoso\\Sales"] {
        assert_eq!(found(name).await?, [sales.id], "{name}");
    }
    for name in ["scim:sales", "SCIM: Sales"] {
        assert_eq!(found(name).await?, [same.id], "{name}");
    }
    assert_eq!(found(&same.id.to_string()).await?, [same.id]);
    assert_eq!(found(&sales.id.to_string()).await?, [sales.id]);
    // A directory's group may be called as it likes, and is no other one by that.
    let odd = Group { display_name: "scim:odd".into(), ..group(f, "odd") };
    groups.insert(&odd).await?;
    assert_eq!((found("scim:odd").await?, found("contoso\\odd").await?), (vec![], vec![odd.id]));
    Ok(())
}

async fn who_becomes_a_directorys_leaves(f: &Fixture) -> Result<()> {
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    let (team, other, carla) = (own(f, "team"), own(f, "other"), cloud(f, "carla").await?);
    for one in [&team, &other] {
        groups.insert(one).await?;
    }
    let all = GroupMembers { people: vec![carla.id.to_string()], ..GroupMembers::default() };
    groups.change(&team, 1, &all).await?;
    let later = Timestamp::from_unix_ms(NOW.unix_ms() + 1_000);
    let users = f.store.users();
    f.store.registrations().insert(&f.registration(Person::Known(carla.id))).await?;
    let joined = User { mastered: f.person("luca").mastered, display_name: "Carla".into(), ..carla.clone() };
    assert_eq!(users.join(&joined, 7, later).await?, Updated::Conflict);
    // The last of it can't be written: then nothing is.
    f.define(
        "create trigger broken before delete on registrations begin select raise(abort, 'broken'); end",
        "create function broken() returns trigger as $$ begin raise exception 'broken'; end $$ language plpgsql; \
         create trigger broken before delete on registrations for each row execute function broken()",
    )
    .await?;
    assert!(users.join(&joined, 1, later).await.is_err());
    let still = users.get(tenant, carla.id).await?.unwrap();
    assert!(still.on_premises().is_none() && still.version == 1, "{still:?}");
    assert_eq!(groups.members(tenant, team.id).await?, [(carla.id.to_string(), false)]);
    assert_eq!(groups.find(tenant, team.id).await?.unwrap().version, 2);
    f.define("drop trigger broken", "drop trigger broken on registrations").await?;
    assert_eq!(users.join(&joined, 1, later).await?, Updated::Done { version: 2 });
    assert!(users.get(tenant, carla.id).await?.unwrap().on_premises().is_some());
    assert_eq!(
        f.store.registrations().end_of(tenant, carla.id).await?,
        0,
        "what was proved before holds still"
    );
    assert_eq!(groups.members(tenant, team.id).await?, []);
    let left = groups.find(tenant, team.id).await?.unwrap();
    assert_eq!((left.version, left.updated_at), (3, later));
    assert_eq!(groups.find(tenant, other.id).await?.unwrap().version, 1);
    Ok(())
}

async fn what_changed_is_told_and_nothing_else(f: &Fixture) -> Result<()> {
    let (groups, users, tenant) = (f.store.groups(), f.store.users(), f.tenant.id);
    let late = Timestamp::from_unix_ms(NOW.unix_ms() + 1);
    let (carla, anna) = (cloud(f, "carla").await?, f.person("anna"));
    users.insert(&anna).await?;
    let mut changed = Vec::new();
    for one in [&carla, &anna] {
        users.update(&User { updated_at: late, ..one.clone() }, 1).await?;
        changed.push(one.id.to_string());
    }
    users.insert(&f.person("paolo")).await?;
    changed.sort();
    assert_eq!(users.changed_since(tenant, late).await?, changed);
    assert_eq!(users.changed_since(tenant, NOW).await?.len(), 3);
    let forest = Forest("contoso.test".into());
    for (filter, id) in
        [(UserFilter::Forest(forest.clone()), anna.id), (UserFilter::CloudDomains(domains()), carla.id)]
    {
        let found: Vec<_> = users.among(tenant, &filter, &changed).await?.iter().map(|one| one.id).collect();
        assert_eq!(found, [id], "{filter:?}");
    }
    let (mine, theirs) = (own(f, "mine"), group(f, "theirs"));
    for one in [&mine, &theirs] {
        groups.insert(&Group { updated_at: late, ..one.clone() }).await?;
    }
    groups.insert(&own(f, "before")).await?;
    let changed = groups.changed_since(tenant, late).await?;
    assert_eq!((changed.len(), groups.changed_since(tenant, NOW).await?.len()), (2, 3));
    for (filter, id) in [(GroupFilter::Own, mine.id), (GroupFilter::Forest(forest), theirs.id)] {
        let found: Vec<_> =
            groups.among(tenant, &filter, &changed).await?.iter().map(|one| one.0.id).collect();
        assert_eq!(found, [id], "{filter:?}");
    }
    Ok(())
}
