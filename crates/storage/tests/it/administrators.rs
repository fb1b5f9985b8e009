//! Administrators.

use anyhow::{Result, ensure};
use ritorno_identity::administrator::{Administrator, Role};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::password::PasswordHash;
use ritorno_storage::StoreError;

use crate::fixture::{Fixture, on_both};

on_both!(found_by_name_in_any_case, name_is_one_administrators);

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
