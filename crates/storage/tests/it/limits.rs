//! Counters.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::limit::{CODES_SENT, NAMES_TRIED, STARTS};
use ritorno_identity::subject::Subject;
use ritorno_identity::work::{self, Spent};
use ritorno_protocol::clock::Timestamp;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    three_an_hour,
    the_window_slides,
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
    let until = limits.reached_until(tenant, &CODES_SENT, &address, last).await?.context("reached")?;
    ensure!(
        until >= NOW.plus(CODES_SENT.window) && until <= NOW.plus(CODES_SENT.forgotten_after()),
        "{until:?}"
    );
    let before = until.minus(Duration::from_millis(1));
    ensure!(!limits.count(tenant, &CODES_SENT, &address, before).await?);
    assert_eq!(limits.reached_until(tenant, &CODES_SENT, &address, until).await?, None);
    let other = Subject::of_address(&f.pepper, tenant, "bruno@mail.test");
    ensure!(limits.count(tenant, &CODES_SENT, &other, last).await?);
    assert_eq!(limits.reached_until(tenant, &CODES_SENT, &other, last).await?, None);
    ensure!(limits.count(tenant, &NAMES_TRIED, &address, last).await?);
    ensure!(limits.count(f.other_tenant().await?, &CODES_SENT, &address, last).await?);

    for _ in 0..3 {
        ensure!(limits.count(tenant, &CODES_SENT, &address, until).await?);
    }
    ensure!(!limits.count(tenant, &CODES_SENT, &address, until).await?);
    Ok(())
}

/// By chance, for hours: in no interval as long as the window more come through than the limit says, and whoever is refused had enough
/// within a window and a part of it. The number that is told is the one that counts.
async fn the_window_slides(f: &Fixture) -> Result<()> {
    let (tenant, limits) = (f.tenant.id, f.store.limits());
    let (most, long) = (CODES_SENT.most as usize, CODES_SENT.forgotten_after());
    for subject in 1..=4_u8 {
        let (subject, mut seed) = (Subject([subject; 32]), u64::from(subject));
        let (mut now, mut came): (_, Vec<Timestamp>) = (NOW, Vec::new());
        for _ in 0..120 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now = now.plus(Duration::from_millis((seed >> 33) % 1_500_000));
            let within = |long: Duration| came.iter().filter(|at| now.since(**at) < long).count();
            let (least, at_most) = (within(CODES_SENT.window), within(long));
            let counted = limits.counted(tenant, &CODES_SENT, &subject, now).await? as usize;
            ensure!(least <= counted && counted <= at_most, "{least} {counted} {at_most}");
            let until = limits.reached_until(tenant, &CODES_SENT, &subject, now).await?;
            let through = limits.count(tenant, &CODES_SENT, &subject, now).await?;
            assert_eq!(through, counted < most);
            match until {
                None => ensure!(through),
                Some(until) => {
                    ensure!(!through && until > now);
                    let before = until.minus(Duration::from_millis(1));
                    assert_eq!(
                        limits.counted(tenant, &CODES_SENT, &subject, before).await? as usize,
                        counted
                    );
                    ensure!((limits.counted(tenant, &CODES_SENT, &subject, until).await? as usize) < most);
                }
            }
            if through {
                came.push(now);
            }
        }
        ensure!(came.len() > most * 4, "{}", came.len());
    }
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
    assert_eq!(raise(NOW.plus(STARTS.window).plus(STARTS.forgotten_after())).await?, 1, "another window");
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
