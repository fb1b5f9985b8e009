//! How many removals the tenant's deletion guard lets through is the tenant's to say, on both databases.

use axum::http::{Method, StatusCode};
use ritorno_http::scim::guard::{self, MEMBERS, REMOVALS};
use ritorno_identity::administrator::{Action, Role};
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::removal_guard::RemovalGuard;
use ritorno_identity::tenant::Tenant;
use serde_json::{Value, json};

use crate::agent_api::on_both;
use crate::api_world::{Call, call};
use crate::console::signed_in;
use crate::scim::{Export, HELD, USERS, patch};
use crate::scim_program_groups::{id, made};
use crate::scim_provisioner::{Program, refused};
use crate::world::World;

on_both!(
    a_part_of_the_people_protects_a_small_tenant,
    an_agents_people_are_counted_by_its_forests,
    numbers_are_heeded_as_they_are_said,
    a_token_makes_it_stricter_alone,
    more_is_let_through_by_whoever_may_approve,
);

const AT: &str = "/api/v1/deletion-guard";

async fn set(world: &World, guard: RemovalGuard) {
    let tenants = world.state.store.tenants();
    let tenant = tenants.get(world.tenant.id).await.unwrap().unwrap();
    assert!(tenants.set_guard(&tenant, guard).await.unwrap());
}

async fn stored(world: &World) -> RemovalGuard {
    world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap().removal_guard
}

async fn a_part_of_the_people_protects_a_small_tenant(world: &World) {
    let program = Program::new(world).await;
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(program.made(&format!("p{number}")).await);
    }
    set(world, RemovalGuard { percent: Some(10), ..RemovalGuard::default() }).await;
    let off = || patch(json!([{"op": "replace", "path": "active", "value": false}]));
    assert_eq!(program.call(Method::DELETE, &people[0], None).await.status, StatusCode::NO_CONTENT);
    // Of the twenty that there were, and not of the nineteen that are left.
    assert_eq!(program.call(Method::PATCH, &people[1], off()).await.status, StatusCode::OK);
    for (method, body) in [(Method::DELETE, None), (Method::PATCH, off())] {
        let held = program.call(method, &people[2], body).await;
        refused(&held, HELD, "2 removals (10 % of 20 people) in 24 hours");
        refused(&held, HELD, "ritorno tenant guard");
    }
    // Who comes meanwhile lets nobody more go.
    for number in 20..40 {
        program.made(&format!("p{number}")).await;
    }
    assert_eq!(program.call(Method::DELETE, &people[2], None).await.status, HELD);
    // A day later it is a part of those who are there then.
    world.clock.advance(REMOVALS.forgotten_after());
    for path in &people[2..5] {
        assert_eq!(program.call(Method::DELETE, path, None).await.status, StatusCode::NO_CONTENT);
    }
    refused(&program.call(Method::DELETE, &people[5], None).await, HELD, "3 removals (10 % of 39 people)");
}

async fn an_agents_people_are_counted_by_its_forests(world: &World) {
    let export = Export::new(world).await;
    let program = Program::new(world).await;
    for number in 0..9 {
        assert_eq!(export.create(&format!("p{number}")).await.status, StatusCode::CREATED);
        program.made(&format!("c{number}")).await;
    }
    let list = export.call(Method::GET, USERS, &[], None).await;
    let (total, all) =
        (list.body["totalResults"].as_u64().unwrap(), list.body["Resources"].as_array().unwrap());
    set(world, RemovalGuard { percent: Some(20), ..RemovalGuard::default() }).await;
    let most = usize::try_from(total / 5).unwrap();
    assert!(most >= 1 && all.len() > most, "{total}");
    let at = |one: &Value| format!("{USERS}/{}", one["id"].as_str().unwrap());
    for one in &all[..most] {
        assert_eq!(export.call(Method::DELETE, &at(one), &[], None).await.status, StatusCode::NO_CONTENT);
    }
    let held = export.call(Method::DELETE, &at(&all[most]), &[], None).await;
    refused(&held, HELD, &format!("{most} removals (20 % of {total} people)"));
}

async fn numbers_are_heeded_as_they_are_said(world: &World) {
    let program = Program::new(world).await;
    let (luca, marta) = (program.made("luca").await, program.made("marta").await);
    let path = made(&program, "team", &[id(&luca), id(&marta)]).await;
    set(world, RemovalGuard { removals: 1, percent: Some(100), memberships: 1 }).await;
    let leave = |who: &str| json!([{"op": "remove", "path": format!("members[value eq \"{who}\"]")}]);
    assert_eq!(program.patch(&path, leave(id(&luca))).await.status, StatusCode::NO_CONTENT);
    refused(&program.patch(&path, leave(id(&marta))).await, HELD, "1 members who leave groups");
    assert_eq!(program.call(Method::DELETE, &luca, None).await.status, StatusCode::NO_CONTENT);
    refused(&program.call(Method::DELETE, &path, None).await, HELD, "1 removals in 24 hours");
    // Nothing goes through where nothing may; another tenant's number is another tenant's.
    set(world, RemovalGuard { removals: 0, percent: None, memberships: 0 }).await;
    world.clock.advance(REMOVALS.forgotten_after().max(MEMBERS.forgotten_after()));
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, HELD);
    assert_eq!(program.patch(&path, leave(id(&marta))).await.status, HELD);
    let other = world.state.store.tenants().get(world.other_tenant().await).await.unwrap().unwrap();
    assert_eq!(other.removal_guard, RemovalGuard::default());
    // More than before is let through as soon as it is said.
    set(world, RemovalGuard::default()).await;
    assert_eq!(program.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    for _ in 1..RemovalGuard::default().removals {
        guard::count(&world.state, program.row.id).await.unwrap();
    }
    refused(&program.call(Method::DELETE, &marta, None).await, HELD, "500 removals in 24 hours");
}

async fn a_token_makes_it_stricter_alone(world: &World) {
    world.administrator("root", Role::Global, true).await;
    world.administrator("reader", Role::ReportsReader, true).await;
    let (_, token) = world.token("root", vec![Action::ChangeTenant, Action::ReadTenant]).await;
    let (_, reader) = world.token("reader", vec![Action::ReadTenant]).await;
    let put = async |token: &str, body: Value, if_match: &str| {
        let body = body.to_string();
        let mut asked = Call { token: Some(token), body: Some(&body), ..Call::default() };
        if !if_match.is_empty() {
            asked.headers.insert("if-match", if_match);
        }
        call(&world.app, "PUT", AT, &asked).await
    };
    let asked = Call { token: Some(&reader), ..Call::default() };
    let told = call(&world.app, "GET", AT, &asked).await;
    assert_eq!(told.json(), json!({"removals": 500, "percent": null, "memberships": 5000}));
    let seen = told.header("etag").to_owned();
    let stricter = json!({"removals": 100, "percent": 10, "memberships": 5000});
    let refused = put(&reader, stricter.clone(), "").await;
    assert_eq!((refused.status, refused.kind()), (StatusCode::FORBIDDEN, "forbidden".into()));
    let done = put(&token, stricter.clone(), &seen).await;
    assert_eq!((done.status, done.json()), (StatusCode::OK, stricter.clone()));
    let expected = RemovalGuard { removals: 100, percent: Some(10), memberships: 5_000 };
    assert_eq!(stored(world).await, expected);
    assert_eq!(put(&token, stricter, &seen).await.status, StatusCode::PRECONDITION_FAILED);
    for (removals, percent, memberships) in
        [(101, json!(10), 5_000), (100, Value::Null, 5_000), (1, json!(11), 1), (100, json!(10), 5_001)]
    {
        let looser =
            put(&token, json!({"removals": removals, "percent": percent, "memberships": memberships}), "")
                .await;
        assert_eq!((looser.status, looser.kind()), (StatusCode::FORBIDDEN, "in-person".into()), "{looser:?}");
    }
    let wrong = put(&token, json!({"removals": 100, "percent": 101, "memberships": 1}), "").await;
    assert_eq!((wrong.status, wrong.kind()), (StatusCode::UNPROCESSABLE_ENTITY, "guard".into()));
    assert_eq!(stored(world).await, expected);
    let facts = world.facts().await;
    let changes: Vec<_> = facts.iter().filter(|fact| fact.activity == Activity::PolicyChanged).collect();
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.actor, Actor::Administrator(world.named("root").await.id));
    assert!(
        change.reason.starts_with("deletion guard: 100 removals, or 10 % of the people"),
        "{}",
        change.reason
    );
}

async fn more_is_let_through_by_whoever_may_approve(world: &World) {
    for (name, role, cloud_only) in [
        ("root", Role::Global, true),
        ("synced", Role::Global, false),
        ("hybrid", Role::HybridIdentity, true),
    ] {
        world.administrator(name, role, cloud_only).await;
    }
    let form = |removals, percent| [("removals", removals), ("percent", percent), ("memberships", "5000")];
    let post = async |who: &str, removals, percent| {
        signed_in(world, who).await.post("/console/sync/guard", &form(removals, percent)).await
    };
    let changed = "/console/sync?guarded=true#guard";
    assert_eq!(post("synced", "1", "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(post("hybrid", "501", "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(stored(world).await, RemovalGuard::default());
    assert_eq!(post("hybrid", "100", "10").await.location(), changed);
    assert_eq!(
        post("hybrid", "100", "").await.status,
        StatusCode::FORBIDDEN,
        "without a percentage it is more"
    );
    assert_eq!(post("root", "1000", "").await.location(), changed);
    assert_eq!(stored(world).await, RemovalGuard { removals: 1_000, ..RemovalGuard::default() });
    for (removals, percent) in [("1000001", ""), ("1", "101"), ("1", "x")] {
        assert_eq!(post("root", removals, percent).await.status, StatusCode::BAD_REQUEST);
    }
    let shown = signed_in(world, "hybrid").await.get("/console/sync?guarded=true").await;
    for told in ["value=\"1000\"", "The deletion guard was changed.", "More takes a global administrator."] {
        assert!(shown.body.contains(told), "{told}: {}", shown.body);
    }
    let read = signed_in(world, "synced").await.get("/console/sync").await;
    assert!(read.body.contains("<fieldset disabled>"), "{}", read.body);
    // Whoever had another one before them is not overwritten.
    let tenant = Tenant { removal_guard: RemovalGuard::default(), ..world.tenant.clone() };
    let strict = RemovalGuard { removals: 0, ..RemovalGuard::default() };
    assert!(!world.state.store.tenants().set_guard(&tenant, strict).await.unwrap());
    // Nor does whoever saves something else of the tenant, as it was before, bring the former guard back.
    let before = world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap().removal_guard;
    let stale = Tenant { removal_guard: strict, name: "Contoso again".into(), ..world.tenant.clone() };
    assert!(world.state.store.tenants().update(&stale).await.unwrap());
    let after = world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap();
    assert_eq!((after.removal_guard, after.name.as_str()), (before, "Contoso again"));
}
