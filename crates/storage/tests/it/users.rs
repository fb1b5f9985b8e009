//! People.

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::name::SignInName;
use ritorno_identity::user::{Mastered, Provisioned, User};
use ritorno_protocol::ids::{SourceAnchor, UserId};
use ritorno_storage::{StoreError, Updated, UserFilter};

use crate::fixture::{Fixture, on_both};

on_both!(
    comes_back_as_they_were_stored,
    found_by_either_name,
    name_of_two_is_nobodys,
    anchor_and_principal_name_are_one_persons,
    change_needs_the_version_that_was_read,
    registered_address_is_its_owners_alone,
    registered_number_is_its_owners_alone,
    pages_and_filters,
    tenants_do_not_see_each_other,
    found_by_a_part_of_a_name,
    an_external_id_is_one_persons_and_gone_with_a_directory,
    people_of_the_tenants_domains_are_listed_without_administrators,
);

async fn comes_back_as_they_were_stored(f: &Fixture) -> Result<()> {
    let users = f.store.users();
    let hybrid = f.person("anna");
    let cloud_only = User {
        mastered: Mastered::CloudOnly,
        provisioned: Provisioned {
            external_id: Some("hr-4711".into()),
            given_name: Some("Bruno".into()),
            family_name: None,
        },
        mail: None,
        alternate_mail: None,
        registered_mail: Some("bruno@posta.test".into()),
        mobile: Some("+39 333 7654321".into()),
        registered_mobile: Some("+393331234567".into()),
        language: None,
        enabled: false,
        ..f.person("bruno")
    };
    for user in [&hybrid, &cloud_only] {
        users.insert(user).await?;
        assert_eq!(users.get(f.tenant.id, user.id).await?.as_ref(), Some(user));
    }
    ensure!(users.delete(f.tenant.id, hybrid.id).await?);
    ensure!(!users.delete(f.tenant.id, hybrid.id).await?);
    assert_eq!(users.get(f.tenant.id, hybrid.id).await?, None);
    Ok(())
}

async fn found_by_either_name(f: &Fixture) -> Result<()> {
    let anna = f.person("Anna");
    f.store.users().insert(&anna).await?;
    for typed in ["ANNA@contoso.TEST", "contoso\\anna", " CONTOSO\\ANNA "] {
        let found = f.store.users().by_sign_in_name(f.tenant.id, &SignInName::parse(typed)?).await?;
        assert_eq!(found.as_ref(), Some(&anna), "{typed}");
    }
    for typed in ["anna@fabrikam.test", "FABRIKAM\\anna"] {
        let found = f.store.users().by_sign_in_name(f.tenant.id, &SignInName::parse(typed)?).await?;
        assert_eq!(found, None, "{typed}");
    }
    let anchor = SourceAnchor("anchor of Anna".into());
    assert_eq!(f.store.users().by_anchor(f.tenant.id, &anchor).await?, Some(anna));
    Ok(())
}

async fn name_of_two_is_nobodys(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    let mut namesake = f.person("anna2");
    if let Mastered::Hybrid(object) = &mut namesake.mastered {
        object.account_name = "anna".into();
    }
    f.store.users().insert(&anna).await?;
    f.store.users().insert(&namesake).await?;
    let by = async |typed: &str| -> Result<Option<UserId>> {
        let name = SignInName::parse(typed)?;
        Ok(f.store.users().by_sign_in_name(f.tenant.id, &name).await?.map(|user| user.id))
    };
    assert_eq!(by("CONTOSO\\anna").await?, None);
    assert_eq!(by("anna@contoso.test").await?, Some(anna.id));
    Ok(())
}

async fn anchor_and_principal_name_are_one_persons(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let same_name = User {
        mastered: Mastered::CloudOnly,
        user_principal_name: "ANNA@contoso.test".into(),
        ..f.person("x")
    };
    let same_anchor = User { mastered: anna.mastered.clone(), ..f.person("y") };
    for twin in [same_name, same_anchor] {
        let refused = f.store.users().insert(&twin).await;
        ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    }
    Ok(())
}

async fn change_needs_the_version_that_was_read(f: &Fixture) -> Result<()> {
    let users = f.store.users();
    let anna = f.person("anna");
    users.insert(&anna).await?;
    let renamed = User { display_name: "Anna Bianchi".into(), enabled: false, ..anna.clone() };
    assert_eq!(users.update(&renamed, 1).await?, Updated::Done { version: 2 });
    assert_eq!(users.update(&anna, 1).await?, Updated::Conflict);
    assert_eq!(users.get(f.tenant.id, anna.id).await?, Some(User { version: 2, ..renamed.clone() }));

    assert_eq!(users.update(&f.person("nobody"), 1).await?, Updated::Conflict);
    Ok(())
}

async fn registered_number_is_its_owners_alone(f: &Fixture) -> Result<()> {
    let users = f.store.users();
    let anna = User { mobile: Some("+39 333 1111111".into()), ..f.person("anna") };
    users.insert(&anna).await?;
    let set = async |former: Option<&str>, number: Option<&str>| {
        users.set_registered_mobile(f.tenant.id, anna.id, former, number).await
    };
    let (first, second) = (Some("+393331234567"), Some("+447700900123"));
    ensure!(!set(second, first).await? && set(None, first).await? && !set(None, second).await?);
    // A synchronisation changes the directory's, and leaves what the person registered.
    let moved = User { mobile: None, ..anna.clone() };
    assert_eq!(users.update(&moved, 1).await?, Updated::Done { version: 2 });
    let stored = users.get(f.tenant.id, anna.id).await?.context("she is there")?;
    assert_eq!((stored.registered_mobile.as_deref(), stored.mobile), (first, None));
    ensure!(set(first, None).await?);
    Ok(())
}

async fn registered_address_is_its_owners_alone(f: &Fixture) -> Result<()> {
    let users = f.store.users();
    let anna = f.person("anna");
    users.insert(&anna).await?;
    let set = async |former: Option<&str>, mail: Option<&str>| {
        users.set_registered_mail(f.tenant.id, anna.id, former, mail).await
    };
    let (first, second) = (Some("anna@posta.test"), Some("anna@libero.test"));
    ensure!(!set(second, first).await?, "another one was read than is stored");
    ensure!(set(None, first).await?);
    let stored = users.get(f.tenant.id, anna.id).await?;
    assert_eq!(stored, Some(User { registered_mail: first.map(str::to_owned), ..anna.clone() }));

    // A synchronisation that read the person before knows nothing of the address, meets no conflict, and leaves it.
    let moved = User { alternate_mail: Some("anna.nuova@mail.test".into()), ..anna.clone() };
    assert_eq!(users.update(&moved, 1).await?, Updated::Done { version: 2 });
    let stored = users.get(f.tenant.id, anna.id).await?;
    let own = stored.as_ref().and_then(|user| user.registered_mail.as_deref());
    assert_eq!(own, first);
    assert_eq!(stored.and_then(|user| user.alternate_mail), moved.alternate_mail);

    ensure!(set(first, second).await? && !set(first, None).await? && set(second, None).await?);
    assert_eq!(users.get(f.tenant.id, anna.id).await?.and_then(|user| user.registered_mail), None);

    // Whoever is deleted takes it along, and comes back without it.
    ensure!(set(None, first).await?);
    ensure!(users.delete(f.tenant.id, anna.id).await?);
    users.insert(&anna).await?;
    assert_eq!(users.get(f.tenant.id, anna.id).await?, Some(anna));
    Ok(())
}

async fn pages_and_filters(f: &Fixture) -> Result<()> {
    let users = f.store.users();
    for number in 0..7 {
        users.insert(&f.person(&format!("person{number}"))).await?;
    }
    let mut seen = Vec::new();
    for start in [1, 4, 7, 10] {
        let page = users.list(f.tenant.id, &UserFilter::All, start, 3).await?;
        assert_eq!(page.total, 7);
        seen.extend(page.users.into_iter().map(|user| user.user_principal_name));
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|n| format!("person{n}@contoso.test")).collect::<Vec<_>>());

    let by_name = UserFilter::UserName("PERSON3@contoso.test".into());
    let by_anchor = UserFilter::ExternalId(SourceAnchor("anchor of person3".into()));
    for filter in [by_name, by_anchor] {
        let page = users.list(f.tenant.id, &filter, 0, 10).await?;
        assert_eq!((page.total, page.users.len()), (1, 1));
        assert_eq!(page.users[0].user_principal_name, "person3@contoso.test");
    }
    let other_case = UserFilter::ExternalId(SourceAnchor("ANCHOR OF PERSON3".into()));
    assert_eq!(users.list(f.tenant.id, &other_case, 1, 10).await?.total, 0);
    let total_only = users.list(f.tenant.id, &UserFilter::All, 1, 0).await?;
    assert_eq!((total_only.total, total_only.users.len()), (7, 0));
    Ok(())
}

async fn tenants_do_not_see_each_other(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let other = f.other_tenant().await?;
    let users = f.store.users();
    assert_eq!(users.get(other, anna.id).await?, None);
    assert_eq!(users.by_sign_in_name(other, &SignInName::parse("anna@contoso.test")?).await?, None);
    assert_eq!(users.by_anchor(other, &SourceAnchor("anchor of anna".into())).await?, None);
    assert_eq!(users.list(other, &UserFilter::All, 1, 10).await?.total, 0);
    ensure!(!users.delete(other, anna.id).await?);
    ensure!(!users.set_registered_mail(other, anna.id, None, Some("x@posta.test")).await?);
    let moved = User { tenant: other, ..anna.clone() };
    assert_eq!(users.update(&moved, 1).await?, Updated::Conflict);
    assert_eq!(users.get(f.tenant.id, anna.id).await?, Some(anna));
    Ok(())
}

async fn found_by_a_part_of_a_name(f: &Fixture) -> Result<()> {
    let named = |account: &str, display_name: &str| User {
        display_name: display_name.to_owned(),
        ..f.person(account)
    };
    let people = [
        named("anna.rossi", "Anna Rossi"),
        named("marta.bianchi", "Marta Rossini"),
        named("p_aolo", "Paolo 100% Verdi"),
    ];
    for user in &people {
        f.store.users().insert(user).await?;
    }
    let found = async |typed: &str, after: Option<&SignInName>, count: u32| -> Result<Vec<String>> {
        let found = f.store.users().search(f.tenant.id, typed, after, count).await?;
        Ok(found.into_iter().map(|user| user.display_name).collect())
    };
    assert_eq!(found(" ROSSI ", None, 10).await?, ["Anna Rossi", "Marta Rossini"]);
    assert_eq!(found("bianchi", None, 10).await?, ["Marta Rossini"]);
    // What stands for anything in a pattern stands for itself here.
    assert_eq!(found("100%", None, 10).await?, ["Paolo 100% Verdi"]);
    assert_eq!(found("p_a", None, 10).await?, ["Paolo 100% Verdi"]);
    for nobody in ["a_na", "%", "!"] {
        let expected: &[&str] = if nobody == "%" { &["Paolo 100% Verdi"] } else { &[] };
        assert_eq!(found(nobody, None, 10).await?, expected, "{nobody}");
    }
    assert_eq!(found("rossi", None, 1).await?, ["Anna Rossi"]);
    let anna = SignInName::of_principal(&people[0].user_principal_name);
    assert_eq!(found("rossi", Some(&anna), 10).await?, ["Marta Rossini"]);
    assert_eq!(f.store.users().search(f.other_tenant().await?, "rossi", None, 10).await?, []);
    Ok(())
}

/// A cloud-only person with an external id.
fn provisioned(f: &Fixture, name: &str, domain: &str, external_id: &str) -> User {
    User {
        mastered: Mastered::CloudOnly,
        user_principal_name: format!("{name}@{domain}"),
        provisioned: Provisioned { external_id: Some(external_id.into()), ..Provisioned::default() },
        ..f.person(name)
    }
}

async fn an_external_id_is_one_persons_and_gone_with_a_directory(f: &Fixture) -> Result<()> {
    let (users, tenant) = (f.store.users(), f.tenant.id);
    let carla = provisioned(f, "carla", "cloud.contoso.test", "7");
    let twin = provisioned(f, "twin", "cloud.contoso.test", "7");
    users.insert(&carla).await?;
    assert_eq!(users.by_external_id(tenant, "7").await?.as_ref(), Some(&carla));
    assert_eq!(users.by_external_id(f.other_tenant().await?, "7").await?, None);
    let refused = users.insert(&twin).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    ensure!(users.insert_many(std::slice::from_ref(&twin)).await?.is_empty());
    let other = provisioned(f, "twin", "cloud.contoso.test", "8");
    users.insert(&other).await?;
    let taken = User { provisioned: carla.provisioned.clone(), ..other };
    let refused = users.update(&taken, 1).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    // Whoever comes from a directory has the directory's alone, and somebody else may have this one.
    let hybrid = User { mastered: f.person("carla").mastered, ..carla.clone() };
    users.update(&hybrid, 1).await?;
    assert_eq!(users.by_external_id(tenant, "7").await?, None);
    let stored = users.get(tenant, carla.id).await?.context("carla is gone")?;
    assert_eq!(stored.provisioned, Provisioned::default());
    assert_eq!(users.update(&taken, 1).await?, Updated::Done { version: 2 });
    Ok(())
}

async fn people_of_the_tenants_domains_are_listed_without_administrators(f: &Fixture) -> Result<()> {
    let (users, tenant) = (f.store.users(), f.tenant.id);
    let people: Vec<User> = ["a", "b", "c", "linked", "named"]
        .into_iter()
        .map(|name| provisioned(f, name, "Cloud.Contoso.test", name))
        .collect();
    for user in &people {
        users.insert(user).await?;
    }
    // Of another domain, of a domain below, of one that ends alike, and of a directory.
    for (name, domain) in [("d", "contoso.test"), ("e", "x.cloud.contoso.test"), ("f", "xcloud.contoso.test")]
    {
        users.insert(&provisioned(f, name, domain, name)).await?;
    }
    let hybrid = User { user_principal_name: "g@cloud.contoso.test".into(), ..f.person("g") };
    users.insert(&hybrid).await?;
    for name in ["someone", "NAMED@cloud.contoso.test"] {
        f.administrator(name).await?;
    }
    let someone = f.store.administrators().by_name(tenant, "someone").await?.context("someone")?;
    f.store.administrators().set_person(tenant, someone.id, Some(people[3].id)).await?;

    let mut expected: Vec<UserId> = people[..3].iter().map(|user| user.id).collect();
    expected.sort_by_key(ToString::to_string);
    let domains = vec!["fabrikam.test".to_owned(), "cloud.CONTOSO.test".to_owned()];
    let filter = UserFilter::CloudDomains(domains.clone());
    let ids = |users: Vec<User>| users.into_iter().map(|user| user.id).collect::<Vec<_>>();
    let page = users.list(tenant, &filter, 2, 5).await?;
    assert_eq!((page.total, ids(page.users)), (3, expected[1..].to_vec()));
    let after = users.after(tenant, &filter, Some(expected[0]), 1).await?;
    assert_eq!(ids(after), expected[1..2]);
    for (tenant, domains) in [(tenant, Vec::new()), (f.other_tenant().await?, domains)] {
        assert_eq!(users.list(tenant, &UserFilter::CloudDomains(domains), 1, 5).await?.total, 0);
    }
    Ok(())
}
