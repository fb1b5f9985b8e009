//! Enrolment tokens.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::enrolment::EnrolmentRecord;
use ritorno_protocol::enrolment::TOKEN_VALID;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(enrols_one_agent, expires, another_tenants_token_is_none_and_stays_as_it_is);

async fn another_tenants_token_is_none_and_stays_as_it_is(f: &Fixture) -> Result<()> {
    let (tokens, other) = (f.store.enrolment_tokens(), f.other_tenant().await?);
    let record = EnrolmentRecord::new([5; 32], f.tenant.id, None, NOW);
    tokens.insert(&record).await?;
    assert_eq!(tokens.consume(other, &[5; 32], NOW).await?, None);
    assert_eq!(tokens.consume(f.tenant.id, &[5; 32], NOW).await?, Some(record));
    Ok(())
}

async fn enrols_one_agent(f: &Fixture) -> Result<()> {
    let made_by = Some(f.administrator("Chiara").await?.id);
    let record = EnrolmentRecord::new([5; 32], f.tenant.id, made_by, NOW);
    f.store.enrolment_tokens().insert(&record).await?;
    let stores = [f.store.clone(), f.second().await?];
    let consumed = parallel(40, |number| {
        let (store, tenant) = (stores[number % 2].clone(), f.tenant.id);
        async move { store.enrolment_tokens().consume(tenant, &[5; 32], NOW).await }
    })
    .await?;
    assert_eq!(consumed.into_iter().flatten().collect::<Vec<_>>(), [record]);
    assert_eq!(f.store.enrolment_tokens().consume(f.tenant.id, &[6; 32], NOW).await?, None);
    Ok(())
}

async fn expires(f: &Fixture) -> Result<()> {
    let tokens = f.store.enrolment_tokens();
    tokens.insert(&EnrolmentRecord::new([5; 32], f.tenant.id, None, NOW)).await?;
    let end = NOW.plus(TOKEN_VALID);
    assert_eq!(tokens.consume(f.tenant.id, &[5; 32], end).await?, None);
    let last = tokens.consume(f.tenant.id, &[5; 32], end.minus(Duration::from_millis(1))).await?;
    assert_eq!(last.map(|record| record.expires_at), Some(end));
    Ok(())
}
