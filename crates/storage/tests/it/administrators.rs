//! Administrators.

use anyhow::{Result, ensure};
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::authenticator::AppSecret;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::name::SignInName;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::session::Session;
use ritorno_identity::token::TokenDigest;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{Beside, NodeKey, StoreError};

use crate::fixture::{Fixture, on_both};
use crate::groups::group;
use crate::methods::shown;

on_both!(
    found_by_name_in_any_case,
    name_is_one_administrators,
    the_last_global_one_stays,
    an_account_is_its_persons_whatever_its_name,
    a_scope_is_a_domain_or_who_is_in_a_group,
    an_app_is_the_one_that_was_shown_and_its_codes_are_used_up,
);

async fn found_by_name_in_any_case(f: &Fixture) -> Result<()> {
    let chiara = f.administrator("Chiara").await?;
    let administrators = f.store.administrators();
    assert_eq!(administrators.by_name(f.tenant.id, " CHIARA").await?.as_ref(), Some(&chiara));
    assert_eq!(administrators.get(f.tenant.id, chiara.id).await?.as_ref(), Some(&chiara));
    assert_eq!(administrators.by_name(f.other_tenant().await?, "Chiara").await?, None);

    let password = PasswordHash::from_stored("$argon2id$another".into());
    ensure!(administrators.set_password(f.tenant.id, chiara.id, &password).await?);
    let listed = administrators.list(f.tenant.id).await?;
    assert_eq!(listed, [Administrator { password, ..chiara }]);
    Ok(())
}

async fn an_account_is_its_persons_whatever_its_name(f: &Fixture) -> Result<()> {
    let (anna, paolo) = (f.person("anna"), f.person("paolo"));
    f.store.users().insert(&anna).await?;
    f.store.users().insert(&paolo).await?;
    let chiara = f.administrator("Chiara").await?;
    let (administrators, tenant) = (f.store.administrators(), f.tenant.id);
    let administers = async |user: &User| {
        let name = SignInName::of_principal(&user.user_principal_name);
        let standing = f.store.users().standing(tenant, Some(user.id), &name, crate::fixture::NOW).await?;
        anyhow::Ok(standing.administrator)
    };
    ensure!(!administers(&anna).await?);
    ensure!(administrators.set_person(tenant, chiara.id, Some(anna.id)).await?);
    ensure!(administers(&anna).await? && !administers(&paolo).await?);
    assert_eq!(administrators.get(tenant, chiara.id).await?.and_then(|one| one.person), Some(anna.id));
    let elsewhere = f.other_tenant().await?;
    ensure!(!administrators.set_person(elsewhere, chiara.id, None).await?, "another tenant's");
    ensure!(administrators.set_person(tenant, chiara.id, None).await? && !administers(&anna).await?);
    Ok(())
}

async fn name_is_one_administrators(f: &Fixture) -> Result<()> {
    let chiara = f.administrator("Chiara").await?;
    let twin = Administrator {
        id: AdministratorId::random(&f.random),
        name: "chiara".into(),
        cloud_only: false,
        role: Role::HelpDesk,
        ..chiara
    };
    let refused = f.store.administrators().insert(&twin).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    let elsewhere = Administrator { tenant: f.other_tenant().await?, ..twin };
    f.store.administrators().insert(&elsewhere).await?;
    let back = f.store.administrators().get(elsewhere.tenant, elsewhere.id).await?;
    assert_eq!(back, Some(elsewhere));
    Ok(())
}

async fn the_last_global_one_stays(f: &Fixture) -> Result<()> {
    let (chiara, dario) = (f.administrator("Chiara").await?, f.administrator("Dario").await?);
    let (administrators, tenant) = (f.store.administrators(), f.tenant.id);
    let now = crate::fixture::NOW;
    let session = Session::new(TokenDigest([3; 32]), tenant, chiara.id, now);
    f.store.sessions().insert(&session).await?;
    ensure!(
        administrators.remove(tenant, chiara.id).await.is_err(),
        "a session would be left without its owner"
    );
    assert_eq!(f.store.sessions().delete_of(tenant, chiara.id).await?, 1);
    assert_eq!(f.store.sessions().touch(tenant, &session.digest, now).await?, None);
    ensure!(administrators.remove(tenant, chiara.id).await?);
    ensure!(!administrators.remove(tenant, chiara.id).await?, "there is none any more");
    ensure!(!administrators.remove(tenant, dario.id).await?, "the last one");
    assert_eq!(administrators.list(tenant).await?, [dario]);
    Ok(())
}

async fn a_scope_is_a_domain_or_who_is_in_a_group(f: &Fixture) -> Result<()> {
    let (anna, paolo) = (f.person("anna"), f.person("paolo"));
    for user in [&anna, &paolo] {
        f.store.users().insert(user).await?;
    }
    let (outer, inner) = (group(f, "outer"), group(f, "inner"));
    let (groups, tenant) = (f.store.groups(), f.tenant.id);
    for one in [&outer, &inner] {
        groups.insert(one).await?;
    }
    groups.add_members(tenant, outer.id, &[], &[inner.id.to_string()]).await?;
    groups.add_members(tenant, inner.id, &[anna.id.to_string()], &[outer.id.to_string()]).await?;
    let administrators = f.store.administrators();
    let has = async |scope: &Scope, user| administrators.has_in_scope(tenant, scope, user).await;
    let domain = anna.user_principal_name.split_once('@').unwrap().1.to_owned();
    let by_group = |group| Scope { domain: None, group: Some(group) };
    for group in [outer.id, inner.id] {
        ensure!(has(&by_group(group), &anna).await? && !has(&by_group(group), &paolo).await?, "{group}");
    }
    let both = Scope { domain: Some("elsewhere.test".into()), group: Some(outer.id) };
    ensure!(!has(&both, &anna).await?, "both have to hold");
    ensure!(has(&Scope { domain: Some(domain), group: None }, &paolo).await?);
    ensure!(has(&Scope::default(), &paolo).await?, "everybody");
    let chiara = f.administrator("Chiara").await?;
    ensure!(administrators.set_scope(tenant, chiara.id, &both).await?);
    assert_eq!(administrators.get(tenant, chiara.id).await?.map(|one| one.scope), Some(both));
    groups.delete(tenant, outer.id, crate::fixture::NOW).await?;
    ensure!(!has(&by_group(outer.id), &anna).await?, "a group that is gone has nobody");
    Ok(())
}

async fn an_app_is_the_one_that_was_shown_and_its_codes_are_used_up(f: &Fixture) -> Result<()> {
    let chiara = f.administrator("Chiara").await?;
    let (apps, tenant, key) = (f.store.administrator_apps(), f.tenant.id, NodeKey::new([3; 32]));
    let (secret, other) = (AppSecret::random(&f.random), AppSecret::random(&f.random));
    let propose = async |fresh| apps.propose(tenant, chiara.id, fresh, &key, &f.random).await;
    let now = crate::fixture::NOW;
    let first = propose(&secret).await?.unwrap();
    let again = propose(&other).await?.unwrap();
    assert_eq!([first.expose(), again.expose()], [secret.expose(), secret.expose()], "the same each time");
    let code = |secret: &AppSecret, at: Timestamp| {
        let typed = shown(secret, at);
        let step = secret.step_of(&typed, at).unwrap();
        (typed, step)
    };
    let (typed, step) = code(&secret, now);
    ensure!(
        !apps.adopt(tenant, chiara.id, (&other, step), &key, Beside::Nothing).await?,
        "another one was shown"
    );
    ensure!(!apps.attempt(tenant, chiara.id, &typed, &key, now).await?, "not confirmed yet");
    ensure!(apps.adopt(tenant, chiara.id, (&secret, step), &key, Beside::Nothing).await?);
    ensure!(!apps.adopt(tenant, chiara.id, (&secret, step), &key, Beside::Nothing).await?);
    ensure!(propose(&other).await?.is_none(), "there is one");
    ensure!(f.store.administrators().get(tenant, chiara.id).await?.is_some_and(|one| one.app));
    ensure!(!apps.attempt(tenant, chiara.id, &typed, &key, now).await?, "used up by the confirmation");
    let later = now.plus(std::time::Duration::from_secs(30));
    let (typed, _) = code(&secret, later);
    ensure!(!apps.attempt(f.other_tenant().await?, chiara.id, &typed, &key, later).await?);
    ensure!(apps.attempt(tenant, chiara.id, &typed, &key, later).await?);
    ensure!(!apps.attempt(tenant, chiara.id, &typed, &key, later).await?, "once");
    ensure!(apps.remove(tenant, chiara.id).await?);
    ensure!(f.store.administrators().get(tenant, chiara.id).await?.is_some_and(|one| !one.app));
    Ok(())
}
