//! How often what ended how, by the API.

use std::time::Duration;

use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::licence::Sku;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::policy::Rule;
use serde_json::{Value, json};

use crate::agent::done;
use crate::agent_api::on_both;
use crate::api_sspr_policy::ask;
use crate::api_world::every_scope;
use crate::follow_up::{dispatched, finish};
use crate::register::anna;
use crate::world::World;

const HERE: &str = "/api/v1/statistics";
const DAY: Duration = Duration::from_secs(24 * 3_600);

on_both!(each_day_and_each_reason_is_counted, how_long_it_took_is_that_of_what_was_done);

async fn happened(world: &World, activity: Activity, success: Success, number: usize) {
    for _ in 0..number {
        let fact = crate::api_tail::fact(world, activity, success, "counted");
        world.state.store.audit().append(&fact).await.unwrap();
    }
}

async fn each_day_and_each_reason_is_counted(world: &World) {
    world.administrator("root", Role::Global, true).await;
    world.administrator("reader", Role::ReportsReader, true).await;
    let user = anna(world).await;
    // Of a day that is out of sight, and of another tenant.
    happened(world, Activity::ResetPassword, Success::Success, 9).await;
    world.clock.advance(DAY * 3);
    happened(world, Activity::ResetPassword, Success::Success, 2).await;
    happened(world, Activity::ResetPassword, Success::Failure, 1).await;
    happened(world, Activity::FlowProgress, Success::Failure, 4).await;
    world.clock.advance(DAY);
    happened(world, Activity::ChangePassword, Success::Unknown, 1).await;
    happened(world, Activity::UnlockAccount, Success::Success, 3).await;
    let operator = Operator::default;
    for outcome in [
        done(),
        Outcome::Refused { rule: Rule::History { remembered: None }, operator: operator() },
        Outcome::Refused { rule: Rule::History { remembered: Some(3) }, operator: operator() },
        Outcome::NotApplied { fault: Fault::NoPermission, operator: operator() },
        Outcome::Unknown { operator: operator() },
    ] {
        let request = dispatched(world, &user);
        world.state.store.requests().begin(&request, None).await.unwrap();
        finish(world, &request, &outcome).await;
    }
    let product = Sku::find("AAD_PREMIUM_P2").unwrap();
    world.state.store.licences().subscribe(world.tenant.id, product, 5).await.unwrap();
    world.enrolled("lab-agent").await;

    // Tokens are made now: those of before have ended.
    let (_, root) = world.token("root", every_scope()).await;
    let told = ask(world, &root, "GET", &format!("{HERE}?days=3"), None).await;
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    let days = told["days"].as_array().unwrap();
    assert_eq!(days.len(), 3, "{told}");
    assert_eq!(days[0]["resets"], json!({ "success": 0, "failure": 0, "unknown": 0 }));
    assert_eq!(days[1]["resets"], json!({ "success": 2, "failure": 1, "unknown": 0 }));
    assert_eq!(days[2]["changes"], json!({ "success": 0, "failure": 0, "unknown": 1 }));
    assert_eq!(days[2]["unlocks"]["success"], 3);
    let names: Vec<&str> = days.iter().map(|day| day["day"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.iter().all(|name| name.len() == 10), "{names:?}");
    assert_eq!(
        told["refusals"],
        json!([
            { "result": "refused", "reason": "history", "number": 2 },
            { "result": "unknown", "reason": "", "number": 1 },
            { "result": "not_applied", "reason": "no_permission", "number": 1 },
        ])
    );
    assert_eq!(
        (&told["agents"], &told["agents_running"], &told["last_sync"]),
        (&json!(1), &json!(0), &Value::Null)
    );
    assert_eq!(told["licences"], json!([{ "product": "AAD_PREMIUM_P2", "units": 5, "consumed": 0 }]));

    // Who may not read licences is not told of them; and thirty days are usual.
    let (_, reader) = world.token("reader", every_scope()).await;
    let read = ask(world, &reader, "GET", HERE, None).await.json();
    assert_eq!((&read["licences"], read["days"].as_array().unwrap().len()), (&Value::Null, 30));
    for wrong in ["0", "91"] {
        assert_eq!(ask(world, &reader, "GET", &format!("{HERE}?days={wrong}"), None).await.kind(), "days");
    }
}

async fn how_long_it_took_is_that_of_what_was_done(world: &World) {
    world.administrator("root", Role::Global, true).await;
    let (_, root) = world.token("root", every_scope()).await;
    let user = anna(world).await;
    let empty = ask(world, &root, "GET", HERE, None).await.json();
    assert_eq!(empty["latency"], json!({ "number": 0, "median_ms": null, "p95_ms": null }));
    for took in (1..=20).map(|number| number * 10) {
        let request = dispatched(world, &user);
        world.state.store.requests().begin(&request, None).await.unwrap();
        world.clock.advance(Duration::from_millis(took));
        finish(world, &request, &done()).await;
    }
    let slow = dispatched(world, &user);
    world.state.store.requests().begin(&slow, None).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    finish(world, &slow, &Outcome::Unknown { operator: Operator::default() }).await;
    assert!(world.clock.now() > slow.created_at);
    let told = ask(world, &root, "GET", HERE, None).await.json();
    assert_eq!(told["latency"], json!({ "number": 20, "median_ms": 100, "p95_ms": 190 }), "{told}");
}
