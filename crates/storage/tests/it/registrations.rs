//! Ways through the pages on which people register an address.

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::code::{Method, OneTimeCode, StoredCode, Tried};
use ritorno_identity::flow::{FlowError, Person, VALID};
use ritorno_identity::realm::Realm;
use ritorno_identity::registration::{AddressChange, Registration, RegistrationState};
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::ids::{RequestId, UserId};
use ritorno_protocol::outcome::SsprCode;
use ritorno_protocol::random::array;
use ritorno_storage::{Attempt, StoreError};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    comes_back_as_it_was_stored,
    one_step_at_a_time,
    a_session_is_extended_and_ends_with_the_password,
    two_clicks_are_one_step,
    code_is_for_one_address_of_one_registration,
    goes_with_its_person,
);

async fn comes_back_as_it_was_stored(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let people = [
        Person::Known(anna.id),
        Person::Withheld { user: anna.id, code: SsprCode::NotEnabledInPolicy },
        Person::Stranger,
    ];
    let states = [
        RegistrationState::Named,
        RegistrationState::Checking(RequestId::random(&f.random)),
        RegistrationState::Proven,
        RegistrationState::CodeSent("anna@posta.test".into()),
        RegistrationState::Finished(AddressChange::Registered),
        RegistrationState::Finished(AddressChange::Replaced),
        RegistrationState::Finished(AddressChange::Removed),
    ];
    let other = f.other_tenant().await?;
    let registrations = f.store.registrations();
    for person in people {
        for state in &states {
            for realm in [Realm::Directory, Realm::Cloud] {
                let registration = Registration { realm, state: state.clone(), ..f.registration(person) };
                registrations.insert(&registration).await?;
                assert_eq!(registrations.get(other, registration.id).await?, None);
                // No flow has its id: what is proved here opens nothing there.
                assert_eq!(f.store.flows().get(f.tenant.id, registration.id).await?, None);
                assert_eq!(registrations.get(f.tenant.id, registration.id).await?, Some(registration));
            }
        }
    }
    Ok(())
}

async fn one_step_at_a_time(f: &Fixture) -> Result<()> {
    let registrations = f.store.registrations();
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let named = f.registration(Person::Known(anna.id));
    registrations.insert(&named).await?;
    let request = RequestId::random(&f.random);
    let checking = named.checking(request, NOW)?;
    let proven = checking.proven(request, TokenDigest(array(&f.random)), NOW)?;
    ensure!(!registrations.advance(&checking, &proven).await?, "no password is on its way");
    ensure!(registrations.advance(&named, &checking).await?);
    let another =
        Registration { state: RegistrationState::Checking(RequestId::random(&f.random)), ..checking.clone() };
    ensure!(!registrations.advance(&another, &proven).await?, "another request is on its way");
    ensure!(registrations.advance(&checking, &proven).await?);

    let state = |address: &str| RegistrationState::CodeSent(address.into());
    let first = Registration { state: state("anna@posta.test"), ..proven.clone() };
    let second = Registration { state: state("anna@libero.test"), ..proven.clone() };
    ensure!(registrations.advance(&proven, &first).await?);
    ensure!(registrations.advance(&first, &second).await?, "another address is a step");
    let finished = first.finished(AddressChange::Registered, NOW)?;
    ensure!(!registrations.advance(&first, &finished).await?, "the code is for the other address now");
    ensure!(registrations.advance(&second, &finished).await?);
    assert_eq!(finished.checking(request, NOW), Err(FlowError::WrongStep));
    assert_eq!(registrations.get(f.tenant.id, named.id).await?, Some(finished));
    Ok(())
}

async fn a_session_is_extended_and_ends_with_the_password(f: &Fixture) -> Result<()> {
    let registrations = f.store.registrations();
    let (anna, bruno) = (f.person("anna"), f.person("bruno"));
    let mut sessions = Vec::new();
    for user in [&anna, &anna, &bruno] {
        if sessions.len() != 1 {
            f.store.users().insert(user).await?;
        }
        let session =
            Registration { state: RegistrationState::Proven, ..f.registration(Person::Known(user.id)) };
        registrations.insert(&session).await?;
        sessions.push(session);
    }
    let [one, two, other] = sessions.as_slice() else { anyhow::bail!("three sessions") };
    let used = one.used(NOW.plus(VALID / 2)).context("it lasts longer")?;
    registrations.extend(&used).await?;
    assert_eq!(registrations.get(f.tenant.id, one.id).await?.as_ref(), Some(&used));
    // A page that is late shortens nothing.
    registrations.extend(one).await?;
    assert_eq!(registrations.get(f.tenant.id, one.id).await?, Some(used));
    let finished = two.finished(AddressChange::Removed, NOW)?;
    ensure!(registrations.advance(two, &finished).await?);
    assert_eq!(registrations.end_of(f.tenant.id, anna.id).await?, 2);
    registrations.extend(one).await?;
    for ended in [one, two] {
        assert_eq!(registrations.get(f.tenant.id, ended.id).await?, None);
    }
    let elsewhere = f.other_tenant().await?;
    registrations.end(elsewhere, other.id).await?;
    ensure!(registrations.get(f.tenant.id, other.id).await?.is_some());
    registrations.end(f.tenant.id, other.id).await?;
    ensure!(registrations.get(f.tenant.id, other.id).await?.is_none());
    Ok(())
}

async fn two_clicks_are_one_step(f: &Fixture) -> Result<()> {
    let named = f.registration(Person::Stranger);
    f.store.registrations().insert(&named).await?;
    let stores = [f.store.clone(), f.second().await?];
    let advanced = parallel(20, |number| {
        let (store, before) = (stores[number % 2].clone(), named.clone());
        let state = RegistrationState::Checking(RequestId::random(&f.random));
        let after = Registration { state, ..named.clone() };
        async move { store.registrations().advance(&before, &after).await }
    })
    .await?;
    assert_eq!(advanced.into_iter().filter(|won| *won).count(), 1);
    Ok(())
}

async fn code_is_for_one_address_of_one_registration(f: &Fixture) -> Result<()> {
    let registration = f.registration(Person::Stranger);
    f.store.registrations().insert(&registration).await?;
    let code = OneTimeCode::parse("12345678").context("a code")?;
    let digest = |address: &str| code.digest_for_address(&f.pepper, f.tenant.id, registration.id, address);
    let stored = StoredCode::new(f.tenant.id, registration.id, Method::Mail, digest("anna@posta.test"), NOW);
    f.store.codes().put(&stored).await?;
    let tried = async |address: &str| {
        let attempt = Attempt {
            tenant: f.tenant.id,
            flow: registration.id,
            method: Method::Mail,
            typed: digest(address),
            subject: registration.subject,
            known_browser: false,
        };
        f.store.codes().attempt(&attempt, NOW).await
    };
    assert_eq!(tried("anna@libero.test").await?, Tried::Wrong { left: 4 });
    assert_eq!(tried("anna@posta.test").await?, Tried::Right);
    assert_eq!(tried("anna@posta.test").await?, Tried::Spent);
    Ok(())
}

async fn goes_with_its_person(f: &Fixture) -> Result<()> {
    let registrations = f.store.registrations();
    let nobodys = registrations.insert(&f.registration(Person::Known(UserId::random(&f.random)))).await;
    ensure!(matches!(nobodys, Err(StoreError::Contradiction(_))), "{nobodys:?}");
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let state = RegistrationState::CodeSent("anna@posta.test".into());
    let registration = Registration { state, ..f.registration(Person::Known(anna.id)) };
    registrations.insert(&registration).await?;
    ensure!(f.store.users().delete(f.tenant.id, anna.id).await?);
    assert_eq!(registrations.get(f.tenant.id, registration.id).await?, None);
    Ok(())
}
