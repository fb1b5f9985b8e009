//! Of two agents that export one forest the later one goes on, and of the former one nothing is taken any more.

use axum::http::{Method, StatusCode};
use ritorno_protocol::scim::{CONNECTOR_HEADER, LEASE_EPOCH_HEADER};
use serde_json::{Value, json};

use crate::agent_api::{access, call, on_both};
use crate::scim::person;
use crate::world::World;

on_both!(the_later_of_two_agents_exports, an_agent_takes_no_lease_of_another_ones_forest,);

const USERS: &str = "/scim/v2/Users";

async fn take(world: &World, token: &str, connector: &str) -> (StatusCode, Option<u64>) {
    let asked = Some(json!({"connector": connector}));
    let given = call(world, Method::POST, "/agent/v1/sync-lease", Some(token), &[], asked).await;
    (given.status, given.body["epoch"].as_u64())
}

async fn make(world: &World, token: &str, connector: &str, epoch: u64, name: &str) -> (StatusCode, Value) {
    let epoch = epoch.to_string();
    let headers = [(CONNECTOR_HEADER, connector), (LEASE_EPOCH_HEADER, epoch.as_str())];
    let made = call(world, Method::POST, USERS, Some(token), &headers, Some(person(name))).await;
    (made.status, made.body)
}

async fn the_later_of_two_agents_exports(world: &World) {
    let mut tokens = Vec::new();
    for name in ["one", "other"] {
        let (agent, key) = world.enrolled(name).await;
        tokens.push(access(world, agent.id, &key).await);
    }
    let (one, other) = (&tokens[0], &tokens[1]);
    let (_, first) = take(world, one, "contoso.test").await;
    let first = first.expect("an epoch");
    assert_eq!(make(world, one, "contoso.test", first, "luca").await.0, StatusCode::CREATED);
    let (_, second) = take(world, other, "contoso.test").await;
    let second = second.expect("an epoch");
    assert!(second > first);
    let (status, body) = make(world, one, "contoso.test", first, "marta").await;
    assert_eq!(status, StatusCode::LOCKED, "{body}");
    // Its own epoch is no use to the former one either.
    assert_eq!(make(world, one, "contoso.test", second, "marta").await.0, StatusCode::LOCKED);
    assert_eq!(make(world, other, "contoso.test", second, "marta").await.0, StatusCode::CREATED);
    // And so it stays when the former one comes back later, until it takes the lease again.
    assert_eq!(make(world, one, "contoso.test", first, "nino").await.0, StatusCode::LOCKED);
    let (_, third) = take(world, one, "contoso.test").await;
    assert_eq!(make(world, one, "contoso.test", third.expect("one"), "nino").await.0, StatusCode::CREATED);
    assert_eq!(make(world, other, "contoso.test", second, "pina").await.0, StatusCode::LOCKED);
}

async fn an_agent_takes_no_lease_of_another_ones_forest(world: &World) {
    let (agent, key) = world.enrolled("one").await;
    let token = access(world, agent.id, &key).await;
    assert_eq!(take(world, &token, "elsewhere.test").await, (StatusCode::FORBIDDEN, None));
    assert_eq!(make(world, &token, "elsewhere.test", 7, "luca").await.0, StatusCode::FORBIDDEN);
    // One far ahead of the time would keep everybody else out.
    let ahead = u64::try_from(i64::MAX).expect("a number");
    assert_eq!(make(world, &token, "contoso.test", ahead, "luca").await.0, StatusCode::BAD_REQUEST);
}
