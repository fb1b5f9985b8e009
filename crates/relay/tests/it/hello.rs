//! Who gets a link: the holder of an enrolled, unrevoked agent's keys who answers this very challenge.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ritorno_protocol::bytes::Bytes;
use ritorno_protocol::certificate::check_server_signing;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::link::{HANDSHAKE_WITHIN, Hello, ServerTime, ToAgent, ToRelay};
use ritorno_protocol::signed::Signed;
use ritorno_relay::session::LinkEnd;

use crate::world::{Enrolled, World, settle};

/// How the link ends when the hello is changed like this.
async fn refused(
    world: &World,
    agent: &Enrolled,
    change: impl FnOnce(&mut Hello),
    signer: &Enrolled,
) -> LinkEnd {
    let mut wire = world.dial();
    let nonce = wire.challenged().await;
    let mut hello = world.hello(agent, nonce);
    change(&mut hello);
    wire.say(&ToRelay::Hello { hello: Signed::sign(&hello, &signer.identity) });
    settle().await;
    assert!(wire.session.is_finished(), "the relay took the hello");
    let end = wire.session.await.unwrap();
    assert_eq!(world.relay.live_links(), 0, "{end}");
    end
}

#[tokio::test]
async fn the_holder_of_the_keys_is_welcome() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.dial();
    let nonce = wire.challenged().await;
    wire.say(&ToRelay::Hello { hello: Signed::sign(&world.hello(&agent, nonce), &agent.identity) });
    let ToAgent::Welcome { signing_keys, recipients, time } = wire.frame().await else {
        panic!("no welcome")
    };
    assert_eq!(signing_keys.len(), 1);
    let now = world.time.now();
    let server = check_server_signing(&signing_keys[0], &world.root.public(), world.tenant, now).unwrap();
    let time = time.verify(&server.key).unwrap();
    let agent_nonce = Bytes(vec![5; 32]);
    assert_eq!(time, ServerTime { tenant: world.tenant, agent: agent.id, agent_nonce, now });
    assert_eq!(recipients, vec![agent.chain]);
    assert!(world.relay.is_live(world.tenant, agent.id));
}

#[tokio::test]
async fn an_old_hello_is_of_no_use() {
    let world = World::new();
    let agent = world.enrol();
    let end = refused(&world, &agent, |hello| hello.nonce = Bytes(vec![0; 32]), &agent).await;
    assert!(matches!(end, LinkEnd::Nonce), "{end}");
}

#[tokio::test]
async fn a_hello_without_a_nonce_of_its_own_is_refused() {
    let world = World::new();
    let agent = world.enrol();
    let end = refused(&world, &agent, |hello| hello.agent_nonce = Bytes(vec![5; 31]), &agent).await;
    assert!(matches!(end, LinkEnd::Nonce), "{end}");
}

#[tokio::test]
async fn a_stranger_is_refused() {
    let world = World::new();
    let agent = world.enrol();
    let identity = SigningKey::generate(&*world.chance);
    let end = refused(&world, &agent, |_| {}, &Enrolled { identity, ..agent.clone() }).await;
    assert!(matches!(end, LinkEnd::UnknownAgent), "{end}");
}

#[tokio::test]
async fn one_agent_does_not_pass_for_another() {
    let world = World::new();
    let (agent, other) = (world.enrol(), world.enrol());
    let end = refused(&world, &agent, |_| {}, &other).await;
    assert!(matches!(end, LinkEnd::Proof), "{end}");
    let chain = other.chain.clone();
    let end = refused(&world, &agent, |hello| hello.chain = chain, &agent).await;
    assert!(matches!(end, LinkEnd::Proof), "{end}");
}

#[tokio::test]
async fn a_revoked_agent_is_refused_and_a_live_one_is_cut_at_its_next_report() {
    let world = World::new();
    let agent = world.enrol();
    let wire = world.link(&agent).await;
    world.ledger.agent(agent.id, |row| row.revoked_at = Some(world.time.now()));
    world.report(&wire, true).await;
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Revoked));
    let end = refused(&world, &agent, |_| {}, &agent).await;
    assert!(matches!(end, LinkEnd::Revoked), "{end}");
}

/// Nobody holds a relay that was closed: an agent that was halfway through its welcome would wait at it for ever.
#[tokio::test]
async fn a_relay_that_was_closed_in_the_middle_of_a_hello_keeps_no_link() {
    let world = World::new();
    let (linked, coming) = (world.enrol(), world.enrol());
    let first = world.link(&linked).await;
    let mut wire = world.dial();
    let nonce = wire.challenged().await;
    world.relay.close();
    assert!(matches!(first.session.await.unwrap(), LinkEnd::Closed));
    wire.say(&ToRelay::Hello { hello: Signed::sign(&world.hello(&coming, nonce), &coming.identity) });
    settle().await;
    assert!(wire.session.is_finished(), "it stays linked to a relay that nobody holds");
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Closed));
    assert_eq!(world.relay.live_links(), 0);
    assert!(world.ledger.0.lock().unwrap().links.is_empty(), "and its row is gone");
}

#[tokio::test]
async fn a_wrong_clock_is_told() {
    let world = World::new();
    let agent = world.enrol();
    let end = refused(
        &world,
        &agent,
        |hello| hello.agent_time = hello.agent_time.plus(Duration::from_secs(121)),
        &agent,
    )
    .await;
    assert!(matches!(end, LinkEnd::Skew(121_000)), "{end}");
}

#[tokio::test]
async fn silence_and_garbage_get_no_link() {
    let world = World::new();
    let wire = world.dial();
    world.time.advance(HANDSHAKE_WITHIN).await;
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::NoHello));
    let wire = world.dial();
    wire.say_text("{}".into());
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::NoHello));
}

#[tokio::test]
async fn a_newer_link_of_the_same_agent_takes_the_place_of_the_older() {
    let world = World::new();
    let agent = world.enrol();
    let older = world.link(&agent).await;
    let _newer = world.link(&agent).await;
    assert!(matches!(older.session.await.unwrap(), LinkEnd::Closed));
    assert!(world.relay.is_live(world.tenant, agent.id));
}

#[tokio::test]
async fn the_others_learn_of_a_new_agents_keys() {
    let world = World::new();
    let first = world.enrol();
    let mut wire = world.link(&first).await;
    let second = world.enrol();
    let _other = world.link(&second).await;
    let ToAgent::Keys { recipients, .. } = wire.frame().await else { panic!("no news about keys") };
    assert_eq!(recipients, vec![first.chain, second.chain]);
}

/// Counts the lines that are logged on this thread at the levels that are written by default.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().last_mut().unwrap().push_str(&format!("{field}={value:?} "));
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(String::new());
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn strangers_who_are_refused_fill_no_log_and_hide_no_agent() {
    let lines = Lines::default();
    // With one subscriber alone, `tracing` asks the thread that first comes by whether anybody listens to a line, and that may be another
    // test's, where nobody does; with two it asks both.
    let _second = tracing::Dispatch::new(Lines::default());
    let _logged = tracing::subscriber::set_default(lines.clone());
    let told = |word: &str| lines.0.lock().unwrap().iter().filter(|line| line.contains(word)).count();
    let world = World::new();
    let agent = world.enrol();
    let stranger = Enrolled { identity: SigningKey::generate(&*world.chance), ..agent.clone() };
    for _ in 0..50 {
        assert!(matches!(refused(&world, &agent, |_| {}, &stranger).await, LinkEnd::UnknownAgent));
        // Who says nothing that could be read, likewise.
        let mut wire = world.dial();
        wire.challenged().await;
        wire.say_text("what".into());
        assert!(matches!(wire.session.await.unwrap(), LinkEnd::NoHello));
    }
    assert_eq!(told("link refused"), 1);
    refused(&world, &agent, |hello| hello.nonce = Bytes(vec![0; 32]), &agent).await;
    assert_eq!(told("link refused"), 2, "an agent that is refused is told of beside them");
    world.time.advance(Duration::from_secs(60)).await;
    refused(&world, &agent, |_| {}, &stranger).await;
    assert_eq!((told("link refused"), told("untold=99")), (3, 1));
}
