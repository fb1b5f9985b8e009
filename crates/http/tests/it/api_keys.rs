//! What a key of a request is good for when rights change, when whoever asks goes away, and when an answer can't be kept.

use std::collections::BTreeMap;
use std::time::Duration;

use ritorno_identity::administrator::{Role, Scope};

use crate::api_world::{Call, Told, call, every_scope};
use crate::world::World;

async fn post(world: &World, token: &str, path: &str, body: Option<&str>) -> Told {
    let headers = BTreeMap::from([("idempotency-key", "one")]);
    call(&world.app, "POST", path, &Call { token: Some(token), body, headers }).await
}

/// Does to the database what no request does.
async fn sql(world: &World, statement: &'static str) {
    let pool = sqlx::SqlitePool::connect(&world.address()).await.unwrap();
    sqlx::query(statement).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn anna(world: &World, token: &str) -> String {
    let path = "/api/v1/people?name=anna.rossi@contoso.test";
    let found = call(&world.app, "GET", path, &Call { token: Some(token), ..Call::default() }).await.json();
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

/// What was answered is shown again by the rights by which it was answered, and by no others.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_shown_again_to_who_may_not_any_more() {
    for demoted in [true, false] {
        let world = World::new().await;
        world.administrator("desk", Role::HelpDesk, true).await;
        let (_, token) = world.token("desk", every_scope()).await;
        let path = format!("/api/v1/people/{}/help-desk/codes", anna(&world, &token).await);
        let body = Some(r#"{"reason":"lost her telephone"}"#);
        let first = post(&world, &token, &path, body).await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!(post(&world, &token, &path, body).await.text, first.text);
        if demoted {
            sql(&world, "update administrators set role = 'reports-reader'").await;
            assert_eq!(world.named("desk").await.role, Role::ReportsReader);
        } else {
            let desk = world.named("desk").await;
            let scope = Scope { domain: Some("fabrikam.test".into()), group: None };
            assert!(
                world.state.store.administrators().set_scope(world.tenant.id, desk.id, &scope).await.unwrap()
            );
        }
        let again = post(&world, &token, &path, body).await;
        assert_eq!((again.status.as_u16(), again.kind().as_str()), (422, "idempotency-key-reused"));
        assert!(!again.text.contains("telephone"), "{again:?}");
    }
}

/// Whoever goes away at any moment leaves no key behind that is never answered.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_leaves_no_key_without_an_answer() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let (_, reader) = world.token("root", every_scope()).await;
    let path = format!("/api/v1/people/{}/lift", anna(&world, &reader).await);
    let mut went = 0;
    for round in 0..60 {
        let (_, token) = world.token("root", every_scope()).await;
        let asked = post(&world, &token, &path, None);
        went += u32::from(tokio::time::timeout(Duration::from_micros(round * 100), asked).await.is_err());
        let mut told = post(&world, &token, &path, None).await;
        for _ in 0..200 {
            if told.kind() != "idempotency-unanswered" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            told = post(&world, &token, &path, None).await;
        }
        assert_eq!(told.status, 204, "{round}: {told:?}");
    }
    assert!(went > 0, "nobody went away");
}

/// What was done is told, though its answer can't be kept: it may be a pass that is shown nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_told_though_its_answer_can_not_be_kept() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let (_, token) = world.token("root", every_scope()).await;
    let path = format!("/api/v1/people/{}/lift", anna(&world, &token).await);
    sql(
        &world,
        "create trigger full before update on api_answers when new.status is not null \
         begin select raise(abort, 'the disk is full'); end",
    )
    .await;
    assert_eq!(post(&world, &token, &path, None).await.status, 204);
    // Whoever asks again is not told that it is new.
    assert_eq!(post(&world, &token, &path, None).await.kind(), "idempotency-unanswered");
}
