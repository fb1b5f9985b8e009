//! Tenants.

use anyhow::{Result, ensure};
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::licence::Licensing;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_storage::StoreError;

use crate::fixture::{Fixture, on_both};

on_both!(comes_back_as_it_was_stored, root_key_is_one_tenants);

async fn comes_back_as_it_was_stored(f: &Fixture) -> Result<()> {
    let tenants = f.store.tenants();
    assert_eq!(tenants.get(f.tenant.id).await?.as_ref(), Some(&f.tenant));
    let changed = Tenant {
        name: "Contoso S.p.A.".into(),
        languages: vec![Language::Italian],
        sspr_enabled: false,
        writeback_enabled: true,
        unlock_enabled: true,
        gate_policy: GatePolicy::of_administrators(),
        forbid_names: true,
        banned_words: vec!["contoso".into(), "città".into()],
        expiry_days: vec![14, 7, 1],
        helpdesk_url: Some("mailto:aiuto@contoso.test".into()),
        decoy_domains: vec!["mail.test".into()],
        forbidden_mail_domains: vec!["contoso.example".into()],
        licensing: Licensing::Assigned,
        usage_location: Some("IT".into()),
        ..f.tenant.clone()
    };
    ensure!(tenants.update(&changed).await?);
    assert_eq!(tenants.by_root(changed.root.id()).await?, Some(changed.clone()));
    let nobody = Tenant { id: TenantId::random(&f.random), ..changed };
    ensure!(!tenants.update(&nobody).await?);
    assert_eq!(tenants.get(nobody.id).await?, None);
    Ok(())
}

async fn root_key_is_one_tenants(f: &Fixture) -> Result<()> {
    let twin = Tenant { id: TenantId::random(&f.random), ..f.tenant.clone() };
    let refused = f.store.tenants().insert(&twin).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    Ok(())
}
