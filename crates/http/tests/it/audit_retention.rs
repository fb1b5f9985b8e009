//! Audit facts that are older than they are kept go, and what is left is verified as before.

use std::time::Duration;

use ritorno_http::audit_chain::{
    ChainError, FileSink, VerifyError, compare, link_all, send, send_head, sign_head, verify,
};
use ritorno_http::audit_retention::retain;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_protocol::clock::Clock as _;

use crate::world::World;

/// Ten days.
const DECADE: Duration = Duration::from_secs(10 * 24 * 3_600);

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

/// Three facts every ten days, a hundred days long, the head signed after the second of each three.
async fn world(world: World) -> World {
    for decade in 0..10 {
        for number in 0..3 {
            write(&world, Activity::PolicyChanged, &format!("decade {decade}, {number}")).await;
            link(&world).await;
            if number == 1 {
                assert!(sign_head(&world.state).await.unwrap().is_some());
            }
        }
        world.clock.advance(DECADE);
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
    let verified =
        verify(&world.state.store, &world.state.keys, world.tenant.id, world.clock.now(), |_| {}).await?;
    Ok((verified.cut, verified.head.position, verified.checkpoints))
}

async fn what_is_older_goes_up_to_a_signed_head_and_the_rest_is_verified(world: World) {
    let chain = world.state.store.audit_chain();
    assert_eq!(retain(&world.state, None).await.unwrap(), None, "facts are kept for ever unless it is said");
    keep(&world, Some(40)).await;
    assert_eq!(chain.kept_days(world.tenant.id).await.unwrap(), Some(40));
    // Now is decade 10. The facts of the decades 0 to 5 are older than forty days, and the third of decade 5 came after its head.
    assert_eq!(retain(&world.state, None).await.unwrap(), Some(17));
    // The fact that tells of it is not linked yet: who verifies in that moment raises no alarm.
    let (cut, head, checkpoints) = verified(&world).await.unwrap();
    assert_eq!((cut, checkpoints), (17, 5), "the heads of the decades 5 to 9");
    assert_eq!(head, 30 + 2 + 1, "two of the retention, and one that tells of the cut");
    let facts = world.facts().await;
    assert_eq!(facts.len(), 33 - 17);
    assert_eq!((facts[0].activity, facts[0].reason.as_str()), (Activity::AuditCut, "up to position 17"));
    assert_eq!(facts.last().unwrap().reason, "decade 5, 2");
    // Once more there is nothing to be done, and ten days later those of ten days go.
    assert_eq!(retain(&world.state, None).await.unwrap(), None);
    assert!(sign_head(&world.state).await.unwrap().is_some(), "the chain goes on");
    world.clock.advance(DECADE);
    assert_eq!(retain(&world.state, None).await.unwrap(), Some(20));
    link(&world).await;
    assert_eq!(verified(&world).await.unwrap().0, 20);
    // Who keeps them for ever from now on loses no more.
    keep(&world, None).await;
    world.clock.advance(DECADE * 10);
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
    keep(&world, Some(40)).await;
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
    for change in [
        "update audit set hash = zeroblob(32) where position = 17",
        // The hashes are left alone, also that at which it would be cut off.
        "update audit set reason = 'nothing' where position = 5",
        "delete from audit where position = 9",
    ] {
        let world = world(World::new().await).await;
        keep(&world, Some(40)).await;
        tamper(&world, &[change]).await;
        let before = world.facts().await.len();
        let refused = retain(&world.state, None).await.err();
        assert!(matches!(refused, Some(ChainError::Changed { .. })), "{change}: {refused:?}");
        assert_eq!(world.facts().await.len(), before, "nothing went");
        assert_eq!(world.state.store.audit_chain().cut_at(world.tenant.id).await.unwrap(), 0);
    }
}

/// Whoever has only the database does not get rid of what they did by saying that facts are kept for no time.
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_kept_for_thirty_days_whatever_the_database_says() {
    let world = world(World::new().await).await;
    keep(&world, Some(400)).await;
    tamper(&world, &["update audit_retention set days = 0"]).await;
    // Now is decade 10: those of the decades 0 to 6 are older than thirty days.
    assert_eq!(retain(&world.state, None).await.unwrap(), Some(20));
    assert_eq!(verified(&world).await.unwrap().0, 20);
    assert_eq!(retain(&world.state, None).await.unwrap(), None);

    // Nor by cutting it off themselves, at a head that was signed, with a fact that tells of it.
    write(&world, Activity::AuditCut, "up to position 26").await;
    link(&world).await;
    tamper(&world, &["update audit_retention set cut_position = 26"]).await;
    let refused = (retain(&world.state, None).await.err(), world.facts().await.len());
    assert!(matches!(refused, (Some(ChainError::NoCut { position: 26 }), 14)), "{refused:?}");
    assert!(matches!(verified(&world).await, Err(VerifyError::CutEarly(26))));
    // Once the head is older, the fact still says that it was too early.
    world.clock.advance(DECADE * 10);
    assert!(matches!(verified(&world).await, Err(VerifyError::Cut(26))));
}

/// The whole chain is written anew, longer than it was, by somebody who says that it was cut off: the server signs none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_that_somebody_else_says_makes_no_other_chain_the_signed_one() {
    const ANEW: [&str; 4] = [
        "delete from audit_checkpoints",
        "update audit set reason = 'nothing', position = null, hash = null where reason = 'decade 3, 1'",
        "update audit set position = null, hash = null where reason <> 'nothing'",
        "delete from audit_heads",
    ];
    for (cut, statement) in [
        (0, "update audit_retention set cut_position = 0"),
        (5, "update audit_retention set cut_position = 5"),
        (29, "update audit_retention set cut_position = 29"),
        (1_000_000, "update audit_retention set cut_position = 1000000"),
    ] {
        let world = world(World::new().await).await;
        keep(&world, None).await;
        tamper(&world, &ANEW).await;
        tamper(&world, &[statement]).await;
        write(&world, Activity::PolicyChanged, "later").await;
        link(&world).await;
        let refused = sign_head(&world.state).await.err();
        // What this host signed last was at 29.
        let fits = match refused {
            Some(ChainError::Rewritten { position: 29 }) => cut < 29,
            Some(ChainError::NoCut { position }) => cut >= 29 && position == cut,
            _ => false,
        };
        assert!(fits, "{cut}: {refused:?}");
        let signed = world.state.store.audit_chain().last_signed(world.tenant.id).await.unwrap();
        assert_eq!(signed, 0, "nothing more is signed");
        if cut > 0 {
            assert!(retain(&world.state, None).await.is_err());
            assert_eq!(world.facts().await.len(), 33, "and nothing goes");
        }
    }
}

/// What was changed after the last signed head, its hash left alone, is not signed either.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_that_is_not_computed_anew() {
    let world = world(World::new().await).await;
    keep(&world, None).await;
    tamper(&world, &["update audit set reason = 'nothing' where position = 31"]).await;
    let refused = sign_head(&world.state).await.err();
    assert!(matches!(refused, Some(ChainError::Changed { position: 31 })), "{refused:?}");
    // A head that is no fact's is not either.
    let world = self::world(World::new().await).await;
    keep(&world, None).await;
    tamper(&world, &["update audit_heads set hash = zeroblob(32)"]).await;
    let refused = sign_head(&world.state).await.err();
    assert!(matches!(refused, Some(ChainError::Changed { position: 32 })), "{refused:?}");
}

/// A host that was away while another one signed, and cut off what this one knew, goes on from the cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_away_goes_on_from_the_cut() {
    let world = world(World::new().await).await;
    keep(&world, Some(40)).await;
    let file = world.state.keys.audit_head_file();
    let mut known = Vec::new();
    for position in [17, 14, 20] {
        let checkpoint = world.state.store.audit_chain().checkpoint_at(world.tenant.id, position).await;
        known.push(checkpoint.unwrap().unwrap());
    }
    for (known, position) in known.iter().zip([17, 14, 20]) {
        std::fs::write(&file, serde_json::to_vec(known).unwrap()).unwrap();
        retain(&world.state, None).await.unwrap();
        write(&world, Activity::PolicyChanged, "later").await;
        link(&world).await;
        assert!(sign_head(&world.state).await.unwrap().is_some(), "{position}");
    }
    // Or from there, if it knows of nothing.
    std::fs::remove_file(&file).unwrap();
    write(&world, Activity::PolicyChanged, "later").await;
    link(&world).await;
    assert!(sign_head(&world.state).await.unwrap().is_some());
    assert!(verified(&world).await.is_ok());
}

/// Facts go while somebody verifies: that is no alarm.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_meanwhile_is_verified_anew() {
    let world = World::new().await;
    for number in 0..1_100 {
        write(&world, Activity::PolicyChanged, &format!("fact {number}")).await;
    }
    link(&world).await;
    assert!(sign_head(&world.state).await.unwrap().is_some());
    world.clock.advance(DECADE * 5);
    keep(&world, Some(40)).await;
    assert!(sign_head(&world.state).await.unwrap().is_some());
    let (cut, runtime) = (std::sync::Once::new(), tokio::runtime::Handle::current());
    let (store, tenant, now) = (&world.state.store, world.tenant.id, world.clock.now());
    let verified = verify(store, &world.state.keys, tenant, now, |position| {
        cut.call_once(|| {
            assert_eq!(position, 1_000, "it is in the middle");
            let done = || assert_eq!(runtime.block_on(retain(&world.state, None)).unwrap(), Some(1_100));
            tokio::task::block_in_place(done);
        });
    })
    .await
    .unwrap();
    assert!(cut.is_completed());
    assert_eq!((verified.cut, verified.head.position), (1_100, 1_103));
}
