//! Administrators.

use anyhow::{Result, ensure};
use ritorno_identity::administrator::{Administrator, Role};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::name::SignInName;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::session::Session;
use ritorno_identity::token::TokenDigest;
use ritorno_identity::user::User;
use ritorno_storage::StoreError;

use crate::fixture::{Fixture, on_both};

on_both!(
    found_by_name_in_any_case,
    name_is_one_administrators,
    the_last_global_one_stays,
    an_account_is_its_persons_whatever_its_name,
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
