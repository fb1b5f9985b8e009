//! Audit facts that are older than they are kept go, and what is left is verified as before.

use std::time::Duration;

use ritorno_http::audit_chain::{
    FileSink, VerifyError, compare, link_all, send, send_head, sign_head, verify,
};
use ritorno_http::audit_retention::retain;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::clock::Clock as _;

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn write(world: &World, activity: Activity, reason: &str) -> Fact {
    let random = &*world.state.random;
    let fact = Fact {
        id: FactId::random(random),
        tenant: world.tenant.id,
        at: world.clock.now(),
        activity,
        actor: Actor::System,
        target: None,
        from: None,
        success: Success::Success,
        reason: reason.to_owned(),
        support_code: None,
        correlation: CorrelationId::random(random),
        request: None,
    };
    world.state.store.audit().append(&fact).await.unwrap();
    fact
}

async fn link(world: &World) {
    link_all(&world.state.store, world.tenant.id, |_| {}).await.unwrap();
}

/// Three facts a day for ten days, the head signed after each day's second.
async fn world(world: World) -> World {
    for day in 0..10 {
        for number in 0..3 {
            write(&world, Activity::PolicyChanged, &format!("day {day}, {number}")).await;
            link(&world).await;
            if number == 1 {
                assert!(sign_head(&world.state).await.unwrap().is_some());
            }
        }
        world.clock.advance(DAY);
    }
    world
}

/// Keeps facts for so many days from now on.
async fn keep(world: &World, days: Option<u32>) {
    let fact = Fact {
        id: FactId::random(&*world.state.random),
        ..write(world, Activity::PolicyChanged, "before it is said").await
    };
    let fact = Fact { activity: Activity::AuditRetentionSet, ..fact };
    world.state.store.audit_chain().set_kept_days(world.tenant.id, days, &fact).await.unwrap();
    link(world).await;
}

async fn verified(world: &World) -> Result<(u64, u64, usize), VerifyError> {
    let verified = verify(&world.state.store, &world.state.keys, world.tenant.id, |_| {}).await?;
    Ok((verified.cut, verified.head.position, verified.checkpoints))
}

async fn what_is_older_goes_up_to_a_signed_head_and_the_rest_is_verified(world: World) {
    let chain = world.state.store.audit_chain();
    assert_eq!(retain(&world.state, None).await.unwrap(), None, "facts are kept for ever unless it is said");
    keep(&world, Some(4)).await;
    assert_eq!(chain.kept_days(world.tenant.id).await.unwrap(), Some(4));
    // Now is day 10. The facts of the days 0 to 5 are older than four days, and the third of day 5 came after that day's head.
    assert_eq!(retain(&world.state, None).await.unwrap(), Some(17));
    link(&world).await;
    let (cut, head, checkpoints) = verified(&world).await.unwrap();
    assert_eq!((cut, checkpoints), (17, 5), "the heads of the days 5 to 9");
    assert_eq!(head, 30 + 2 + 1, "two of the retention, and one that tells of the cut");
    let facts = world.facts().await;
    assert_eq!(facts.len(), 33 - 17);
    assert_eq!((facts[0].activity, facts[0].reason.as_str()), (Activity::AuditCut, "up to position 17"));
    assert_eq!(facts.last().unwrap().reason, "day 5, 2");
    // Once more there is nothing to be done, and a day later a day's facts go.
    assert_eq!(retain(&world.state, None).await.unwrap(), None);
    assert!(sign_head(&world.state).await.unwrap().is_some(), "the chain goes on");
    world.clock.advance(DAY);
    assert_eq!(retain(&world.state, None).await.unwrap(), Some(20));
    link(&world).await;
    assert_eq!(verified(&world).await.unwrap().0, 20);
    // Who keeps them for ever from now on loses no more.
    keep(&world, None).await;
    world.clock.advance(DAY * 100);
    assert_eq!(retain(&world.state, None).await.unwrap(), None);
    assert!(verified(&world).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_goes_on_sqlite() {
    what_is_older_goes_up_to_a_signed_head_and_the_rest_is_verified(world(World::new().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_goes_on_postgresql() {
    what_is_older_goes_up_to_a_signed_head_and_the_rest_is_verified(world(World::postgres().await).await)
        .await;
}

/// What was not sent yet stays, and a file has more than the database afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_that_the_file_does_not_have() {
    let world = world(World::new().await).await;
    keep(&world, Some(4)).await;
    let path = world.folder().join("audit.jsonl");
    let sink = FileSink::new(path.clone(), "here");
    use ritorno_http::audit_chain::AuditSink as _;
    assert_eq!(retain(&world.state, Some(sink.name())).await.unwrap(), None);
    let (store, tenant) = (&world.state.store, world.tenant.id);
    send(store, tenant, &sink).await.unwrap();
    let checkpoints = store.audit_chain().checkpoints(tenant).await.unwrap();
    send_head(&sink, &checkpoints[0].1).await.unwrap();
    assert_eq!(retain(&world.state, Some(sink.name())).await.unwrap(), Some(17));
    link(&world).await;
    send(store, tenant, &sink).await.unwrap();
    assert_eq!(compare(store, &world.state.keys, tenant, &path).await.unwrap(), 33 + 1);
    // What is left is compared as before.
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find("\"position\":25").unwrap();
    let hash = text[at..].find("\"hash\":\"").unwrap() + at + 8;
    let changed = format!("{}{}{}", &text[..hash], "0".repeat(64), &text[hash + 64..]);
    std::fs::write(&path, changed).unwrap();
    assert!(matches!(compare(store, &world.state.keys, tenant, &path).await, Err(VerifyError::File { .. })));
}

/// What whoever has the database can do to it.
async fn tamper(world: &World, statements: &[&'static str]) {
    let pool = sqlx::SqlitePool::connect(&world.address()).await.unwrap();
    for statement in statements {
        let touched = sqlx::query(*statement).execute(&pool).await.unwrap().rows_affected();
        assert!(touched > 0, "{statement}");
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_somebody_else_cut_off_is_found() {
    // As if the retention had done it: but no fact tells of that.
    let world = world(World::new().await).await;
    keep(&world, None).await;
    tamper(
        &world,
        &["delete from audit where position <= 17", "update audit_retention set cut_position = 17"],
    )
    .await;
    assert!(matches!(verified(&world).await, Err(VerifyError::Cut(17))));
    // Nor at a place where nothing was signed.
    tamper(
        &world,
        &["delete from audit where position <= 18", "update audit_retention set cut_position = 18"],
    )
    .await;
    assert!(matches!(verified(&world).await, Err(VerifyError::Cut(18))));
    tamper(&world, &["update audit_retention set cut_position = 0"]).await;
    assert!(matches!(verified(&world).await, Err(VerifyError::Missing(1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_not_cut_off_with_its_traces() {
    let world = world(World::new().await).await;
    keep(&world, Some(4)).await;
    tamper(&world, &["update audit set hash = zeroblob(32) where position = 17"]).await;
    assert!(retain(&world.state, None).await.is_err());
    assert_eq!(world.facts().await.len(), 32, "nothing went");
}
