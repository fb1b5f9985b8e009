//! Groups and who is in them.

use anyhow::{Result, ensure};
use ritorno_identity::group::{DirectoryGroup, Group, GroupOrigin};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::ids::{Forest, GroupId, SourceAnchor};
use ritorno_storage::{GroupFilter, GroupMembers, StoreError, Updated};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(
    comes_back_as_it_was_stored_and_changes_by_version,
    members_come_and_go_and_may_be_named_twice,
    who_goes_is_in_no_group,
    a_change_is_kept_whole_and_tells_by_a_version,
    many_members_and_pages,
    of_a_tenants_people_a_group_may_reset,
);

pub(crate) fn group(f: &Fixture, name: &str) -> Group {
    Group {
        id: GroupId::random(&f.random),
        tenant: f.tenant.id,
        display_name: name.to_owned(),
        origin: GroupOrigin::Directory(DirectoryGroup {
            source_anchor: SourceAnchor(format!("anchor of {name}")),
            forest: Forest("contoso.test".into()),
            domain: "CONTOSO".into(),
            account_name: name.to_owned(),
            exported_by: f.person(name).on_premises().unwrap().exported_by,
        }),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn comes_back_as_it_was_stored_and_changes_by_version(f: &Fixture) -> Result<()> {
    let groups = f.store.groups();
    let sales = group(f, "sales");
    groups.insert(&sales).await?;
    assert_eq!(groups.get(f.tenant.id, sales.id).await?, Some((sales.clone(), 0)));
    let again = Group { id: GroupId::random(&f.random), ..sales.clone() };
    ensure!(
        matches!(groups.insert(&again).await, Err(StoreError::Contradiction(_))),
        "one anchor, one group"
    );
    let renamed = Group { display_name: "Vendite".into(), ..sales.clone() };
    assert_eq!(groups.change(&renamed, 1, &GroupMembers::default()).await?, Updated::Done { version: 2 });
    assert_eq!(groups.change(&renamed, 1, &GroupMembers::default()).await?, Updated::Conflict);
    let found = groups.by_anchor(f.tenant.id, &sales.directory().unwrap().source_anchor).await?.unwrap().0;
    assert_eq!((found.display_name.as_str(), found.version), ("Vendite", 2));
    ensure!(groups.delete(f.tenant.id, sales.id, NOW).await?);
    ensure!(!groups.delete(f.tenant.id, sales.id, NOW).await?);
    Ok(())
}

async fn members_come_and_go_and_may_be_named_twice(f: &Fixture) -> Result<()> {
    let groups = f.store.groups();
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    let (anna, cloud) = (f.person("anna"), User { mastered: Mastered::CloudOnly, ..f.person("cloud") });
    for user in [&anna, &cloud] {
        f.store.users().insert(user).await?;
    }
    for one in [&outer, &inner] {
        groups.insert(one).await?;
    }
    let (tenant, id) = (f.tenant.id, outer.id);
    let people = [anna.id.to_string(), cloud.id.to_string(), "nobody".to_owned()];
    let nested = [inner.id.to_string()];
    assert_eq!(
        groups.add_members(tenant, id, &people, &nested).await?,
        2,
        "neither cloud-only people nor nobody"
    );
    assert_eq!(groups.add_members(tenant, id, &people, &nested).await?, 0);
    let mut expected = vec![(anna.id.to_string(), false), (inner.id.to_string(), true)];
    expected.sort();
    assert_eq!(groups.members(tenant, id).await?, expected);
    assert_eq!(groups.get(tenant, id).await?.unwrap().1, 2);
    assert_eq!(groups.find(tenant, id).await?.as_ref(), Some(&outer));
    assert_eq!(groups.members_among(tenant, id, &people).await?, [anna.id.to_string()]);
    assert_eq!(groups.members_among(tenant, id, &[]).await?, [""; 0]);
    assert_eq!(groups.remove_members(tenant, id, &people).await?, 1);
    assert_eq!(groups.remove_members(tenant, id, &people).await?, 0);
    assert_eq!(groups.remove_members(tenant, id, &nested).await?, 1);
    ensure!(
        groups.add_members(tenant, GroupId::random(&f.random), &people, &[]).await.is_err(),
        "no such group"
    );
    Ok(())
}

async fn who_goes_is_in_no_group(f: &Fixture) -> Result<()> {
    let groups = f.store.groups();
    let (outer, inner, anna) = (group(f, "outer"), group(f, "inner"), f.person("anna"));
    f.store.users().insert(&anna).await?;
    for one in [&outer, &inner] {
        groups.insert(one).await?;
        groups.add_members(f.tenant.id, one.id, &[anna.id.to_string()], &[]).await?;
    }
    groups.add_members(f.tenant.id, outer.id, &[], &[inner.id.to_string()]).await?;
    f.store.users().delete(f.tenant.id, anna.id).await?;
    assert_eq!(groups.members(f.tenant.id, outer.id).await?, [(inner.id.to_string(), true)]);
    groups.delete(f.tenant.id, inner.id, NOW).await?;
    assert_eq!(groups.members(f.tenant.id, outer.id).await?, []);
    Ok(())
}

async fn a_change_is_kept_whole_and_tells_by_a_version(f: &Fixture) -> Result<()> {
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    let (anna, paolo) = (f.person("anna"), f.person("paolo"));
    let cloud = User { mastered: Mastered::CloudOnly, ..f.person("cloud") };
    for user in [&anna, &paolo, &cloud] {
        f.store.users().insert(user).await?;
    }
    let groups = f.store.groups();
    groups.insert(&inner).await?;
    let ids = |ids: &[&User]| -> Vec<String> { ids.iter().map(|user| user.id.to_string()).collect() };
    let (tenant, nested) = (f.tenant.id, vec![inner.id.to_string()]);
    let first = GroupMembers { people: ids(&[&anna]), groups: nested.clone(), leaving: Vec::new() };
    groups.insert_with(&outer, &first).await?;
    assert_eq!(groups.get(tenant, outer.id).await?, Some((outer.clone(), 2)));
    let again = Group { id: GroupId::random(&f.random), ..outer.clone() };
    ensure!(matches!(groups.insert_with(&again, &first).await, Err(StoreError::Contradiction(_))));
    // Who would come: nobody twice, no cloud-only people, nobody who is not there.
    let asked = [ids(&[&anna, &paolo, &cloud]), vec!["nobody".to_owned()]].concat();
    let coming = groups.coming(tenant, outer.id, &asked, &nested).await?;
    assert_eq!(coming, GroupMembers { people: ids(&[&paolo]), ..GroupMembers::default() });

    // One who comes and one who goes are one change, which costs as many statements however many there are.
    let (counted, later) = (f.store.counted(), NOW.plus(std::time::Duration::from_secs(1)));
    let renamed = Group { display_name: "Fuori".into(), updated_at: later, ..outer.clone() };
    let moved = GroupMembers { people: ids(&[&paolo]), groups: Vec::new(), leaving: ids(&[&anna]) };
    assert_eq!(counted.groups().change(&renamed, 1, &moved).await?, Updated::Done { version: 2 });
    assert_eq!(counted.statements(), 3);
    let members = async |group: &Group| groups.members(tenant, group.id).await;
    let is = |members: Vec<(String, bool)>, expected: &[String]| {
        let mut expected = expected.to_vec();
        expected.sort();
        members.into_iter().map(|(id, _)| id).collect::<Vec<_>>() == expected
    };
    let now = [ids(&[&paolo]), nested.clone()].concat();
    ensure!(is(members(&outer).await?, &now));
    // Of what comes too late nothing is kept.
    let back = GroupMembers { people: ids(&[&anna]), groups: Vec::new(), leaving: ids(&[&paolo]) };
    let late = Group { display_name: "Late".into(), ..renamed.clone() };
    assert_eq!(groups.change(&late, 1, &back).await?, Updated::Conflict);
    // Nor of what contradicts another row.
    let taken = Group { origin: inner.origin.clone(), ..renamed.clone() };
    ensure!(matches!(groups.change(&taken, 2, &back).await, Err(StoreError::Contradiction(_))));
    let stands = groups.find(tenant, outer.id).await?.unwrap();
    assert_eq!((stands.display_name.as_str(), stands.version, stands.updated_at), ("Fuori", 2, later));
    ensure!(is(members(&outer).await?, &now));
    let of = groups.of_member(tenant, &paolo.id.to_string()).await?;
    assert_eq!(of.iter().map(|(group, count)| (group.id, *count)).collect::<Vec<_>>(), [(outer.id, 2)]);
    assert_eq!(groups.of_member(tenant, &nested[0]).await?.len(), 1);

    // Whoever goes leaves a new version of each group that they were in.
    let version = async || -> Result<(i64, bool)> {
        let group = groups.find(tenant, outer.id).await?.unwrap();
        Ok((group.version, group.updated_at == later.plus(std::time::Duration::from_secs(1))))
    };
    let then = later.plus(std::time::Duration::from_secs(1));
    ensure!(f.store.users().remove(tenant, paolo.id, then).await?);
    ensure!(!f.store.users().remove(tenant, paolo.id, then).await?);
    assert_eq!(version().await?, (3, true));
    ensure!(groups.delete(tenant, inner.id, then).await? && !groups.delete(tenant, inner.id, then).await?);
    assert_eq!(version().await?, (4, true));
    ensure!(members(&outer).await?.is_empty());
    ensure!(
        groups.find(tenant, inner.id).await?.is_none()
            && f.store.users().get(tenant, paolo.id).await?.is_none()
    );
    Ok(())
}

async fn many_members_and_pages(f: &Fixture) -> Result<()> {
    let groups = f.store.groups();
    let large = group(f, "large");
    groups.insert(&large).await?;
    let mut ids = Vec::new();
    for number in 0..230 {
        let user = f.person(&format!("user{number}"));
        f.store.users().insert(&user).await?;
        ids.push(user.id.to_string());
    }
    assert_eq!(groups.add_members(f.tenant.id, large.id, &ids, &[]).await?, 230);
    for number in 0..4 {
        groups.insert(&group(f, &format!("small{number}"))).await?;
    }
    let forest = GroupFilter::Forest(Forest("contoso.test".into()));
    let (first, second) =
        (groups.list(f.tenant.id, &forest, 1, 3).await?, groups.list(f.tenant.id, &forest, 4, 3).await?);
    assert_eq!((first.total, first.groups.len(), second.groups.len()), (5, 3, 2));
    let all: Vec<_> = first.groups.into_iter().chain(second.groups).collect();
    ensure!(all.iter().any(|(group, members)| group.id == large.id && *members == 230));
    assert_eq!(
        groups.list(f.tenant.id, &GroupFilter::Forest(Forest("fabrikam.test".into())), 1, 3).await?.total,
        0
    );
    assert_eq!(groups.remove_members(f.tenant.id, large.id, &ids[1..]).await?, 229);
    Ok(())
}

async fn of_a_tenants_people_a_group_may_reset(f: &Fixture) -> Result<()> {
    let (anna, paolo) = (f.person("anna"), f.person("paolo"));
    for user in [&anna, &paolo] {
        f.store.users().insert(user).await?;
    }
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    let (groups, users, tenant) = (f.store.groups(), f.store.users(), f.tenant.id);
    for one in [&outer, &inner] {
        groups.insert(one).await?;
    }
    groups.add_members(tenant, outer.id, &[], &[inner.id.to_string()]).await?;
    groups.add_members(tenant, inner.id, &[anna.id.to_string()], &[outer.id.to_string()]).await?;
    let selected = async || -> Result<[bool; 2]> {
        let mut found = [false; 2];
        for (one, user) in found.iter_mut().zip([&anna, &paolo]) {
            *one = users.get(tenant, user.id).await?.is_some_and(|user| user.selected);
        }
        Ok(found)
    };
    assert_eq!(selected().await?, [true, true], "everybody");
    for id in [outer.id, inner.id] {
        f.store.tenants().update(&Tenant { sspr_groups: vec![id], ..f.tenant.clone() }).await?;
        assert_eq!(selected().await?, [true, false], "directly, and through another group");
    }
    // Of several, whichever of them somebody is in.
    let (others, more) = (group(f, "others"), group(f, "more"));
    for one in [&others, &more] {
        groups.insert(one).await?;
    }
    groups.add_members(tenant, others.id, &[paolo.id.to_string()], &[]).await?;
    for (named, expected) in [
        (vec![outer.id, others.id], [true, true]),
        (vec![others.id, inner.id], [true, true]),
        (vec![more.id, others.id], [false, true]),
        (vec![more.id, others.id, outer.id], [true, true]),
        (vec![more.id], [false, false]),
    ] {
        let named = Tenant { sspr_groups: named, ..f.tenant.clone() };
        f.store.tenants().update(&named).await?;
        assert_eq!(selected().await?, expected, "{:?}", named.sspr_groups);
        assert_eq!(f.store.tenants().get(tenant).await?.as_ref(), Some(&named));
    }
    // A version before this one knows the first one only: what it names since holds, and the list does not.
    let several = Tenant { sspr_groups: vec![more.id, others.id], ..f.tenant.clone() };
    for (set, expected) in [(Some(inner.id), [true, false]), (None, [true, true])] {
        f.store.tenants().update(&several).await?;
        f.statement("update tenants set sspr_group = $1", set.map(|id| id.to_string())).await?;
        assert_eq!(selected().await?, expected);
        let read = f.store.tenants().get(tenant).await?.map(|tenant| tenant.sspr_groups);
        assert_eq!(read, Some(Vec::from_iter(set)));
    }
    f.store.tenants().update(&Tenant { sspr_groups: vec![inner.id], ..f.tenant.clone() }).await?;
    groups.delete(tenant, inner.id, NOW).await?;
    assert_eq!(selected().await?, [false, false], "a group that is gone has nobody");
    f.store.tenants().update(&f.tenant).await?;
    assert_eq!(selected().await?, [true, true]);
    Ok(())
}
