//! Requests: at most once.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::flow::{Flow, FlowState, Person, Step};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, SourceAnchor, SupportCode, UserId};
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::settle::{Before, DatabaseId};
use ritorno_protocol::statement::PasswordVersion;
use ritorno_storage::{Committed, StoreError};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    comes_back_as_it_was_stored,
    row_and_step_are_there_together_or_not_at_all,
    of_two_steps_one_has_its_row,
    replayed_request_is_refused,
    outcome_is_committed_once,
    other_attempts_and_agents_have_no_say,
    started_attempt_is_the_last,
    attempt_that_did_not_begin_is_followed_by_one_other,
    silent_attempt_is_never_followed,
    one_server_takes_a_follow_up_and_another_after_it_died,
    unknown_is_settled_once,
    what_another_agent_proved_is_kept_until_the_first_one_says_otherwise,
    what_can_be_settled_is_found_until_it_is_over,
    parallel_outcomes_leave_one,
    one_contradiction_among_many_writes_fails_alone,
);

fn new(f: &Fixture) -> Request {
    Request {
        id: RequestId::random(&f.random),
        tenant: f.tenant.id,
        user: UserId::random(&f.random),
        anchor: SourceAnchor("AAAAAAAAAAAAAAAAAAAAAA==".into()),
        operation: Operation::Reset,
        administrator: None,
        envelope_digest: [7; 32],
        support_code: SupportCode::random(&f.random),
        attempt: attempt(f, 1),
        state: RequestState::Dispatched,
        settled_by: None,
        corrected: false,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn attempt(f: &Fixture, number: u32) -> Attempt {
    Attempt {
        number,
        agent: AgentId::random(&f.random),
        epoch: EpochId::random(&f.random),
        start_by: NOW.plus(Duration::from_secs(5)),
        dead_after: NOW.plus(Duration::from_secs(150)),
        go_ahead: false,
    }
}

async fn stored(f: &Fixture) -> Result<Request> {
    let request = new(f);
    f.store.requests().begin(&request, None).await?;
    Ok(request)
}

fn done(dc: &str) -> Outcome {
    let operator = Operator { dc: Some(dc.into()), ldap_code: Some(0), ..Operator::default() };
    Outcome::Done(Done { unlocked: true, must_change: false, history_enforced: true, operator })
}

fn fact(f: &Fixture, request: &Request) -> Fact {
    Fact {
        id: FactId::random(&f.random),
        tenant: request.tenant,
        at: NOW,
        activity: Activity::OutcomeCorrected,
        actor: Actor::Agent(request.attempt.agent),
        target: Some(request.user),
        from: None,
        success: Success::Success,
        reason: "another agent had proved otherwise".into(),
        support_code: Some(request.support_code.clone()),
        correlation: CorrelationId::random(&f.random),
        request: Some(request.id),
    }
}

fn before() -> Before {
    let database = Some(DatabaseId(Bytes(vec![1; 16])));
    Before { version: PasswordVersion::Replicated { version: 3 }, database, begun_at: NOW }
}

fn unknown() -> Outcome {
    Outcome::Unknown { operator: Operator { detail: "no answer".into(), ..Operator::default() } }
}

async fn finish(f: &Fixture, request: &Request, outcome: &Outcome) -> Result<Committed> {
    let Attempt { number, agent, .. } = request.attempt;
    Ok(f.store.requests().finish(f.tenant.id, request.id, number, agent, outcome, NOW).await?)
}

async fn state(f: &Fixture, request: &Request) -> Result<Option<RequestState>> {
    Ok(f.store.requests().get(f.tenant.id, request.id).await?.map(|stored| stored.state))
}

async fn comes_back_as_it_was_stored(f: &Fixture) -> Result<()> {
    let requests = f.store.requests();
    let first = stored(f).await?;
    assert_eq!(requests.get(f.tenant.id, first.id).await?.as_ref(), Some(&first));
    assert_eq!(requests.get(f.other_tenant().await?, first.id).await?, None);
    let later = NOW.plus(Duration::from_secs(60));
    let second = Request {
        id: RequestId::random(&f.random),
        operation: Operation::Unlock,
        created_at: later,
        updated_at: later,
        ..first.clone()
    };
    requests.begin(&second, None).await?;
    assert_eq!(requests.latest_of(f.tenant.id, first.user).await?.as_ref(), Some(&second));
    let verification = Request {
        id: RequestId::random(&f.random),
        operation: Operation::Verify,
        created_at: later.plus(Duration::from_secs(1)),
        support_code: SupportCode::random(&f.random),
        ..first.clone()
    };
    requests.begin(&verification, None).await?;
    let latest = requests.latest_of(f.tenant.id, first.user).await?;
    assert_eq!(latest.as_ref(), Some(&second), "a verification writes nothing to wait for");
    assert_eq!(requests.latest_of(f.tenant.id, UserId::random(&f.random)).await?, None);
    assert_eq!(requests.by_support_code(f.tenant.id, &first.support_code).await?, [second, first]);
    Ok(())
}

/// A flow whose gate is passed, and the step to this request.
async fn step_to(f: &Fixture, request: &Request) -> Result<Step> {
    let before = Flow { state: FlowState::GatePassed, ..f.flow(Person::Known(request.user)) };
    f.store.flows().insert(&before).await?;
    let after = before.submitted(request.id, NOW)?;
    Ok(Step { before, after })
}

async fn row_and_step_are_there_together_or_not_at_all(f: &Fixture) -> Result<()> {
    let (requests, flows) = (f.store.requests(), f.store.flows());
    let request = new(f);
    let step = step_to(f, &request).await?;
    ensure!(requests.begin(&request, Some(&step)).await?);
    assert_eq!(requests.get(f.tenant.id, request.id).await?.as_ref(), Some(&request));
    assert_eq!(flows.get(f.tenant.id, step.before.id).await?.as_ref(), Some(&step.after));

    // The flow is elsewhere: no row.
    let second = new(f);
    let late = Step { before: step.before.clone(), after: step.before.submitted(second.id, NOW)? };
    ensure!(!requests.begin(&second, Some(&late)).await?);
    assert_eq!(requests.get(f.tenant.id, second.id).await?, None);
    assert_eq!(flows.get(f.tenant.id, step.before.id).await?.as_ref(), Some(&step.after));

    // The row is there already: no step.
    let other = step_to(f, &request).await?;
    let refused = requests.begin(&request, Some(&other)).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    assert_eq!(flows.get(f.tenant.id, other.before.id).await?.as_ref(), Some(&other.before));
    Ok(())
}

async fn of_two_steps_one_has_its_row(f: &Fixture) -> Result<()> {
    let step = step_to(f, &new(f)).await?;
    let all: Vec<Request> = (0..20).map(|_| new(f)).collect();
    let stores = [f.store.clone(), f.second().await?];
    let begun = parallel(all.len(), |turn| {
        let (store, request, before) = (stores[turn % 2].clone(), all[turn].clone(), step.before.clone());
        async move {
            let after = before.submitted(request.id, NOW).expect("its gate is passed");
            store.requests().begin(&request, Some(&Step { before, after })).await
        }
    })
    .await?;
    let mut rows = Vec::new();
    for request in &all {
        rows.push(f.store.requests().get(f.tenant.id, request.id).await?.is_some());
    }
    assert_eq!(rows, begun, "whoever took the step has a row, and nobody else");
    assert_eq!(begun.iter().filter(|begun| **begun).count(), 1);
    Ok(())
}

async fn replayed_request_is_refused(f: &Fixture) -> Result<()> {
    let request = stored(f).await?;
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::First);
    let refused = f.store.requests().begin(&request, None).await;
    ensure!(matches!(refused, Err(StoreError::Contradiction(_))), "{refused:?}");
    assert_eq!(state(f, &request).await?, Some(RequestState::Finished(done("dc1"))));
    Ok(())
}

async fn outcome_is_committed_once(f: &Fixture) -> Result<()> {
    let request = stored(f).await?;
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::First);
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::Same);
    assert_eq!(finish(f, &request, &done("dc2")).await?, Committed::Conflict);
    assert_eq!(finish(f, &request, &unknown()).await?, Committed::Conflict);
    assert_eq!(state(f, &request).await?, Some(RequestState::Finished(done("dc1"))));
    Ok(())
}

async fn other_attempts_and_agents_have_no_say(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let Attempt { number, agent, .. } = request.attempt;
    let (tenant, id, stranger) = (f.tenant.id, request.id, AgentId::random(&f.random));
    for (id, number, agent) in
        [(id, number, stranger), (id, 2, agent), (RequestId::random(&f.random), number, agent)]
    {
        ensure!(!requests.started(tenant, id, number, agent, None, NOW).await?);
        ensure!(!requests.not_started(tenant, id, number, agent, NOW).await?);
        let committed = requests.finish(tenant, id, number, agent, &done("dc1"), NOW).await?;
        assert_eq!(committed, Committed::NotThisAttempt);
    }
    assert_eq!(requests.settle(tenant, id, 2, &done("dc1"), None, NOW).await?, Committed::NotThisAttempt);
    assert_eq!(state(f, &request).await?, Some(RequestState::Dispatched));
    Ok(())
}

async fn started_attempt_is_the_last(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let Attempt { number, agent, .. } = request.attempt;
    let before = before();
    ensure!(requests.started(f.tenant.id, request.id, number, agent, Some(&before), NOW).await?);
    let started = RequestState::Started { before: Some(before) };
    assert_eq!(state(f, &request).await?, Some(started.clone()));
    ensure!(!requests.started(f.tenant.id, request.id, number, agent, None, NOW).await?);
    ensure!(!requests.not_started(f.tenant.id, request.id, number, agent, NOW).await?);
    let years_later = NOW.plus(Duration::from_secs(100_000_000));
    ensure!(!requests.next_attempt(f.tenant.id, request.id, &attempt(f, 2), years_later).await?);
    assert_eq!(state(f, &request).await?, Some(started));
    Ok(())
}

async fn attempt_that_did_not_begin_is_followed_by_one_other(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let Attempt { number, agent, .. } = request.attempt;
    ensure!(requests.not_started(f.tenant.id, request.id, number, agent, NOW).await?);
    assert_eq!(state(f, &request).await?, Some(RequestState::NotStarted));
    ensure!(!requests.next_attempt(f.tenant.id, request.id, &attempt(f, 3), NOW).await?, "none is left out");

    let second = attempt(f, 2);
    let stores = [f.store.clone(), f.second().await?];
    let (tenant, id) = (f.tenant.id, request.id);
    let signed = parallel(20, |turn| {
        let store = stores[turn % 2].clone();
        async move { store.requests().next_attempt(tenant, id, &second, NOW).await }
    })
    .await?;
    assert_eq!(signed.into_iter().filter(|may| *may).count(), 1);
    let now = requests.get(tenant, id).await?;
    assert_eq!(now, Some(Request { attempt: second, ..request.clone() }));
    // The first agent's word does not count any more.
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::NotThisAttempt);
    ensure!(requests.started(tenant, id, 2, second.agent, None, NOW).await?);
    Ok(())
}

async fn silent_attempt_is_never_followed(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let years_later = NOW.plus(Duration::from_secs(100_000_000));
    ensure!(!requests.next_attempt(f.tenant.id, request.id, &attempt(f, 2), years_later).await?);
    // Its agent was only cut off: what it says when it is back is the outcome.
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::First);
    Ok(())
}

async fn unknown_is_settled_once(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let (tenant, id) = (f.tenant.id, request.id);
    let settle = async |outcome: Outcome| requests.settle(tenant, id, 1, &outcome, None, NOW).await;
    assert_eq!(settle(done("dc1")).await?, Committed::Conflict, "it did not begin, as far as we know");
    assert_eq!(finish(f, &request, &unknown()).await?, Committed::First);
    assert_eq!(settle(unknown()).await?, Committed::Same, "unknown settles nothing");
    assert_eq!(settle(done("dc1")).await?, Committed::First);
    assert_eq!(settle(done("dc1")).await?, Committed::Same);
    let not_applied = Outcome::NotApplied { fault: Fault::Expired, operator: Operator::default() };
    assert_eq!(settle(not_applied.clone()).await?, Committed::Conflict);
    assert_eq!(finish(f, &request, &unknown()).await?, Committed::Same, "the agent resends what it said");
    assert_eq!(state(f, &request).await?, Some(RequestState::Finished(done("dc1"))));

    // An agent that began and never came back: what another one finds out is the outcome.
    let lost = stored(f).await?;
    let Attempt { number, agent, .. } = lost.attempt;
    ensure!(requests.started(tenant, lost.id, number, agent, None, NOW).await?);
    assert_eq!(requests.settle(tenant, lost.id, 1, &not_applied, None, NOW).await?, Committed::First);
    assert_eq!(state(f, &lost).await?, Some(RequestState::Finished(not_applied)));
    // What was proved is never settled otherwise.
    let proved = stored(f).await?;
    assert_eq!(finish(f, &proved, &done("dc1")).await?, Committed::First);
    assert_eq!(requests.settle(tenant, proved.id, 1, &done("dc2"), None, NOW).await?, Committed::Conflict);
    Ok(())
}

async fn what_another_agent_proved_is_kept_until_the_first_one_says_otherwise(f: &Fixture) -> Result<()> {
    let (requests, request) = (f.store.requests(), stored(f).await?);
    let (tenant, id, other) = (f.tenant.id, request.id, AgentId::random(&f.random));
    let Attempt { number, agent, .. } = request.attempt;
    ensure!(requests.started(tenant, id, number, agent, Some(&before()), NOW).await?);
    let not_applied =
        Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator: Operator::default() };
    assert_eq!(requests.settle(tenant, id, number, &not_applied, Some(other), NOW).await?, Committed::First);
    requests.followed_up(tenant, id, false).await?;
    let kept = requests.get(tenant, id).await?.unwrap();
    assert_eq!((kept.settled_by, kept.outcome()), (Some(other), Some(&not_applied)));

    let told = fact(f, &request);
    let stranger = Attempt { agent: other, ..request.attempt };
    ensure!(!requests.correct(tenant, id, &stranger, &done("dc1"), &told, NOW).await?);
    ensure!(requests.correct(tenant, id, &request.attempt, &done("dc1"), &told, NOW).await?);
    let corrected = requests.get(tenant, id).await?.unwrap();
    assert_eq!((corrected.corrected, corrected.outcome()), (true, Some(&done("dc1"))));
    assert_eq!(f.facts(tenant).await?, [told]);
    let owed = requests.to_follow_up(tenant, NOW, 10).await?;
    assert_eq!(owed.iter().filter(|owed| owed.id == id).count(), 1, "everybody is told again");
    let again = fact(f, &request);
    ensure!(!requests.correct(tenant, id, &request.attempt, &not_applied, &again, NOW).await?, "once");
    assert_eq!(f.facts(tenant).await?.len(), 1, "no fact of what did not happen");
    Ok(())
}

async fn what_can_be_settled_is_found_until_it_is_over(f: &Fixture) -> Result<()> {
    let (requests, tenant) = (f.store.requests(), f.tenant.id);
    let earlier = NOW.minus(Duration::from_secs(1));
    let mut began = Vec::new();
    for _ in 0..5 {
        let request = stored(f).await?;
        let Attempt { number, agent, .. } = request.attempt;
        ensure!(requests.started(tenant, request.id, number, agent, Some(&before()), NOW).await?);
        began.push(request);
    }
    let found = async || {
        let found = requests.unsettled(tenant, earlier, 10).await?;
        ensure!(found.iter().all(|(_, kept)| *kept == before()));
        let mut found: Vec<_> = found.into_iter().map(|(request, _)| request.id).collect();
        found.sort();
        Ok::<_, anyhow::Error>(found)
    };
    let of = |requests: &[Request]| {
        let mut ids: Vec<_> = requests.iter().map(|request| request.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(found().await?, of(&began));
    assert_eq!(requests.unsettled(tenant, NOW, 10).await?.len(), 0, "it is not tried for ever");
    // An unknown end can be settled; a proved one, a settled one, and one that never will be, can not.
    assert_eq!(finish(f, &began[0], &unknown()).await?, Committed::First);
    assert_eq!(finish(f, &began[1], &done("dc1")).await?, Committed::First);
    let settled = requests.settle(tenant, began[2].id, 1, &done("dc1"), None, NOW).await?;
    assert_eq!(settled, Committed::First);
    requests.never_settled(tenant, began[3].id).await?;
    let left = [began[0].clone(), began[4].clone()];
    assert_eq!(found().await?, of(&left));
    f.store.purge(NOW.plus(Duration::from_secs(24 * 3_600))).await?;
    assert_eq!(found().await?, []);
    Ok(())
}

async fn parallel_outcomes_leave_one(f: &Fixture) -> Result<()> {
    let request = stored(f).await?;
    let stores = [f.store.clone(), f.second().await?];
    let (tenant, id, Attempt { number, agent, .. }) = (f.tenant.id, request.id, request.attempt);
    let committed = parallel(40, |turn| {
        let store = stores[turn % 2].clone();
        let outcome = done(if turn % 4 < 2 { "dc1" } else { "dc2" });
        async move { store.requests().finish(tenant, id, number, agent, &outcome, NOW).await }
    })
    .await?;
    let count = |wanted| committed.iter().filter(|committed| **committed == wanted).count();
    assert_eq!((count(Committed::First), count(Committed::Same), count(Committed::Conflict)), (1, 19, 20));
    Ok(())
}

async fn one_server_takes_a_follow_up_and_another_after_it_died(f: &Fixture) -> Result<()> {
    let request = stored(f).await?;
    assert_eq!(finish(f, &request, &done("dc1")).await?, Committed::First);
    let stores = [f.store.clone(), f.second().await?];
    let (tenant, id) = (f.tenant.id, request.id);
    let take = |now: Timestamp| {
        let stores = stores.clone();
        parallel(8, move |turn| {
            let (store, earlier) = (stores[turn % 2].clone(), now.minus(Duration::from_secs(15)));
            async move { store.requests().take_follow_up(tenant, id, earlier, now).await }
        })
    };
    let takers = |taken: Vec<bool>| taken.into_iter().filter(|taken| *taken).count();
    assert_eq!(takers(take(NOW).await?), 1);
    let before = NOW.plus(Duration::from_secs(14));
    assert!(
        f.store.requests().to_follow_up(tenant, before.minus(Duration::from_secs(15)), 9).await?.is_empty()
    );
    assert_eq!(takers(take(before).await?), 0, "somebody is at it");
    assert_eq!(takers(take(NOW.plus(Duration::from_secs(15))).await?), 1, "whoever was at it died");
    f.store.requests().followed_up(tenant, id, true).await?;
    assert_eq!(
        takers(take(NOW.plus(Duration::from_secs(30))).await?),
        1,
        "another outcome than this one was told"
    );
    f.store.requests().followed_up(tenant, id, false).await?;
    assert_eq!(takers(take(NOW.plus(Duration::from_secs(60))).await?), 0, "it is done");
    Ok(())
}

async fn one_contradiction_among_many_writes_fails_alone(f: &Fixture) -> Result<()> {
    let same = new(f);
    let all: Vec<Request> = (0..60).map(|turn| if turn % 3 == 0 { same.clone() } else { new(f) }).collect();
    let (store, tenant) = (f.store.clone(), f.tenant.id);
    let kept = parallel(all.len(), |turn| {
        let (store, request) = (store.clone(), all[turn].clone());
        async move {
            match store.requests().begin(&request, None).await {
                Ok(begun) => Ok(begun),
                Err(StoreError::Contradiction(_)) => Ok(false),
                Err(error) => Err(error),
            }
        }
    })
    .await?;
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 41, "forty of their own, and one of the twenty");
    for request in &all {
        ensure!(store.requests().get(tenant, request.id).await?.is_some());
    }
    Ok(())
}
