//! What follows an outcome that nobody waited for.

use std::time::Duration;

use ritorno_http::portal::follow_up::{LEFT_ALONE, once};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::flow::FlowState;
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::mail::Template;
use ritorno_identity::request::{Attempt, Request, RequestState};
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::{AgentId, EpochId, RequestId, SourceAnchor, SupportCode};
use ritorno_protocol::outcome::{Fault, Operator, Outcome};

use crate::agent::{TestAgent, done};
use crate::browser::Browser;
use crate::portal::past_the_gate;
use crate::world::World;

/// When what nobody waited for is followed up.
pub(crate) const AFTER: Duration = LEFT_ALONE;

/// A request that was handed to an agent when the server stopped: its flow waits for it.
async fn submitted(world: &World, browser: &mut Browser) -> Request {
    let _agent = TestAgent::link(world).await;
    past_the_gate(world, browser).await;
    let (store, now) = (&world.state.store, world.clock.now());
    let code = SupportCode(browser.get("/reset/password").await.support_code());
    let flow = store.flows().by_support_code(world.tenant.id, &code).await.unwrap().unwrap();
    let id = RequestId::random(&*world.state.random);
    assert!(store.flows().advance(&flow, &flow.submitted(id, now).unwrap()).await.unwrap());
    let user = world.state.store.users().get(world.tenant.id, flow.user().unwrap()).await.unwrap().unwrap();
    let request = Request { id, support_code: code, ..dispatched(world, &user) };
    store.requests().begin(&request, None).await.unwrap();
    request
}

/// A request about somebody that was handed to an agent.
pub(crate) fn dispatched(world: &World, user: &User) -> Request {
    let now = world.clock.now();
    Request {
        id: RequestId::random(&*world.state.random),
        tenant: world.tenant.id,
        user: user.id,
        anchor: SourceAnchor("AAAAAAAAAAAAAAAAAAAAAA==".into()),
        operation: Operation::Reset,
        administrator: None,
        envelope_digest: [7; 32],
        support_code: SupportCode::random(&*world.state.random),
        attempt: Attempt {
            number: 1,
            agent: AgentId::random(&*world.state.random),
            epoch: EpochId::random(&*world.state.random),
            start_by: now,
            dead_after: now,
            go_ahead: false,
        },
        state: RequestState::Dispatched,
        settled_by: None,
        corrected: false,
        created_at: now,
        updated_at: now,
    }
}

pub(crate) async fn finish(world: &World, request: &Request, outcome: &Outcome) {
    let Attempt { number, agent, .. } = request.attempt;
    let requests = world.state.store.requests();
    requests.finish(request.tenant, request.id, number, agent, outcome, world.clock.now()).await.unwrap();
}

async fn notices(world: &World) -> usize {
    let changed = |template: &Template| matches!(template, Template::PasswordChanged { .. });
    world.letters().await.iter().filter(|letter| changed(&letter.template)).count()
}

async fn told_later(world: &World, request: &Request) -> usize {
    let facts = world.state.store.audit().by_support_code(request.tenant, &request.support_code).await;
    facts.unwrap().iter().filter(|fact| fact.reason.starts_with("told later: done")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_came_while_the_server_was_away_is_told_after_its_start() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    finish(&world, &request, &done()).await;
    assert_eq!(once(&world.state).await.unwrap(), 0, "whoever waits for it comes first");
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!((notices(&world).await, told_later(&world, &request).await), (2, 1));
    let flow = world.state.store.flows().by_support_code(request.tenant, &request.support_code).await;
    assert_eq!(flow.unwrap().unwrap().state, FlowState::Finished(request.id));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(once(&world.state).await.unwrap(), 0, "once");
    assert_eq!(notices(&world).await, 0, "no further letters");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_failed_before_leaves_one_fact() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    finish(&world, &request, &done()).await;
    // As the look before left it, which failed once the fact was written.
    let fact = Fact {
        id: FactId(request.id.0),
        tenant: request.tenant,
        at: world.clock.now(),
        activity: Activity::ResetPassword,
        actor: Actor::User(request.user),
        target: Some(request.user),
        from: None,
        success: Success::Success,
        reason: "told later: done".into(),
        support_code: Some(request.support_code.clone()),
        correlation: CorrelationId::random(&*world.state.random),
        request: Some(request.id),
    };
    world.state.store.audit().append(&fact).await.unwrap();
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!((notices(&world).await, told_later(&world, &request).await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_told_once_it_is_settled() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    finish(&world, &request, &Outcome::Unknown { operator: Operator::default() }).await;
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(once(&world.state).await.unwrap(), 0, "nothing is known yet");
    let requests = world.state.store.requests();
    let now = world.clock.now();
    requests.settle(request.tenant, request.id, 1, &done(), None, now).await.unwrap();
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!((notices(&world).await, told_later(&world, &request).await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_waited_for_is_not_told_again() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    let envelope = page.seal(&world, &page.context(), "Nuova-Passw0rd!");
    assert!(browser.post_json("/reset/submit", &envelope).await.body.contains("done"));
    // They are told before it is written down; it is in a moment, and not only when somebody looks for what is owed.
    let owed = || async {
        let requests = world.state.store.requests();
        requests.to_follow_up(world.tenant.id, world.clock.now().plus(LEFT_ALONE), 10).await.unwrap().len()
    };
    tokio::time::timeout(Duration::from_secs(20), async {
        while owed().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("what follows the outcome is written down");
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(once(&world.state).await.unwrap(), 0);
    assert_eq!(notices(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_agent_began_when_the_server_stopped_is_ended_and_the_person_may_try_again() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    let Attempt { number, agent, .. } = request.attempt;
    let requests = world.state.store.requests();
    let now = world.clock.now();
    assert!(requests.not_started(request.tenant, request.id, number, agent, now).await.unwrap());
    world.clock.advance(Duration::from_secs(60));
    once(&world.state).await.unwrap();
    let row = || async { requests.get(request.tenant, request.id).await.unwrap().unwrap().state };
    assert_eq!(row().await, RequestState::NotStarted, "another server may still send it to another agent");
    world.clock.advance(Duration::from_secs(60));
    once(&world.state).await.unwrap();
    assert!(matches!(row().await, RequestState::Finished(Outcome::NotApplied { .. })));
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    let facts = world.state.store.audit().by_support_code(request.tenant, &request.support_code).await;
    assert!(facts.unwrap().iter().any(|fact| fact.reason.starts_with("told later: not applied")));
    assert_eq!(notices(&world).await, 0);
    let flow = world.state.store.flows().by_support_code(request.tenant, &request.support_code).await;
    assert_ne!(flow.unwrap().unwrap().state, FlowState::Submitted(request.id));
}

/// Who looked for an agent that stays away, and what it has found.
async fn settled_by_another(world: &World, request: &Request, outcome: &Outcome) {
    let Attempt { number, agent, .. } = request.attempt;
    let (requests, now) = (world.state.store.requests(), world.clock.now());
    assert!(requests.started(request.tenant, request.id, number, agent, None, now).await.unwrap());
    let other = AgentId::random(&*world.state.random);
    requests.settle(request.tenant, request.id, number, outcome, Some(other), now).await.unwrap();
}

fn not_applied() -> Outcome {
    Outcome::NotApplied { fault: Fault::DirectoryUnavailable, operator: Operator::default() }
}

/// The agent that made the write is back, and says this.
async fn corrected(world: &World, request: &Request, outcome: &Outcome) {
    let fact = Fact {
        id: FactId::random(&*world.state.random),
        tenant: request.tenant,
        at: world.clock.now(),
        activity: Activity::OutcomeCorrected,
        actor: Actor::Agent(request.attempt.agent),
        target: Some(request.user),
        from: None,
        success: Success::Success,
        reason: "it says otherwise".into(),
        support_code: Some(request.support_code.clone()),
        correlation: CorrelationId::random(&*world.state.random),
        request: Some(request.id),
    };
    let (requests, now) = (world.state.store.requests(), world.clock.now());
    assert!(
        requests.correct(request.tenant, request.id, &request.attempt, outcome, &fact, now).await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_agent_found_out_is_told_and_so_is_it_when_the_first_one_knows_better() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    settled_by_another(&world, &request, &done()).await;
    let page = browser.get("/reset/outcome").await;
    assert!(page.body.contains("notice-ok"), "{}", page.body);
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!((notices(&world).await, told_later(&world, &request).await), (2, 1));

    corrected(&world, &request, &not_applied()).await;
    let page = browser.get("/reset/outcome").await;
    assert!(!page.body.contains("notice-ok"), "{}", page.body);
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    let letters = world.letters().await;
    let taken_back = |template: &Template| matches!(template, Template::PasswordNotChanged { .. });
    assert_eq!(letters.iter().filter(|letter| taken_back(&letter.template)).count(), 2);
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 0, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_told_that_it_failed_hears_that_it_did_not() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let request = submitted(&world, &mut browser).await;
    settled_by_another(&world, &request, &not_applied()).await;
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!(notices(&world).await, 0);
    corrected(&world, &request, &done()).await;
    world.clock.advance(LEFT_ALONE);
    assert_eq!(once(&world.state).await.unwrap(), 1);
    assert_eq!(notices(&world).await, 2);
    assert!(browser.get("/reset/outcome").await.body.contains("notice-ok"));
}
