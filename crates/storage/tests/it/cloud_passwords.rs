//! Passwords of people whose directory is the tenant itself.

use anyhow::{Result, ensure};
use ritorno_identity::flow::{Flow, FlowState, Person, Step};
use ritorno_identity::help_desk::{Case, VALID};
use ritorno_identity::ids::{AdministratorId, CaseId};
use ritorno_identity::password::PasswordHash;
use ritorno_identity::registration::{Registration, RegistrationState};
use ritorno_identity::user::{Mastered, User};
use ritorno_storage::CloudPerson;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    a_password_comes_with_its_step_and_ends_sessions,
    a_change_is_from_the_password_that_was_compared,
    of_many_at_once_one_is_kept,
    nobody_of_a_directory_has_one,
    who_has_one_is_listed,
    one_that_is_given_takes_a_case_and_has_to_be_changed,
);

fn hash(of: &str) -> PasswordHash {
    PasswordHash::from_stored(of.to_owned())
}

/// A cloud-only person, stored.
async fn carla(f: &Fixture) -> Result<User> {
    let carla = User { mastered: Mastered::CloudOnly, ..f.person("carla") };
    f.store.users().insert(&carla).await?;
    Ok(carla)
}

/// A flow whose gates are passed, stored, and its last step.
async fn step(f: &Fixture, user: &User) -> Result<Step> {
    let before = Flow { state: FlowState::GatePassed, ..f.flow(Person::Known(user.id)) };
    f.store.flows().insert(&before).await?;
    let after = before.kept(NOW)?;
    Ok(Step { before, after })
}

async fn a_password_comes_with_its_step_and_ends_sessions(f: &Fixture) -> Result<()> {
    let (carla, passwords) = (carla(f).await?, f.store.cloud_passwords());
    let session =
        Registration { state: RegistrationState::Proven, ..f.registration(Person::Known(carla.id)) };
    f.store.registrations().insert(&session).await?;
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, None);
    let way = step(f, &carla).await?;
    ensure!(passwords.set(carla.id, None, &hash("one"), &way, NOW).await?);
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, Some(hash("one")));
    assert_eq!(f.store.flows().get(f.tenant.id, way.before.id).await?, Some(way.after.clone()));
    assert_eq!(f.store.registrations().get(f.tenant.id, session.id).await?, None, "a session went on");
    // A way leads to one password.
    ensure!(!passwords.set(carla.id, None, &hash("two"), &way, NOW).await?);
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, Some(hash("one")));
    // No other tenant's, nobody's, and gone with the person.
    assert_eq!(passwords.get(f.other_tenant().await?, Some(carla.id)).await?, None);
    assert_eq!(passwords.get(f.tenant.id, None).await?, None);
    ensure!(passwords.set(carla.id, None, &hash("two"), &step(f, &carla).await?, NOW).await?);
    ensure!(f.store.users().delete(f.tenant.id, carla.id).await?);
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, None);
    Ok(())
}

async fn a_change_is_from_the_password_that_was_compared(f: &Fixture) -> Result<()> {
    let (carla, passwords) = (carla(f).await?, f.store.cloud_passwords());
    let first = step(f, &carla).await?;
    ensure!(!passwords.set(carla.id, Some(&hash("one")), &hash("two"), &first, NOW).await?, "she has none");
    assert_eq!(
        f.store.flows().get(f.tenant.id, first.before.id).await?,
        Some(first.before.clone()),
        "half of it"
    );
    ensure!(passwords.set(carla.id, None, &hash("one"), &first, NOW).await?);
    let change = step(f, &carla).await?;
    ensure!(!passwords.set(carla.id, Some(&hash("other")), &hash("two"), &change, NOW).await?);
    ensure!(passwords.set(carla.id, Some(&hash("one")), &hash("two"), &change, NOW).await?);
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, Some(hash("two")));
    Ok(())
}

async fn of_many_at_once_one_is_kept(f: &Fixture) -> Result<()> {
    let carla = carla(f).await?;
    f.store.cloud_passwords().set(carla.id, None, &hash("one"), &step(f, &carla).await?, NOW).await?;
    let stores = [f.store.clone(), f.second().await?];
    let mut steps = Vec::new();
    for _ in 0..20 {
        steps.push(step(f, &carla).await?);
    }
    let kept = parallel(20, |number| {
        let (store, step, user) = (stores[number % 2].clone(), steps[number].clone(), carla.id);
        async move {
            let to = hash(&number.to_string());
            store.cloud_passwords().set(user, Some(&hash("one")), &to, &step, NOW).await
        }
    })
    .await?;
    assert_eq!(kept.into_iter().filter(|won| *won).count(), 1);
    Ok(())
}

async fn nobody_of_a_directory_has_one(f: &Fixture) -> Result<()> {
    let (anna, passwords) = (f.person("anna"), f.store.cloud_passwords());
    f.store.users().insert(&anna).await?;
    ensure!(!passwords.set(anna.id, None, &hash("one"), &step(f, &anna).await?, NOW).await?);
    // Nor whoever became a directory's by whatever way.
    let carla = carla(f).await?;
    ensure!(passwords.set(carla.id, None, &hash("one"), &step(f, &carla).await?, NOW).await?);
    let taken = User { mastered: f.person("carla").mastered, ..carla.clone() };
    f.store.users().update(&taken, 1).await?;
    assert_eq!(passwords.get(f.tenant.id, Some(carla.id)).await?, None);
    ensure!(!passwords.set(carla.id, Some(&hash("one")), &hash("two"), &step(f, &carla).await?, NOW).await?);
    Ok(())
}

async fn who_has_one_is_listed(f: &Fixture) -> Result<()> {
    let (carla, passwords) = (carla(f).await?, f.store.cloud_passwords());
    f.store.users().insert(&f.person("anna")).await?;
    let listed = |changed_at| CloudPerson {
        user_principal_name: carla.user_principal_name.clone(),
        display_name: carla.display_name.clone(),
        changed_at,
    };
    assert_eq!(passwords.people(f.tenant.id).await?, [listed(None)]);
    passwords.set(carla.id, None, &hash("one"), &step(f, &carla).await?, NOW).await?;
    assert_eq!(passwords.people(f.tenant.id).await?, [listed(Some(NOW))]);
    assert_eq!(passwords.from_directories(f.tenant.id, "Contoso.test").await?, 1);
    for none in ["toso.test", "test", "x.contoso.test"] {
        assert_eq!(passwords.from_directories(f.tenant.id, none).await?, 0, "{none}");
    }
    Ok(())
}

async fn one_that_is_given_takes_a_case_and_has_to_be_changed(f: &Fixture) -> Result<()> {
    let (carla, passwords) = (carla(f).await?, f.store.cloud_passwords());
    let case = Case {
        id: CaseId::random(&f.random),
        tenant: f.tenant.id,
        user: carla.id,
        operator: AdministratorId::random(&f.random),
        reason: "R".into(),
        by_code: false,
        cleared: false,
        passed: false,
        created_at: NOW,
        expires_at: NOW.plus(VALID),
    };
    let kept = async || f.store.cloud_passwords().kept(f.tenant.id, Some(carla.id)).await;
    f.store.help_desk().open(&case, None).await?;
    ensure!(!passwords.give(&case, case.operator, &hash("given"), NOW).await?, "it is not cleared");
    ensure!(kept().await?.is_none());
    let colleague = AdministratorId::random(&f.random);
    ensure!(f.store.help_desk().approve(case.tenant, case.id, colleague, NOW).await?);
    let session =
        Registration { state: RegistrationState::Proven, ..f.registration(Person::Known(carla.id)) };
    f.store.registrations().insert(&session).await?;
    ensure!(passwords.give(&case, case.operator, &hash("given"), NOW).await?);
    ensure!(kept().await?.is_some_and(|kept| kept.must_change && kept.hash == hash("given")));
    assert_eq!(f.store.registrations().get(f.tenant.id, session.id).await?, None, "a session went on");
    ensure!(!passwords.give(&case, case.operator, &hash("again"), NOW).await?, "one case, one password");
    ensure!(
        passwords.set(carla.id, Some(&hash("given")), &hash("hers"), &step(f, &carla).await?, NOW).await?
    );
    ensure!(kept().await?.is_some_and(|kept| !kept.must_change));
    Ok(())
}
