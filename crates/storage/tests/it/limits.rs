//! Counters.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::limit::{CODES_SENT, NAMES_TRIED, STARTS};
use ritorno_identity::subject::Subject;
use ritorno_identity::work::{self, Spent};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    three_an_hour,
    lifted_and_given_back,
    many_count_together_or_not_at_all,
    parallel_counts_stop_at_the_limit,
    raised_whatever_the_limit_says,
    a_challenge_is_spent_once
);

async fn three_an_hour(f: &Fixture) -> Result<()> {
    let (tenant, limits) = (f.tenant.id, f.store.limits());
    let address = Subject::of_address(&f.pepper, tenant, "Anna@mail.test");
    for _ in 0..3 {
        ensure!(limits.count(tenant, &CODES_SENT, &address, NOW).await?);
    }
    let last = NOW.plus(CODES_SENT.window).minus(Duration::from_millis(1));
    ensure!(!limits.count(tenant, &CODES_SENT, &address, last).await?);
    let until = NOW.plus(CODES_SENT.window);
    assert_eq!(limits.reached_until(tenant, &CODES_SENT, &address, last).await?, Some(until));
    assert_eq!(limits.reached_until(tenant, &CODES_SENT, &address, until).await?, None);
    let other = Subject::of_address(&f.pepper, tenant, "bruno@mail.test");
    ensure!(limits.count(tenant, &CODES_SENT, &other, last).await?);
    assert_eq!(limits.reached_until(tenant, &CODES_SENT, &other, last).await?, None);
    ensure!(limits.count(tenant, &NAMES_TRIED, &address, last).await?);
    ensure!(limits.count(f.other_tenant().await?, &CODES_SENT, &address, last).await?);

    let again = NOW.plus(CODES_SENT.window);
    for _ in 0..3 {
        ensure!(limits.count(tenant, &CODES_SENT, &address, again).await?);
    }
    ensure!(!limits.count(tenant, &CODES_SENT, &address, again).await?);
    Ok(())
}

async fn lifted_and_given_back(f: &Fixture) -> Result<()> {
    let (tenant, limits) = (f.tenant.id, f.store.limits());
    let subject = Subject([3; 32]);
    ensure!(!limits.lift(tenant, &CODES_SENT, &subject).await?, "nothing was counted");
    for _ in 0..10 {
        ensure!(limits.count(tenant, &CODES_SENT, &subject, NOW).await?);
        limits.give_back(tenant, &CODES_SENT, &subject).await?;
    }
    limits.give_back(tenant, &CODES_SENT, &subject).await?;
    for _ in 0..3 {
        ensure!(limits.count(tenant, &CODES_SENT, &subject, NOW).await?);
    }
    ensure!(!limits.count(tenant, &CODES_SENT, &subject, NOW).await?, "giving back does not go below zero");
    ensure!(limits.lift(tenant, &CODES_SENT, &subject).await?);
    ensure!(limits.count(tenant, &CODES_SENT, &subject, NOW).await?);
    Ok(())
}

async fn many_count_together_or_not_at_all(f: &Fixture) -> Result<()> {
    let (tenant, limits) = (f.tenant.id, f.store.limits());
    let subject = Subject([5; 32]);
    let count = async |number| limits.count_many(tenant, &CODES_SENT, &subject, number, NOW).await;
    ensure!(!count(4).await?, "more than the limit, the first time");
    ensure!(count(2).await?);
    ensure!(!count(2).await?, "one would fit, two do not, and none is counted");
    ensure!(count(1).await?);
    ensure!(!count(1).await?);
    limits.give_many_back(tenant, &CODES_SENT, &subject, 2).await?;
    ensure!(count(2).await?);
    limits.give_many_back(tenant, &CODES_SENT, &subject, 9).await?;
    ensure!(count(3).await? && !count(1).await?, "not below zero");
    Ok(())
}

async fn parallel_counts_stop_at_the_limit(f: &Fixture) -> Result<()> {
    let (tenant, stores) = (f.tenant.id, [f.store.clone(), f.second().await?]);
    let let_through = parallel(60, |number| {
        let store = stores[number % 2].clone();
        async move { store.limits().count(tenant, &CODES_SENT, &Subject([4; 32]), NOW).await }
    })
    .await?;
    assert_eq!(let_through.into_iter().filter(|through| *through).count(), 3);
    Ok(())
}

async fn raised_whatever_the_limit_says(f: &Fixture) -> Result<()> {
    let (tenant, stores) = (f.tenant.id, [f.store.clone(), f.second().await?]);
    let name = Subject([6; 32]);
    let raise = async |at| f.store.limits().raise(tenant, &STARTS, &name, at).await;
    let mut numbers = parallel(60, |number| {
        let store = stores[number % 2].clone();
        async move { store.limits().raise(tenant, &STARTS, &Subject([6; 32]), NOW).await }
    })
    .await?;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=60).collect::<Vec<u32>>(), "each of many at once has a number of its own");
    f.store.limits().give_back(tenant, &STARTS, &name).await?;
    assert_eq!(raise(NOW.plus(STARTS.window).minus(Duration::from_millis(1))).await?, 60);
    assert_eq!(raise(NOW.plus(STARTS.window)).await?, 1, "another window");
    assert_eq!(f.store.limits().raise(tenant, &STARTS, &Subject([7; 32]), NOW).await?, 1);
    assert_eq!(f.store.limits().raise(f.other_tenant().await?, &STARTS, &name, NOW).await?, 1);
    Ok(())
}

async fn a_challenge_is_spent_once(f: &Fixture) -> Result<()> {
    let (tenant, stores) = (f.tenant.id, [f.store.clone(), f.second().await?]);
    let until = NOW.plus(work::VALID);
    let spent = parallel(60, |number| {
        let store = stores[number % 2].clone();
        async move { store.limits().spend(tenant, Spent([1; 16]), until).await }
    })
    .await?;
    assert_eq!(spent.into_iter().filter(|first| *first).count(), 1);
    ensure!(f.store.limits().spend(tenant, Spent([2; 16]), until).await?);
    ensure!(f.store.limits().spend(f.other_tenant().await?, Spent([1; 16]), until).await?);
    Ok(())
}
