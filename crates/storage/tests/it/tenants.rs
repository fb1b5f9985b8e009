//! Tenants.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::brand::Brand;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::licence::Licensing;
use ritorno_identity::logo::Logo;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::key::SigningKey;
use ritorno_storage::StoreError;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(
    pictures_are_kept_by_their_digests_and_go_when_nobody_names_them,
    comes_back_as_it_was_stored,
    root_key_is_one_tenants,
    a_policy_is_set_only_as_it_was_seen_whoever_spelled_it,
    an_address_is_one_tenants_and_disabling_leaves_everything_else
);

async fn a_policy_is_set_only_as_it_was_seen_whoever_spelled_it(f: &Fixture) -> Result<()> {
    let tenants = f.store.tenants();
    // As another program would write the same.
    let spelled = "{ \"to_register\": 4, \"own\": [], \"to_ask\": 3 }";
    f.statement("update tenants set questions = $1", Some(spelled.to_owned())).await?;
    let seen = tenants.get(f.tenant.id).await?.unwrap();
    let shorter = Tenant { expiry_days: vec![7], unlock_enabled: !seen.unlock_enabled, ..seen.clone() };
    ensure!(tenants.set_sspr_policy(&seen, &shorter).await?);
    let now = tenants.get(f.tenant.id).await?.unwrap();
    assert_eq!(now, Tenant { expiry_days: vec![7], ..seen.clone() }, "the policy alone");
    let late = Tenant { reconfirm_after: ReconfirmAfter::NEVER, ..seen.clone() };
    ensure!(!tenants.set_sspr_policy(&seen, &late).await?, "it is not as it was seen");
    assert_eq!(tenants.get(f.tenant.id).await?, Some(now.clone()));
    // What is no part of it may have changed meanwhile.
    ensure!(tenants.update(&Tenant { name: "Contoso S.p.A.".into(), ..now.clone() }).await?);
    ensure!(tenants.set_sspr_policy(&now, &late).await?);
    let gone = Tenant { id: TenantId::random(&f.random), ..seen };
    ensure!(!tenants.set_sspr_policy(&gone, &late).await?);
    Ok(())
}

async fn an_address_is_one_tenants_and_disabling_leaves_everything_else(f: &Fixture) -> Result<()> {
    let tenants = f.store.tenants();
    let made = |byte: u8| Tenant {
        id: TenantId::random(&f.random),
        root: SigningKey::from_bytes(&[byte; 32]).unwrap().public(),
        public_url: Some("https://reset.fabrikam.test".into()),
        ..f.tenant.clone()
    };
    let fabrikam = made(11);
    tenants.insert(&fabrikam).await?;
    let refused = tenants.insert(&made(12)).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    ensure!(tenants.disable(fabrikam.id, Some(NOW)).await?);
    ensure!(!tenants.disable(fabrikam.id, Some(NOW.plus(Duration::from_secs(1)))).await?, "it is already");
    // Whoever changes it meanwhile, as they read it before, does not serve it again, nor move it.
    ensure!(tenants.update(&Tenant { public_url: None, ..fabrikam.clone() }).await?);
    let disabled = Tenant { disabled_at: Some(NOW), ..fabrikam.clone() };
    assert_eq!(tenants.get(fabrikam.id).await?, Some(disabled));
    assert_eq!(tenants.get(f.tenant.id).await?.as_ref(), Some(&f.tenant));
    ensure!(tenants.disable(fabrikam.id, None).await?);
    ensure!(!tenants.disable(fabrikam.id, None).await?);
    assert_eq!(tenants.get(fabrikam.id).await?, Some(fabrikam));
    Ok(())
}

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
        reconfirm_after: ReconfirmAfter::from_days(90).unwrap(),
        forbid_names: true,
        banned_words: vec!["contoso".into(), "città".into()],
        expiry_days: vec![14, 7, 1],
        brand: Brand {
            accent: Some("#0b5d4e".parse()?),
            accent_dark: None,
            logo: Some(Logo { digest: "0a".repeat(16), width: 200, height: 80 }),
            logo_dark: None,
        },
        helpdesk_url: Some("mailto:aiuto@contoso.test".into()),
        decoy_domains: vec!["mail.test".into()],
        forbidden_mail_domains: vec!["contoso.example".into()],
        cloud_domains: vec!["cloud.contoso.test".into()],
        require_registration: true,
        notify_administrators: false,
        registration_mails: true,
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

async fn pictures_are_kept_by_their_digests_and_go_when_nobody_names_them(f: &Fixture) -> Result<()> {
    let (pictures, other) = (f.store.brand_pictures(), f.other_tenant().await?);
    for (tenant, digest) in [(f.tenant.id, "a"), (f.tenant.id, "b"), (f.tenant.id, "c"), (other, "a")] {
        pictures.put(tenant, digest, &[1, 2, 3]).await?;
        pictures.put(tenant, digest, &[1, 2, 3]).await?;
    }
    pictures.keep_only(f.tenant.id, ["b", ""]).await?;
    let mut there = Vec::new();
    for (tenant, digest) in
        [(f.tenant.id, "a"), (f.tenant.id, "b"), (f.tenant.id, "c"), (other, "a"), (other, "b")]
    {
        there.push(pictures.get(tenant, digest).await?.is_some());
    }
    assert_eq!(there, [false, true, false, true, false]);
    assert_eq!(pictures.get(f.tenant.id, "b").await?, Some(vec![1, 2, 3]));
    Ok(())
}
