//! Agents roll their keys while requests are under way.

use std::time::Duration;

use ritorno_identity::agent::NextIdentity;
use ritorno_protocol::certificate::{KeyCertificate, KeyRole, OLD_SEALING_KEY_KEPT, RecipientChain};
use ritorno_protocol::key::{OpeningKey, SigningKey};
use ritorno_protocol::link::{ToAgent, ToRelay};
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Says;
use ritorno_relay::session::LinkEnd;

use crate::world::{Enrolled, START, World, done, forest, settle};

/// New keys of that agent, which the root has certified and nobody has seen yet.
fn rolled(world: &World, agent: &Enrolled, sequence: u64) -> Enrolled {
    let (identity, sealing) = (SigningKey::generate(&*world.chance), OpeningKey::generate(&*world.chance));
    let certificate = |role, key| KeyCertificate {
        tenant: world.tenant,
        role,
        key,
        not_before: START.minus(Duration::from_secs(60)),
        not_after: START.plus(Duration::from_secs(86_400)),
        sequence,
    };
    let role = KeyRole::AgentIdentity { agent: agent.id };
    let identity_certificate = Signed::sign(&certificate(role, identity.public()), &world.root);
    let role = KeyRole::AgentSealing { agent: agent.id, forests: vec![forest()] };
    let sealing = Signed::sign(&certificate(role, sealing.public().clone()), &identity);
    let next = NextIdentity { key: identity.public(), certificate: identity_certificate.clone() };
    world.ledger.agent(agent.id, |row| row.next_identity = Some(next));
    let chain = RecipientChain { identity: identity_certificate, sealing };
    Enrolled { identity, chain, ..agent.clone() }
}

/// The recipients that the next news about keys names.
async fn told(wire: &mut crate::world::Wire) -> Vec<RecipientChain> {
    match wire.frame().await {
        ToAgent::Keys { recipients, .. } => recipients,
        other => panic!("no news about keys: {other:?}"),
    }
}

#[tokio::test]
async fn a_page_that_got_the_old_key_is_served_after_the_roll() {
    let world = World::new();
    let (agent, other) = (world.enrol(), world.enrol());
    let mut wire = world.link(&agent).await;
    let mut others = world.link(&other).await;
    told(&mut wire).await;
    let id = world.request_id();
    // Sealed for the old key, and not sent yet.
    let page = world.reset(id).await;

    let new = rolled(&world, &agent, 2);
    wire.say(&ToRelay::Chain { chain: new.chain.clone() });
    let expected = [new.chain.clone(), agent.chain.clone(), other.chain.clone()];
    assert_eq!(told(&mut wire).await, expected, "the agent itself hears that its keys are taken");
    assert_eq!(told(&mut others).await, expected, "the others accept both");
    // The other agent is away, so that the order goes to the one that has rolled its keys.
    drop(others);
    settle().await;
    let waiting = world.submit(page);
    let Some(ToAgent::Work { authorisation, .. }) = wire.order().await else { panic!("no order") };
    assert_eq!(authorisation.verify(&world.signing).unwrap().agent, agent.id);
    // What was signed before the new key was taken is under way still.
    wire.say(&world.statement(&agent, id, 1, Says::Started { version_before: None, database: None }));
    wire.say(&world.statement(&new, id, 1, Says::Ended { outcome: done() }));
    let (settled, _) = world.time.until_over(waiting).await;
    assert_eq!(settled.unwrap().outcome, done());

    // Pages get the new key only, and the old one is forgotten when no page can have it any more.
    let offer = world.relay.recipients(world.tenant, &forest()).await.unwrap();
    assert!(offer.contains(&new.chain) && !offer.contains(&agent.chain));
    let late = world.reset(world.request_id()).await;
    let stale = ritorno_relay::submit::NewRequest {
        offer: ritorno_relay::offer::Offer {
            keys: vec![agent.chain.check(&world.root.public(), world.tenant, START).unwrap().key_id()],
            ..late.offer.clone()
        },
        ..late
    };
    for _ in 0..(OLD_SEALING_KEY_KEPT.as_secs() / 5) {
        world.time.advance(Duration::from_secs(5)).await;
        world.report(&wire, true).await;
    }
    let (refused, _) = world.time.until_over(world.submit(stale)).await;
    assert!(refused.is_err(), "the old key counts for nothing");
}

#[tokio::test]
async fn keys_that_were_rolled_without_a_link_are_shown_by_the_hello_and_end_the_old_ones() {
    let world = World::new();
    let agent = world.enrol();
    drop(world.link(&agent).await);
    let new = rolled(&world, &agent, 2);
    // A crash before the agent has its certificate leaves it with the old key.
    drop(world.link(&agent).await);
    let _wire = world.link(&new).await;
    assert!(world.relay.is_live(world.tenant, agent.id));
    let mut refused = world.dial();
    let nonce = refused.challenged().await;
    refused.say(&ToRelay::Hello { hello: Signed::sign(&world.hello(&agent, nonce), &agent.identity) });
    settle().await;
    assert!(matches!(refused.session.await.unwrap(), LinkEnd::UnknownAgent));
}

#[tokio::test]
async fn an_older_chain_does_not_come_back() {
    let world = World::new();
    let agent = world.enrol();
    let mut wire = world.link(&agent).await;
    let (first, second) = (rolled(&world, &agent, 2), rolled(&world, &agent, 3));
    wire.say(&ToRelay::Chain { chain: second.chain.clone() });
    assert_eq!(told(&mut wire).await.first(), Some(&second.chain));
    // Neither the chain in between, whose identity key was never taken, nor an older one of the same identity key.
    wire.say(&ToRelay::Chain { chain: first.chain });
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::Proof));

    let mut wire = world.link(&second).await;
    let older = KeyCertificate {
        tenant: world.tenant,
        role: KeyRole::AgentSealing { agent: agent.id, forests: vec![forest()] },
        key: OpeningKey::generate(&*world.chance).public().clone(),
        not_before: START.minus(Duration::from_secs(60)),
        not_after: START.plus(Duration::from_secs(86_400)),
        sequence: 1,
    };
    let sealing = Signed::sign(&older, &second.identity);
    wire.say(&ToRelay::Chain { chain: RecipientChain { identity: second.chain.identity.clone(), sealing } });
    settle().await;
    let _ = wire.order().await;
    assert!(matches!(wire.session.await.unwrap(), LinkEnd::OlderKeys));
}
