//! Cases of the help desk: tries counted first, one approval by another, one pass, used once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ritorno_identity::help_desk::{Case, SpokenDigest, VALID};
use ritorno_identity::ids::{AdministratorId, CaseId};
use ritorno_identity::subject::Subject;
use ritorno_identity::user::User;
use ritorno_protocol::random::array;
use ritorno_storage::{GateTried, GateTry};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    of_200_parallel_codes_5_are_tried,
    approved_by_another_and_once,
    a_pass_is_used_once_in_its_time_by_its_person,
    guesses_count_against_the_pass_that_there_is,
    a_case_serves_once_for_a_pass_or_a_password,
);

async fn person(f: &Fixture, name: &str) -> Result<User> {
    let user = f.person(name);
    f.store.users().insert(&user).await?;
    Ok(user)
}

/// A case of one operator, stored.
async fn opened(f: &Fixture, user: &User, code: Option<&SpokenDigest>) -> Result<Case> {
    opened_by(f, user, AdministratorId::random(&f.random), code).await
}

async fn opened_by(
    f: &Fixture,
    user: &User,
    operator: AdministratorId,
    code: Option<&SpokenDigest>,
) -> Result<Case> {
    let case = Case {
        id: CaseId::random(&f.random),
        tenant: f.tenant.id,
        user: user.id,
        operator,
        reason: "Lost her phone".into(),
        by_code: code.is_some(),
        cleared: false,
        passed: false,
        created_at: NOW,
        expires_at: NOW.plus(VALID),
    };
    f.store.help_desk().open(&case, code).await?;
    let stored = f.store.help_desk().get(f.tenant.id, user.id, case.id, NOW).await?;
    assert_eq!(stored.as_ref(), Some(&case));
    Ok(case)
}

fn digest(f: &Fixture) -> SpokenDigest {
    SpokenDigest(array(&f.random))
}

async fn of_200_parallel_codes_5_are_tried(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let (right, wrong) = (digest(f), digest(f));
    let case = opened(f, &anna, Some(&right)).await?;
    let stores = [f.store.clone(), f.second().await?];
    let (tenant, id, operator) = (case.tenant, case.id, case.operator);
    let tried = parallel(200, |number| {
        let store = stores[number % 2].clone();
        async move { store.help_desk().try_code(tenant, id, operator, &wrong, NOW).await }
    })
    .await?;
    ensure!(tried.iter().all(|right| !right));
    ensure!(
        !f.store.help_desk().try_code(tenant, id, operator, &right, NOW).await?,
        "the right one is too late"
    );

    let again = opened(f, &anna, Some(&right)).await?;
    let desk = f.store.help_desk();
    for _ in 0..4 {
        ensure!(!desk.try_code(tenant, again.id, again.operator, &wrong, NOW).await?);
    }
    ensure!(!desk.try_code(tenant, again.id, operator, &right, NOW).await?, "another operator's");
    ensure!(desk.try_code(tenant, again.id, again.operator, &right, NOW).await?, "the fifth try counts");
    Ok(())
}

async fn approved_by_another_and_once(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let case = opened(f, &anna, None).await?;
    let (desk, tenant) = (f.store.help_desk(), case.tenant);
    let (other, late) = (AdministratorId::random(&f.random), NOW.plus(VALID));
    ensure!(!desk.put_pass(&case, case.operator, &digest(f), late, NOW).await?, "before it is approved");
    ensure!(!desk.approve(tenant, case.id, case.operator, NOW).await?, "by whoever asks");
    ensure!(!desk.approve(tenant, case.id, other, late).await?, "too late");
    let stores = [f.store.clone(), f.second().await?];
    let id = case.id;
    let approved = parallel(20, |number| {
        let store = stores[number % 2].clone();
        async move { store.help_desk().approve(tenant, id, other, NOW).await }
    })
    .await?;
    assert_eq!(approved.iter().filter(|approved| **approved).count(), 1);
    ensure!(!desk.put_pass(&case, other, &digest(f), late, NOW).await?, "by whoever approved");
    ensure!(desk.put_pass(&case, case.operator, &digest(f), late, NOW).await?);
    ensure!(!desk.put_pass(&case, case.operator, &digest(f), late, NOW).await?, "a second one");
    let (one, two) = (f.administrator("one").await?, f.administrator("two").await?);
    for account in [&one, &two] {
        f.store.administrators().set_person(tenant, account.id, Some(anna.id)).await?;
    }
    let own = opened_by(f, &person(f, "carla").await?, one.id, None).await?;
    ensure!(!desk.approve(tenant, own.id, two.id, NOW).await?, "another account of whoever asks");
    ensure!(desk.approve(tenant, own.id, other, NOW).await?);
    let coded = opened(f, &person(f, "bruno").await?, Some(&digest(f))).await?;
    ensure!(!desk.approve(tenant, coded.id, other, NOW).await?, "a code is waited for");
    let stored = desk.open_case(tenant, anna.id, NOW).await?.context("the case is open")?;
    ensure!(stored.cleared && stored.passed && desk.open_case(tenant, anna.id, late).await?.is_none());
    Ok(())
}

async fn a_pass_is_used_once_in_its_time_by_its_person(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (person(f, "anna").await?, person(f, "bruno").await?);
    let desk = f.store.help_desk();
    let until = NOW.plus(Duration::from_secs(60));
    let made = async |user: &User| {
        let case = opened(f, user, None).await?;
        let pass = digest(f);
        ensure!(desk.approve(case.tenant, case.id, AdministratorId::random(&f.random), NOW).await?);
        ensure!(desk.put_pass(&case, case.operator, &pass, until, NOW).await?);
        anyhow::Ok(pass)
    };
    let attempt = |user: &User| GateTry {
        tenant: f.tenant.id,
        user: Some(user.id),
        flow: Subject(array(&f.random)),
        subject: Subject::of_user(&f.pepper, f.tenant.id, user.id),
        known_browser: false,
    };
    let pass = made(&anna).await?;
    assert_eq!(
        desk.attempt(&attempt(&bruno), &pass, &f.pepper, NOW).await?,
        GateTried::Wrong,
        "another person's"
    );
    assert_eq!(desk.attempt(&attempt(&anna), &pass, &f.pepper, until).await?, GateTried::Wrong, "over");
    let stores = [f.store.clone(), f.second().await?];
    let tries: Vec<GateTry> = (0..10).map(|_| attempt(&anna)).collect();
    let tried = parallel(10, |number| {
        let (store, one, pepper) = (stores[number % 2].clone(), tries[number], f.pepper.clone());
        async move { store.help_desk().attempt(&one, &pass, &pepper, NOW).await }
    })
    .await?;
    assert_eq!(tried.iter().filter(|tried| **tried == GateTried::Right).count(), 1, "{tried:?}");
    Ok(())
}

async fn a_case_serves_once_for_a_pass_or_a_password(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (person(f, "anna").await?, person(f, "bruno").await?);
    let desk = f.store.help_desk();
    let case = opened(f, &anna, None).await?;
    let other = AdministratorId::random(&f.random);
    ensure!(!desk.take(&case, case.operator, NOW).await?, "it is not cleared");
    ensure!(desk.approve(case.tenant, case.id, other, NOW).await?);
    ensure!(!desk.take(&case, other, NOW).await?, "it is another operator's");
    ensure!(!desk.take(&case, case.operator, case.expires_at).await?, "it is over");
    ensure!(desk.take(&case, case.operator, NOW).await?);
    let passed =
        async || anyhow::Ok(desk.get(case.tenant, anna.id, case.id, NOW).await?.map(|case| case.passed));
    assert_eq!(passed().await?, Some(true));
    ensure!(!desk.take(&case, case.operator, NOW).await?, "once");
    let pass = digest(f);
    ensure!(!desk.put_pass(&case, case.operator, &pass, NOW.plus(VALID), NOW).await?, "nor for a pass");
    // Nothing was set: it serves again, for either.
    desk.give_back(&case, case.operator).await?;
    assert_eq!(passed().await?, Some(false));
    ensure!(desk.put_pass(&case, case.operator, &pass, NOW.plus(VALID), NOW).await?);
    ensure!(!desk.take(&case, case.operator, NOW).await?);
    let case = opened(f, &bruno, None).await?;
    ensure!(desk.approve(case.tenant, case.id, other, NOW).await?);
    let taken = parallel(20, |_| {
        let (store, case) = (f.store.clone(), case.clone());
        async move { store.help_desk().take(&case, case.operator, NOW).await }
    })
    .await?;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
    Ok(())
}

async fn guesses_count_against_the_pass_that_there_is(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (person(f, "anna").await?, person(f, "bruno").await?);
    let desk = f.store.help_desk();
    let guess = async |user: &User, known_browser, typed: &SpokenDigest| {
        let attempt = GateTry {
            tenant: f.tenant.id,
            user: Some(user.id),
            flow: Subject(array(&f.random)),
            subject: Subject::of_user(&f.pepper, f.tenant.id, user.id),
            known_browser,
        };
        desk.attempt(&attempt, typed, &f.pepper, NOW).await
    };
    let wrong = digest(f);
    let made = async |user: &User| {
        let case = opened(f, user, None).await?;
        let pass = digest(f);
        ensure!(desk.approve(case.tenant, case.id, AdministratorId::random(&f.random), NOW).await?);
        ensure!(desk.put_pass(&case, case.operator, &pass, NOW.plus(VALID), NOW).await?);
        anyhow::Ok(pass)
    };
    for _ in 0..30 {
        assert_eq!(guess(&anna, false, &wrong).await?, GateTried::Wrong, "there is none yet");
    }
    let pass = made(&anna).await?;
    assert_eq!(
        guess(&anna, false, &pass).await?,
        GateTried::Right,
        "what was guessed before counts for nothing"
    );

    let pass = made(&bruno).await?;
    for number in 0..24 {
        let expected = if number < 20 { GateTried::Wrong } else { GateTried::WornOut };
        assert_eq!(guess(&bruno, false, &wrong).await?, expected, "{number}");
    }
    assert_eq!(guess(&bruno, false, &pass).await?, GateTried::WornOut, "elsewhere not even the right one");
    assert_eq!(guess(&bruno, true, &wrong).await?, GateTried::Wrong, "where she succeeded it is compared");
    assert_eq!(guess(&bruno, true, &pass).await?, GateTried::Right);
    Ok(())
}
