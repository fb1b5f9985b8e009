//! The directories by the API: as agents told of them, and how a person's account stands there now.

use std::time::{Duration, Instant};

use ritorno_identity::administrator::{Role, Scope};
use ritorno_protocol::outcome::{Fault, Operator};
use ritorno_protocol::query::Found;
use serde_json::{Value, json};

use crate::agent::{TestAgent, policy};
use crate::agent_api::on_both;
use crate::api_sspr_policy::ask;
use crate::api_world::every_scope;
use crate::register::anna;
use crate::world::World;

on_both!(
    a_directory_is_shown_as_its_agents_tell,
    an_account_is_asked_of_an_agent_and_whoever_is_silent_is_told_of,
);

async fn a_directory_is_shown_as_its_agents_tell(world: &World) {
    world.administrator("reader", Role::ReportsReader, true).await;
    let (_, reader) = world.token("reader", every_scope()).await;
    let here = "/api/v1/directories";
    assert_eq!(ask(world, &reader, "GET", here, None).await.json(), json!([]));
    let agent = TestAgent::link(world).await;
    let told = ask(world, &reader, "GET", here, None).await.json();
    assert_eq!((&told[0]["name"], told.as_array().unwrap().len()), (&json!("contoso.test"), 1), "{told}");
    let seen = &told[0]["agents"][0];
    assert_eq!((&seen["agent"], &seen["running"]), (&json!("lab-agent"), &json!(true)), "{told}");
    assert_eq!((&told[0]["reachable"], &seen["reachable"]), (&json!(true), &json!(true)), "{told}");
    assert!(seen["at"].is_string(), "{told}");
    assert_eq!(seen["cycled_at"], Value::Null);
    drop(agent);
}

async fn an_account_is_asked_of_an_agent_and_whoever_is_silent_is_told_of(world: &World) {
    world.administrator("desk", Role::HelpDesk, true).await;
    let (_, desk) = world.token("desk", every_scope()).await;
    let user = anna(world).await;
    let here = format!("/api/v1/people/{}/directory", user.id);
    let alone = ask(world, &desk, "GET", &here, None).await;
    assert_eq!((alone.status.as_u16(), alone.kind().as_str()), (503, "no-agent"), "{alone:?}");
    assert!(!alone.header("retry-after").is_empty());

    let agent = TestAgent::link(world).await;
    let says = |found: Found| agent.script.lock().unwrap().found = found;
    says(Found::Person { policy: policy(), locked: true, disabled: false });
    let told = ask(world, &desk, "GET", &here, None).await;
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    assert_eq!((&told["locked"], &told["disabled"]), (&json!(true), &json!(false)));
    assert_eq!(told["policy"]["minimum_length"], policy().minimum_length);
    says(Found::Nothing {
        fault: Fault::OutOfScope,
        operator: Operator {
            dc: Some("dc1.contoso.test".into()),
            detail: "CN=secret".into(),
            ..Operator::default()
        },
    });
    let fault = ask(world, &desk, "GET", &here, None).await;
    assert_eq!((fault.status.as_u16(), fault.kind().as_str()), (502, "directory-fault"), "{fault:?}");
    assert!(fault.text.contains("out_of_scope at dc1.contoso.test") && !fault.text.contains("secret"));

    // Who is not for them is not told, and no agent is asked.
    let scope = Scope { domain: Some("fabrikam.test".into()), group: None };
    let id = world.named("desk").await.id;
    assert!(world.state.store.administrators().set_scope(world.tenant.id, id, &scope).await.unwrap());
    assert_eq!(ask(world, &desk, "GET", &here, None).await.kind(), "not-found");
    world.administrator("root", Role::Global, true).await;
    let (_, root) = world.token("root", every_scope()).await;
    agent.script.lock().unwrap().silent = true;
    let began = Instant::now();
    let silent = ask(world, &root, "GET", &here, None).await;
    assert_eq!((silent.status.as_u16(), silent.kind().as_str()), (504, "no-answer"), "{silent:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
