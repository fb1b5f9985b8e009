//! One-time codes: counted before they are compared, by any number of servers.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::code::{Method, OneTimeCode, StoredCode, TRIES, Tried, VALID};
use ritorno_identity::flow::{Flow, Person};
use ritorno_identity::known_browser;
use ritorno_identity::limit::{WRONG_CODES_BY_MAIL, codes_sent};
use ritorno_identity::mail::Channel;
use ritorno_identity::subject::Subject;
use ritorno_storage::Attempt;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    right_code_is_used_up,
    five_tries_and_no_more,
    expired_code_is_not_compared,
    code_is_for_its_flow,
    new_code_replaces_the_old,
    twenty_wrong_codes_stop_the_day_but_spare_a_known_browser,
    hammering_does_not_stop_a_known_browser,
    of_200_parallel_tries_5_are_evaluated,
    of_200_parallel_right_tries_one_is_right,
);

const RIGHT: &str = "12345678";
const WRONG: &str = "87654321";

/// A stored flow with the code [`RIGHT`].
async fn with_code(f: &Fixture) -> Result<Flow> {
    let flow = f.flow(Person::Stranger);
    f.store.flows().insert(&flow).await?;
    send(f, &flow).await?;
    Ok(flow)
}

async fn send(f: &Fixture, flow: &Flow) -> Result<()> {
    let digest = attempt(f, flow, RIGHT)?.typed;
    f.store.codes().put(&StoredCode::new(f.tenant.id, flow.id, Method::Mail, digest, NOW)).await?;
    Ok(())
}

fn attempt(f: &Fixture, flow: &Flow, typed: &str) -> Result<Attempt> {
    let Some(code) = OneTimeCode::parse(typed) else { anyhow::bail!("{typed} is no code") };
    Ok(Attempt {
        tenant: f.tenant.id,
        flow: flow.id,
        method: Method::Mail,
        typed: code.digest(&f.pepper, f.tenant.id, flow.id, Method::Mail),
        subject: flow.subject,
        known_browser: false,
    })
}

async fn attempts(f: &Fixture, flow: &Flow, typed: &str) -> Result<Tried> {
    Ok(f.store.codes().attempt(&attempt(f, flow, typed)?, NOW).await?)
}

async fn right_code_is_used_up(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    assert_eq!(attempts(f, &flow, WRONG).await?, Tried::Wrong { left: 4 });
    assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Right);
    assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Spent);
    Ok(())
}

async fn five_tries_and_no_more(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    for left in (0..TRIES).rev() {
        assert_eq!(attempts(f, &flow, WRONG).await?, Tried::Wrong { left });
    }
    assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Spent);
    Ok(())
}

async fn expired_code_is_not_compared(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    let right = attempt(f, &flow, RIGHT)?;
    assert_eq!(f.store.codes().attempt(&right, NOW.plus(VALID)).await?, Tried::Expired);
    let last_moment = NOW.plus(VALID).minus(Duration::from_millis(1));
    assert_eq!(f.store.codes().attempt(&right, last_moment).await?, Tried::Right);
    Ok(())
}

async fn code_is_for_its_flow(f: &Fixture) -> Result<()> {
    let (flow, other) = (with_code(f).await?, with_code(f).await?);
    let moved = Attempt { flow: other.id, ..attempt(f, &flow, RIGHT)? };
    assert_eq!(f.store.codes().attempt(&moved, NOW).await?, Tried::Wrong { left: 4 });
    let without_code = f.flow(Person::Stranger);
    f.store.flows().insert(&without_code).await?;
    assert_eq!(attempts(f, &without_code, RIGHT).await?, Tried::NoCode);
    let elsewhere = Attempt { tenant: f.other_tenant().await?, ..attempt(f, &flow, RIGHT)? };
    assert_eq!(f.store.codes().attempt(&elsewhere, NOW).await?, Tried::NoCode);
    Ok(())
}

async fn new_code_replaces_the_old(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    for _ in 0..TRIES {
        attempts(f, &flow, WRONG).await?;
    }
    let newer = attempt(f, &flow, "00000042")?;
    f.store.codes().put(&StoredCode::new(f.tenant.id, flow.id, Method::Mail, newer.typed, NOW)).await?;
    assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Wrong { left: 4 });
    assert_eq!(f.store.codes().attempt(&newer, NOW).await?, Tried::Right);
    Ok(())
}

async fn twenty_wrong_codes_stop_the_day_but_spare_a_known_browser(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    for number in 0..WRONG_CODES_BY_MAIL.most {
        if number % TRIES == 0 {
            send(f, &flow).await?;
        }
        assert_eq!(attempts(f, &flow, WRONG).await?, Tried::Wrong { left: TRIES - 1 - number % TRIES });
    }
    send(f, &flow).await?;
    assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Stopped);
    let known = Attempt { known_browser: true, ..attempt(f, &flow, RIGHT)? };
    assert_eq!(f.store.codes().attempt(&known, NOW).await?, Tried::Right);

    // The help desk lifts it, and right codes do not count.
    ensure!(f.store.limits().lift(f.tenant.id, &WRONG_CODES_BY_MAIL, &flow.subject).await?);
    for _ in 0..=WRONG_CODES_BY_MAIL.most {
        send(f, &flow).await?;
        assert_eq!(attempts(f, &flow, RIGHT).await?, Tried::Right);
    }
    Ok(())
}

/// SECURITY: an hour of hammering Anna does not stop Anna on her usual browser.
async fn hammering_does_not_stop_a_known_browser(f: &Fixture) -> Result<()> {
    let (tenant, limits) = (f.tenant.id, f.store.limits());
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let subject = Subject::of_user(&f.pepper, tenant, anna.id);
    let address = Subject::of_address(&f.pepper, tenant, "anna@mail.test");
    let cookie = known_browser::mark(&f.pepper, tenant, &subject, NOW);

    let mut stopped = 0;
    for minute in 0..60 {
        let now = NOW.plus(Duration::from_secs(60 * minute));
        let theirs = Flow { subject, ..f.flow(Person::Known(anna.id)) };
        f.store.flows().insert(&theirs).await?;
        // The code of another mail is the attacker's best case: tries go on as long as any limit lets them.
        limits.count(tenant, codes_sent(Channel::Mail, false), &address, now).await?;
        send(f, &theirs).await?;
        let wrong = attempt(f, &theirs, WRONG)?;
        while !matches!(f.store.codes().attempt(&wrong, NOW).await?, Tried::Spent) {}
        let try_again = f.store.codes().attempt(&attempt(f, &theirs, RIGHT)?, NOW).await?;
        assert_eq!(try_again, Tried::Spent);
        stopped += u32::from(!limits.count(tenant, codes_sent(Channel::Mail, false), &address, now).await?);
    }
    ensure!(stopped > 50, "the hammering was stopped");

    let now = NOW.plus(Duration::from_secs(59 * 60));
    let known = known_browser::is_known(&f.pepper, tenant, &subject, &cookie, now);
    ensure!(
        known && limits.count(tenant, codes_sent(Channel::Mail, known), &address, now).await?,
        "she gets a code"
    );
    let hers = Flow { subject, ..f.flow(Person::Known(anna.id)) };
    f.store.flows().insert(&hers).await?;
    send(f, &hers).await?;
    assert_eq!(attempts(f, &hers, RIGHT).await?, Tried::Stopped, "a strange browser is stopped for the day");
    let right = Attempt { known_browser: known, ..attempt(f, &hers, RIGHT)? };
    assert_eq!(f.store.codes().attempt(&right, NOW).await?, Tried::Right);
    Ok(())
}

async fn of_200_parallel_tries_5_are_evaluated(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    let stores = [f.store.clone(), f.second().await?];
    let wrong = attempt(f, &flow, WRONG)?;
    let tried = parallel(200, |number| {
        let store = stores[number % 2].clone();
        async move { store.codes().attempt(&wrong, NOW).await }
    })
    .await?;
    let mut evaluated: Vec<_> = tried.iter().filter(|tried| matches!(tried, Tried::Wrong { .. })).collect();
    evaluated.sort_by_key(|tried| format!("{tried:?}"));
    let each_once: Vec<_> = (0..TRIES).map(|left| Tried::Wrong { left }).collect();
    assert_eq!(evaluated, each_once.iter().collect::<Vec<_>>());
    assert_eq!(tried.iter().filter(|tried| **tried == Tried::Spent).count(), 195);
    Ok(())
}

async fn of_200_parallel_right_tries_one_is_right(f: &Fixture) -> Result<()> {
    let flow = with_code(f).await?;
    let stores = [f.store.clone(), f.second().await?];
    let right = attempt(f, &flow, RIGHT)?;
    let tried = parallel(200, |number| {
        let store = stores[number % 2].clone();
        async move { store.codes().attempt(&right, NOW).await }
    })
    .await?;
    assert_eq!(tried.iter().filter(|tried| **tried == Tried::Right).count(), 1);
    assert_eq!(tried.iter().filter(|tried| **tried == Tried::Spent).count(), 199);
    Ok(())
}
