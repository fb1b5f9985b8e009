//! An agent's own file says which forests it serves, and gives it nothing that is another's.

use ritorno_identity::audit::Activity;
use ritorno_protocol::ids::Forest;
use ritorno_protocol::link::ToRelay;

use crate::world::{World, forest, settle};

fn fabrikam() -> Forest {
    Forest("fabrikam.test".into())
}

#[tokio::test]
async fn an_agent_takes_up_a_new_forest_and_the_administrators_read_of_it() {
    let world = World::new();
    let agent = world.enrol();
    drop(world.link(&agent).await);
    assert!(world.ledger.facts().is_empty());
    let more = world.serving(&agent, vec![forest(), fabrikam()]);
    drop(world.link(&more).await);
    assert_eq!(world.ledger.row_of(agent.id).forests, [forest(), fabrikam()]);
    let told: Vec<_> = world.ledger.facts().iter().map(|fact| (fact.activity, fact.reason.clone())).collect();
    assert_eq!(told, [(Activity::AgentForestTaken, format!("agent {}: fabrikam.test", agent.id))]);
    // The next hello is no news.
    drop(world.link(&more).await);
    assert_eq!(world.ledger.facts().len(), 1);
}

#[tokio::test]
async fn an_agent_that_names_anothers_forest_gets_no_envelope_for_its_people() {
    let world = World::new();
    let (owner, other) = (world.enrol(), world.enrol_for(vec![fabrikam()]));
    let _owner = world.link(&owner).await;
    let widened = world.serving(&other, vec![fabrikam(), forest()]);
    let wire = world.link(&widened).await;
    assert_eq!(world.ledger.row_of(other.id).forests, [fabrikam()]);
    let facts = world.ledger.facts();
    assert_eq!(facts.iter().map(|fact| fact.activity).collect::<Vec<_>>(), [Activity::AgentForestRefused]);
    let recipients = world.relay.recipients(world.tenant, &forest()).await.unwrap();
    assert_eq!(recipients, std::slice::from_ref(&owner.chain));
    // Nor by a chain that it shows on its live link.
    wire.say(&ToRelay::Chain { chain: widened.chain.clone() });
    settle().await;
    assert_eq!(world.relay.recipients(world.tenant, &forest()).await.unwrap(), [owner.chain]);

    // An administrator allows it: from then on it does.
    world.ledger.agent(other.id, |row| row.claim.allowed.push(forest()));
    let _again = world.link(&widened).await;
    assert_eq!(world.relay.recipients(world.tenant, &forest()).await.unwrap().len(), 2);
}
