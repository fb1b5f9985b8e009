//! The audit chain: what was tampered with in the database is found, and a file outside of it has everything.

use ritorno_http::audit_chain::AuditSink as _;
use ritorno_http::audit_chain::{
    ChainError, FileSink, VerifyError, compare, link_all, send, send_head, sign_head, verify,
};
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::clock::Clock as _;

use crate::world::World;

/// A world with five linked facts, of which the third and what is before it are signed.
async fn world() -> World {
    let world = World::new().await;
    for number in 1..=5 {
        write(&world, &format!("fact {number}")).await;
        link_all(&world.state.store, world.tenant.id, |_| {}).await.unwrap();
        if number == 3 {
            assert!(sign_head(&world.state).await.unwrap().is_some());
            assert!(sign_head(&world.state).await.unwrap().is_none(), "it is signed already");
        }
    }
    world
}

async fn write(world: &World, reason: &str) {
    let random = &*world.state.random;
    let fact = Fact {
        id: FactId::random(random),
        tenant: world.tenant.id,
        at: world.clock.now(),
        activity: Activity::PolicyChanged,
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

async fn broken(world: &World) -> Option<VerifyError> {
    verify(&world.state.store, &world.state.keys, world.tenant.id, world.clock.now(), |_| {}).await.err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_nobody_touched_holds() {
    let world = world().await;
    write(&world, "not linked yet").await;
    let (keys, now) = (&world.state.keys, world.clock.now());
    let verified = verify(&world.state.store, keys, world.tenant.id, now, |_| {}).await.unwrap();
    assert_eq!((verified.head.position, verified.checkpoints, verified.unlinked), (5, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_taken_out_or_cut_off_is_found() {
    let changed = world().await;
    tamper(&changed, &["update audit set reason = 'nothing' where position = 2"]).await;
    assert!(matches!(broken(&changed).await, Some(VerifyError::Changed(2))));

    let taken = world().await;
    tamper(&taken, &["delete from audit where position = 4"]).await;
    assert!(matches!(broken(&taken).await, Some(VerifyError::Missing(4))));

    // The last ones, without the head: the head knows.
    let cut = world().await;
    tamper(&cut, &["delete from audit where position > 4"]).await;
    assert!(matches!(broken(&cut).await, Some(VerifyError::Shorter { found: 4, known: 5 })));

    // The head too: what was signed knows.
    let cut = world().await;
    tamper(
        &cut,
        &[
            "delete from audit where position > 2",
            "update audit_heads set position = 2, hash = (select hash from audit where position = 2)",
        ],
    )
    .await;
    assert!(matches!(broken(&cut).await, Some(VerifyError::Shorter { found: 2, known: 3 })));

    // Everything is written anew, hashes and all.
    let anew = world().await;
    tamper(
        &anew,
        &[
            "update audit set reason = 'nothing', position = null, hash = null where reason = 'fact 1'",
            "update audit set position = null, hash = null where reason <> 'nothing'",
            "delete from audit_heads",
        ],
    )
    .await;
    link_all(&anew.state.store, anew.tenant.id, |_| {}).await.unwrap();
    assert!(matches!(broken(&anew).await, Some(VerifyError::Checkpoint { position: 3, .. })));

    // What was signed is taken out of the database too: this host has kept it.
    let anew = world().await;
    tamper(
        &anew,
        &[
            "delete from audit_checkpoints",
            "update audit set reason = 'nothing', position = null, hash = null where reason = 'fact 1'",
            "update audit set position = null, hash = null where reason <> 'nothing'",
            "delete from audit_heads",
        ],
    )
    .await;
    link_all(&anew.state.store, anew.tenant.id, |_| {}).await.unwrap();
    assert!(matches!(broken(&anew).await, Some(VerifyError::Kept(3))));
    let refused = sign_head(&anew.state).await.err();
    assert!(
        matches!(refused, Some(ChainError::Rewritten { position: 3 })),
        "nothing more is signed: {refused:?}"
    );
    let cut = world().await;
    tamper(
        &cut,
        &["delete from audit_checkpoints", "delete from audit where position > 2", "delete from audit_heads"],
    )
    .await;
    assert!(matches!(broken(&cut).await, Some(VerifyError::Shorter { found: 2, known: 3 })));

    // And what was signed is another installation's.
    let (one, other) = (world().await, world().await);
    let foreign = other.state.store.audit_chain().checkpoints(other.tenant.id).await.unwrap().remove(0).1;
    tamper(&one, &["delete from audit_checkpoints"]).await;
    one.state.store.audit_chain().keep(one.tenant.id, 3, &foreign).await.unwrap();
    assert!(matches!(broken(&one).await, Some(VerifyError::Checkpoint { position: 3, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_every_fact_and_what_was_signed_in_order() {
    let world = world().await;
    let path = world.folder().join("audit.jsonl");
    let sink = FileSink::new(path.clone(), "here");
    let store = &world.state.store;
    send(store, world.tenant.id, &sink).await.unwrap();
    // Nothing comes twice.
    send(store, world.tenant.id, &sink).await.unwrap();
    let signed = sign_head(&world.state).await.unwrap().unwrap();
    send_head(&sink, &signed).await.unwrap();
    write(&world, "fact 6").await;
    link_all(store, world.tenant.id, |_| {}).await.unwrap();
    send(store, world.tenant.id, &sink).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<String> = lines
        .iter()
        .map(|line| match line["fact"]["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => line["checkpoint"]["head"]["key"].as_str().map_or("?", |_| "signed").to_owned(),
        })
        .collect();
    assert_eq!(told, ["fact 1", "fact 2", "fact 3", "fact 4", "fact 5", "signed", "fact 6"]);
    let last = store.audit_chain().head(world.tenant.id).await.unwrap();
    let hash: String = last.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(lines.last().unwrap()["hash"], hash);
    // It is what the database has; and if that is written anew, the file still says what was.
    let keys = &*world.state.keys;
    assert_eq!(compare(store, keys, world.tenant.id, &path).await.unwrap(), 7);
    // A sink that takes nothing loses nothing, and leaves no half a line.
    let full = FileSink::new("/dev/full".into(), "here");
    assert!(send(store, world.tenant.id, &full).await.is_err());
    assert_eq!(store.audit_chain().told(world.tenant.id, full.name()).await.unwrap(), 0);
    let nowhere = FileSink::new(world.folder().join("not there").join("audit.jsonl"), "here");
    write(&world, "fact 7").await;
    link_all(store, world.tenant.id, |_| {}).await.unwrap();
    assert!(send(store, world.tenant.id, &nowhere).await.is_err());
    send(store, world.tenant.id, &sink).await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().lines().last().unwrap().contains("fact 7"));
    tamper(&world, &["update audit set reason = 'nothing', hash = zeroblob(32) where position = 2"]).await;
    let differs = compare(store, keys, world.tenant.id, &path).await.unwrap_err().to_string();
    assert!(differs.contains("line 2: the database has another fact at position 2"), "{differs}");
}
