//! Forgetting what has expired, and nothing else.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::code::{CodeDigest, Method, StoredCode};
use ritorno_identity::enrolment::EnrolmentRecord;
use ritorno_identity::flow::Person;
use ritorno_identity::limit::CODES_SENT;
use ritorno_identity::session::Session;
use ritorno_identity::subject::Subject;
use ritorno_identity::token::Token;
use ritorno_identity::work::{self, Spent};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(only_what_has_expired_goes);

async fn only_what_has_expired_goes(f: &Fixture) -> Result<()> {
    let (tenant, store) = (f.tenant.id, &f.store);
    let flow = f.flow(Person::Stranger);
    store.flows().insert(&flow).await?;
    let digest = CodeDigest::of_nothing(&f.random);
    store.codes().put(&StoredCode::new(tenant, flow.id, Method::Mail, digest, NOW)).await?;
    let registration = f.registration(Person::Stranger);
    store.registrations().insert(&registration).await?;
    let chiara = f.administrator("Chiara").await?.id;
    let session = Session::new(Token::random(&f.random).digest(), tenant, chiara, NOW);
    store.sessions().insert(&session).await?;
    store.enrolment_tokens().insert(&EnrolmentRecord::new([5; 32], tenant, None, NOW)).await?;
    store.limits().count(tenant, &CODES_SENT, &Subject([1; 32]), NOW).await?;

    let (spent, until) = (Spent([1; 16]), NOW.plus(work::VALID));
    assert!(store.limits().spend(tenant, spent, until).await?);

    assert_eq!(store.purge(NOW).await?, 0);
    assert!(!store.limits().spend(tenant, spent, until).await?);
    assert_eq!(store.purge(until).await?, 1, "the challenge, which can't be answered any more");
    let after_the_token = NOW.plus(Duration::from_secs(15 * 60));
    assert_eq!(store.purge(after_the_token).await?, 2, "the token, and a new address that nobody proved");
    assert_eq!(store.registrations().get(tenant, registration.id).await?, None);
    let after_the_day = NOW.plus(Duration::from_secs(24 * 3_600));
    assert_eq!(store.purge(after_the_day).await?, 3, "session, counter and code");
    assert_eq!(store.flows().get(tenant, flow.id).await?.as_ref(), Some(&flow));
    let after_two_months = NOW.plus(Duration::from_secs(60 * 24 * 3_600));
    assert_eq!(store.purge(after_two_months).await?, 1);
    assert_eq!(store.flows().get(tenant, flow.id).await?, None);
    Ok(())
}
