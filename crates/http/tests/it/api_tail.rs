//! The audit as it comes: what is told, to whom, and for how long.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use ritorno_http::api::tails::OF_ONE;
use ritorno_http::audit_chain::link_all;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::clock::Clock as _;
use tower::ServiceExt as _;

use crate::agent_api::on_both;
use crate::api_world::{VALID, every_scope};
use crate::world::World;

const HERE: &str = "/api/v1/audit/tail";

on_both!(
    facts_are_told_once_in_their_order_and_a_tail_goes_on_where_it_was,
    a_tail_ends_with_its_token_and_with_the_role,
);

/// One who looks on.
struct Tail {
    body: axum::body::BodyDataStream,
    text: String,
}

/// Opens one; what it is answered if it is refused.
async fn open(world: &World, token: &str, query: &str, last: Option<u64>) -> Result<Tail, StatusCode> {
    let mut request = Request::builder()
        .uri(format!("{HERE}{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let answer = world.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    if answer.status() != StatusCode::OK {
        return Err(answer.status());
    }
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    Ok(Tail { body: answer.into_body().into_data_stream(), text: String::new() })
}

impl Tail {
    /// The next event: its name, its id and its data. `None` if it ends, or nothing comes for so long.
    async fn next(&mut self) -> Option<(String, u64, String)> {
        loop {
            while let Some(at) = self.text.find("\n\n") {
                let block: String = self.text.drain(..at + 2).collect();
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim_start_matches(':').trim().to_owned())
                };
                if let Some(event) = field("event") {
                    return Some((event, field("id")?.parse().unwrap(), field("data")?));
                }
            }
            let next = tokio::time::timeout(Duration::from_secs(30), self.body.next());
            let bytes = next.await.expect("something comes, or it ends")?.ok()?;
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn reason(&mut self) -> (u64, String) {
        let (event, id, data) = self.next().await.expect("a fact");
        assert_eq!(event, "fact");
        let fact: serde_json::Value = serde_json::from_str(&data).unwrap();
        (id, fact["reason"].as_str().unwrap().to_owned())
    }

    async fn ends(&mut self) {
        assert_eq!(self.next().await, None);
    }
}

/// Something that the system did.
pub(crate) fn fact(world: &World, activity: Activity, success: Success, reason: &str) -> Fact {
    let random = &*world.state.random;
    Fact {
        id: FactId::random(random),
        tenant: world.tenant.id,
        at: world.clock.now(),
        activity,
        actor: Actor::System,
        target: None,
        from: None,
        success,
        reason: reason.to_owned(),
        support_code: None,
        correlation: CorrelationId::random(random),
        request: None,
    }
}

/// Writes these down, and links them, as the server's own task does.
async fn happens(world: &World, reasons: &[&str]) {
    for reason in reasons {
        let success = if *reason == "no" { Success::Failure } else { Success::Success };
        let fact = fact(world, Activity::UserUpdated, success, reason);
        world.state.store.audit().append(&fact).await.unwrap();
    }
    link_all(&world.state.store, world.tenant.id, |_| ()).await.unwrap();
}

async fn facts_are_told_once_in_their_order_and_a_tail_goes_on_where_it_was(world: &World) {
    world.administrator("reader", Role::ReportsReader, true).await;
    let (_, token) = world.token("reader", every_scope()).await;
    happens(world, &["before"]).await;
    let mut all = open(world, &token, "", None).await.ok().unwrap();
    let mut failed = open(world, &token, "?success=failure", None).await.ok().unwrap();
    happens(world, &["a", "no", "b"]).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(all.reason().await);
    }
    assert_eq!(seen.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>(), ["a", "no", "b"]);
    assert!(seen.is_sorted_by(|one, next| one.0 + 1 == next.0), "{seen:?}");
    assert_eq!(failed.reason().await, seen[1]);
    // It lost the connection after the first; meanwhile more happened.
    drop(all);
    happens(world, &["c"]).await;
    let mut again = open(world, &token, "", Some(seen[0].0)).await.ok().unwrap();
    happens(world, &["d"]).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(again.reason().await.1);
    }
    assert_eq!(told, ["no", "b", "c", "d"]);
    // An id of another database, before it was put back: what comes from now on.
    drop((again, failed));
    let mut ahead = open(world, &token, "", Some(1_000_000)).await.ok().unwrap();
    happens(world, &["e"]).await;
    assert_eq!(ahead.reason().await.1, "e");

    // One token has so many, and a place that is left is free.
    let mut more = Vec::new();
    for _ in 1..OF_ONE {
        more.push(open(world, &token, "", None).await.ok().unwrap());
    }
    assert_eq!(open(world, &token, "", None).await.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    more.pop();
    assert!(open(world, &token, "", None).await.is_ok());
    assert_eq!(open(world, &token, "?success=perhaps", None).await.err(), Some(StatusCode::BAD_REQUEST));
    drop((more, ahead));
    assert_eq!(world.state.tails.number(), 0);
}

async fn a_tail_ends_with_its_token_and_with_the_role(world: &World) {
    world.administrator("root", Role::Global, true).await;
    world.administrator("reader", Role::ReportsReader, true).await;
    let store = &world.state.store;
    let (revoked, text) = world.token("root", every_scope()).await;
    let mut by_revoked = open(world, &text, "", None).await.ok().unwrap();
    let (_, text) = world.token("reader", every_scope()).await;
    let mut by_removed = open(world, &text, "", None).await.ok().unwrap();
    let (_, kept) = world.token("root", every_scope()).await;
    let mut kept = open(world, &kept, "", None).await.ok().unwrap();
    assert!(store.api_tokens().revoke(world.tenant.id, revoked.id, world.clock.now()).await.unwrap());
    let reader = world.named("reader").await.id;
    assert!(store.administrators().remove(world.tenant.id, reader).await.unwrap());
    by_revoked.ends().await;
    by_removed.ends().await;
    happens(world, &["a"]).await;
    assert_eq!(kept.reason().await.1, "a", "the others go on");
    world.clock.advance(VALID);
    kept.ends().await;
}

/// What is asked of the database does not grow with those who look on.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_looked_once_a_second_for_all_of_them() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let counted = world.state.store.counted();
    let state = ritorno_http::AppState {
        store: counted.clone(),
        tails: std::sync::Arc::default(),
        ..world.state.clone()
    };
    let app = ritorno_http::router(state);
    let mut tails = Vec::new();
    for _ in 0..5 {
        let (_, token) = world.token("root", every_scope()).await;
        for _ in 0..OF_ONE {
            let request =
                Request::builder().uri(HERE).header(header::AUTHORIZATION, format!("Bearer {token}"));
            let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            tails.push(tokio::spawn(async move { answer.into_body().into_data_stream().next().await }));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = counted.statements();
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Five looks, and once who of them still may, which is four statements.
    let asked = counted.statements() - before;
    assert!((4..=10).contains(&asked), "{asked} statements in five seconds for {} tails", tails.len());
}

/// Whoever comes back after a cut is told that there is a gap.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_is_told_of() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let (_, token) = world.token("root", every_scope()).await;
    happens(&world, &["a", "b", "c"]).await;
    let (chain, tenant) = (world.state.store.audit_chain(), world.tenant.id);
    let told = |activity| fact(&world, activity, Success::Success, "retention");
    chain.set_kept_days(tenant, Some(30), &told(Activity::AuditRetentionSet)).await.unwrap();
    assert!(chain.cut(tenant, 2, &told(Activity::AuditCut)).await.unwrap());
    let mut tail = open(&world, &token, "", Some(1)).await.ok().unwrap();
    assert_eq!(tail.next().await, Some(("cut".to_owned(), 2, "2".to_owned())));
    assert_eq!(tail.reason().await, (3, "c".to_owned()));
}
