//! What the tenant's deletion guard holds, and the approval of exactly that, on both databases.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use ritorno_http::scim::guard::{self, MEMBERS, REMOVALS};
use ritorno_identity::agent::Agent;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::removal::{APPROVED_FOR, RemovalKind};
use ritorno_protocol::clock::Clock as _;
use serde_json::json;

use crate::agent_api::{Answered, on_both};
use crate::scim::{Export, GROUPS, HELD, USERS, group, patch};
use crate::world::World;

on_both!(exactly_what_was_shown_may_pass_for_an_hour, members_who_leave_are_approved_one_by_one,);

/// The only agent, with nothing left of what it may remove.
async fn used_up(world: &World) -> Agent {
    let agent = world.state.store.agents().list(world.tenant.id).await.unwrap().remove(0);
    for _ in 0..REMOVALS.most {
        guard::count(&world.state, &agent).await.unwrap();
    }
    guard::count_members(&world.state, &agent, u64::from(MEMBERS.most)).await.unwrap();
    agent
}

async fn held(world: &World, agent: &Agent) -> guard::Held {
    guard::held(&world.state.store, world.tenant.id, agent.id, world.clock.now()).await.unwrap()
}

async fn approve(world: &World, agent: &Agent, digest: &str) -> Option<usize> {
    let now = world.clock.now();
    let told = |reason| Fact {
        id: FactId::random(&*world.state.random),
        tenant: world.tenant.id,
        at: now,
        activity: Activity::RemovalsApproved,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason,
        support_code: None,
        correlation: CorrelationId::random(&*world.state.random),
        request: None,
    };
    guard::approve(&world.state.store, world.tenant.id, agent.id, digest, now, told).await.unwrap()
}

/// The reasons of the approvals that the audit has, latest first.
async fn approvals(world: &World) -> Vec<String> {
    let facts = world.facts().await;
    let approvals = facts.into_iter().filter(|fact| fact.activity == Activity::RemovalsApproved);
    approvals.map(|fact| fact.reason).collect()
}

fn path(made: &Answered, all: &str) -> String {
    format!("{all}/{}", made.body["id"].as_str().unwrap())
}

async fn exactly_what_was_shown_may_pass_for_an_hour(world: &World) {
    let export = Export::new(world).await;
    let (luca, marta, nino) =
        (export.create("luca").await, export.create("marta").await, export.create("nino").await);
    let team = export.call(Method::POST, GROUPS, &[], Some(group("team", "contoso.test"))).await;
    let delete = async |made: &Answered, all: &str| {
        export.call(Method::DELETE, &path(made, all), &[], None).await.status
    };
    let disable = async |made: &Answered| {
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        export.call(Method::PATCH, &path(made, USERS), &[], off).await.status
    };
    let agent = used_up(world).await;
    assert_eq!(held(world, &agent).await.list, []);
    assert_eq!(approve(world, &agent, &held(world, &agent).await.digest).await, None, "nothing is no list");
    assert_eq!([delete(&luca, USERS).await, disable(&marta).await, delete(&team, GROUPS).await], [HELD; 3]);
    let seen = held(world, &agent).await;
    let told: Vec<_> = seen.list.iter().map(|one| (one.kind, one.name.as_str())).collect();
    assert_eq!(
        told,
        [
            (RemovalKind::DisableUser, "marta@contoso.test"),
            (RemovalKind::DeleteUser, "luca@contoso.test"),
            (RemovalKind::DeleteGroup, "team"),
        ]
    );
    // Another one comes to it: what was seen is not what waits.
    assert_eq!(delete(&nino, USERS).await, HELD);
    assert_eq!(approve(world, &agent, &seen.digest).await, None);
    assert_eq!(delete(&luca, USERS).await, HELD);
    assert_eq!(approvals(world).await, Vec::<String>::new(), "what was not approved is not in the audit");
    let now = held(world, &agent).await;
    assert_eq!(approve(world, &agent, &now.digest).await, Some(4));
    assert_eq!(approvals(world).await, [format!("agent {}: 4 removals, {}", agent.id, now.digest)]);
    assert_eq!(held(world, &agent).await.list, [], "nothing waits");
    // Of one person an approval to disable is none to delete, and of one agent it is none for another.
    assert_eq!(delete(&marta, USERS).await, HELD);
    let other = world.enrolled("another").await.0;
    let theirs = world.state.store.agents().get(world.tenant.id, other.id).await.unwrap().unwrap();
    assert_eq!(held(world, &theirs).await.list, []);
    assert_eq!(
        [delete(&luca, USERS).await, delete(&team, GROUPS).await, disable(&marta).await],
        [StatusCode::NO_CONTENT, StatusCode::NO_CONTENT, StatusCode::OK]
    );
    // An hour later it is over, and is asked for again.
    world.clock.advance(APPROVED_FOR + Duration::from_millis(1));
    let waits = held(world, &agent).await;
    assert_eq!(
        waits.list.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["marta@contoso.test", "nino@contoso.test"]
    );
}

async fn members_who_leave_are_approved_one_by_one(world: &World) {
    let export = Export::new(world).await;
    let made = export.call(Method::POST, GROUPS, &[], Some(group("team", "contoso.test"))).await;
    let path = path(&made, GROUPS);
    let mut people = Vec::new();
    for number in 0..3 {
        people.push(export.create(&format!("member{number}")).await.body["id"].as_str().unwrap().to_owned());
    }
    let all: Vec<_> = people.iter().map(|id| json!({"value": id})).collect();
    export
        .call(Method::PATCH, &path, &[], patch(json!([{"op": "add", "path": "members", "value": all}])))
        .await;
    let agent = used_up(world).await;
    let take_out = async |ids: &[&String]| {
        let one = |id: &&String| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
        let operations: Vec<_> = ids.iter().map(one).collect();
        export.call(Method::PATCH, &path, &[], patch(json!(operations))).await
    };
    let named = |refused: &Answered| -> Vec<String> {
        assert_eq!(refused.status, HELD);
        let error: ritorno_protocol::scim::Error = serde_json::from_value(refused.body.clone()).unwrap();
        error.held
    };
    assert_eq!(named(&take_out(&[&people[0], &people[1]]).await).len(), 2);
    let seen = held(world, &agent).await;
    let mut names: Vec<_> = seen.list.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["member0@contoso.test  (team)", "member1@contoso.test  (team)"]);
    assert_eq!(approve(world, &agent, &seen.digest).await, Some(2));
    // With one more it is another thing; without, it passes.
    assert_eq!(
        named(&take_out(&[&people[0], &people[2]]).await),
        [people[2].clone()],
        "who is held, and nobody else"
    );
    assert_eq!(take_out(&[&people[0], &people[1]]).await.status, StatusCode::NO_CONTENT);
    let left = export.call(Method::GET, &path, &[], None).await;
    assert_eq!(left.body["members"].as_array().unwrap().len(), 1);
    assert_eq!(held(world, &agent).await.list.len(), 1, "the one more waits");
}
