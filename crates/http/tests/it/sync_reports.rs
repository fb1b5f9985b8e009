//! What agents tell of their synchronisation: kept, bounded, shown in both languages, too old at some time; and the approval of exactly the
//! list that an agent's deletion guard holds.

use axum::http::{Method, StatusCode};
use ritorno_http::agent_api::sync::FRESH_FOR;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::Activity;
use ritorno_identity::language::Language;
use ritorno_protocol::clock::{Clock as _, Timestamp};
use ritorno_protocol::sync_report::{
    ConnectorCounts, ConnectorReport, HeldExport, HeldKind, HeldRemoval, MAXIMUM_TEXT, OVERDUE_AFTER,
    RunReport, SyncMode, SyncReport,
};
use ritorno_storage::AuditFilter;
use serde_json::{Value, json};

use crate::agent_api::{access, call, on_both};
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::world::{PASSWORD, World};

on_both!(
    a_report_is_kept_bounded_shown_and_grows_old,
    exactly_the_list_that_was_shown_is_approved,
    nothing_is_approved_of_which_a_part_is_shown,
);

const PATH: &str = "/agent/v1/sync";
/// Since when the lists are held.
pub(crate) const SINCE: Timestamp = Timestamp::from_unix_ms(1_700_000_000_123);
const PAGE: &str = "/console/sync";

/// What an agent tells, which holds the removals of two people if a digest is named.
pub(crate) fn report(world: &World, held: Option<&str>) -> SyncReport {
    let now = world.clock.now();
    let run = RunReport {
        id: 7,
        profile: "delta-import".into(),
        started: now,
        ended: Some(now),
        outcome: "succeeded".into(),
        adds: 3,
        updates: 0,
        deletes: 0,
        errors: 1,
        anchors: 21,
        anchors_refused: 0,
        server: Some("dc1.contoso.test".into()),
        note: Some(format!("<b>{}", "x".repeat(10_000))),
    };
    let removals = ["anna", "luca"];
    let held = held.map(|digest| HeldExport {
        digest: digest.to_owned(),
        since: SINCE,
        number: 2,
        because: "the threshold is 1".into(),
        removals: removals
            .map(|name| HeldRemoval { kind: HeldKind::Delete, name: format!("{name}@contoso.test") })
            .to_vec(),
    });
    let connector = ConnectorReport {
        cycled_at: Some(now),
        name: "contoso.test".into(),
        scope: vec!["OU=People,DC=contoso,DC=test".into()],
        groups: Vec::new(),
        counts: ConnectorCounts { objects: 4321, ..ConnectorCounts::default() },
        runs: vec![run],
        held,
    };
    SyncReport {
        at: now,
        mode: SyncMode::Standby,
        suspended: false,
        every_seconds: Some(30),
        reconcile_at: "02:30".into(),
        rules: Some("[[scope]]\nwhere = \"department = 'Ö'\"".into()),
        connectors: vec![connector],
    }
}

/// The approvals that the agent is told in return.
pub(crate) async fn tell(world: &World, token: &str, report: &SyncReport) -> Vec<Value> {
    let answer = call(world, Method::POST, PATH, Some(token), &[], Some(json!(report))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["approved"].as_array().unwrap().clone()
}

async fn signed_in(world: &World, name: &str, language: Language) -> Browser {
    let mut browser = Browser::new(&world.app, language.tag());
    browser.post("/console/sign-in", &[("name", name), ("password", PASSWORD)]).await;
    browser
}

async fn a_report_is_kept_bounded_shown_and_grows_old(world: &World) {
    let (agent, key) = world.enrolled("agent-of-milan").await;
    let nobody = call(world, Method::POST, PATH, None, &[], Some(json!(report(world, None)))).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let token = access(world, agent.id, &key).await;
    let garbled = call(world, Method::POST, PATH, Some(&token), &[], Some(json!({"mode": 1}))).await;
    assert_eq!((garbled.status, &*garbled.kind), (StatusCode::BAD_REQUEST, "application/problem+json"));
    world.administrator("root", Role::Global, true).await;
    for language in Language::ALL {
        let page = signed_in(world, "root", language).await.get(PAGE).await;
        whole(&page, language, ["has never told", "non ha mai detto"]);
    }
    assert_eq!(tell(world, &token, &report(world, None)).await, Vec::<Value>::new());
    for language in Language::ALL {
        let page = signed_in(world, "root", language).await.get(PAGE).await;
        whole(&page, language, ["Standby: imports and writes back", "In attesa: importa e riscrive"]);
        for words in [
            "agent-of-milan",
            "4321",
            "OU=People,DC=contoso,DC=test",
            "department = &#39;Ö&#39;",
            "dc1.contoso.test",
            "&#60;b&#62;xxx",
        ] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        assert!(!page.body.contains(&"x".repeat(MAXIMUM_TEXT)), "cut");
        assert!(!page.body.contains("/console/sync/approve"), "nothing is held");
    }
    world.clock.advance(FRESH_FOR);
    for language in Language::ALL {
        let page = signed_in(world, "root", language).await.get(PAGE).await;
        whole(&page, language, ["too long ago", "troppo tempo"]);
    }
    let page = signed_in(world, "root", Language::English).await.get(PAGE).await;
    assert!(!page.body.contains("to the end for"), "it is not late yet");
    world.clock.advance(OVERDUE_AFTER);
    for language in Language::ALL {
        let page = signed_in(world, "root", language).await.get(PAGE).await;
        whole(&page, language, ["to the end for 7 days", "fino in fondo da 7 giorni"]);
    }
    world.state.store.agents().revoke(world.tenant.id, agent.id, world.clock.now()).await.unwrap();
    assert_eq!(world.state.store.sync_reports().list(world.tenant.id).await.unwrap(), []);
}

async fn exactly_the_list_that_was_shown_is_approved(world: &World) {
    let (agent, key) = world.enrolled("agent-of-milan").await;
    let token = access(world, agent.id, &key).await;
    let (one, other) = ("0a".repeat(32), "0b".repeat(32));
    assert_eq!(tell(world, &token, &report(world, Some(&one))).await, Vec::<Value>::new());
    world.administrator("root", Role::Global, true).await;
    world.administrator("hybrid", Role::HybridIdentity, false).await;
    let mut root = signed_in(world, "root", Language::English).await;
    let page = root.get(PAGE).await;
    for words in ["the threshold is 1", "anna@contoso.test", &one, "Approve exactly these"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    // Whoever may not approve is told that something is held, and not who.
    let page = signed_in(world, "hybrid", Language::English).await.get(PAGE).await;
    assert!(page.body.contains("the threshold is 1") && !page.body.contains("anna@contoso.test"));
    assert!(!page.body.contains("Approve exactly these"));

    let (id, since) = (agent.id.to_string(), SINCE.unix_ms().to_string());
    let approve = async |root: &mut Browser, digest: &str, since: &str| {
        let words = [("agent", id.as_str()), ("digest", digest), ("since", since)];
        root.post("/console/sync/approve", &words).await.location().to_owned()
    };
    assert_eq!(approve(&mut root, &other, &since).await, "/console/sync?other=true");
    assert_eq!(approve(&mut root, &one, "7").await, "/console/sync?other=true", "held at another time");
    assert_eq!(tell(world, &token, &report(world, Some(&one))).await, Vec::<Value>::new());
    assert_eq!(approve(&mut root, &one, &since).await, "/console/sync?approved=true");
    assert!(!root.get(PAGE).await.body.contains("Approve exactly these"));
    // It is for this list as it was held then, and for this agent; of a day there is left what is left.
    assert_eq!(tell(world, &token, &report(world, Some(&other))).await, Vec::<Value>::new());
    let mut anew = report(world, Some(&one));
    anew.connectors[0].held.as_mut().unwrap().since = world.clock.now();
    assert_eq!(tell(world, &token, &anew).await, Vec::<Value>::new());
    let (twin, twin_key) = world.enrolled("agent-of-rome").await;
    let twin_token = access(world, twin.id, &twin_key).await;
    assert_eq!(tell(world, &twin_token, &report(world, Some(&one))).await, Vec::<Value>::new());
    world.state.store.agents().revoke(world.tenant.id, twin.id, world.clock.now()).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(500));
    let expected = json!({"digest": one, "since": SINCE, "seconds": 24 * 3_600 - 500});
    assert_eq!(tell(world, &token, &report(world, Some(&one))).await, [expected]);
    assert!(!root.get(PAGE).await.body.contains("Approve exactly these"), "it was decided");
    // It is used up: a later list of the same people waits for a decision of its own.
    assert_eq!(tell(world, &token, &report(world, Some(&one))).await, Vec::<Value>::new());
    assert!(root.get(PAGE).await.body.contains("Approve exactly these"));
    assert_eq!(approve(&mut root, &one, &since).await, "/console/sync?approved=true");
    world.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    let token = access(world, agent.id, &key).await;
    assert_eq!(tell(world, &token, &report(world, Some(&one))).await, Vec::<Value>::new());

    let filter = AuditFilter { activity: Some(Activity::RemovalsApproved), ..AuditFilter::default() };
    let facts = world.state.store.audit().find(world.tenant.id, &filter, None, 10).await.unwrap();
    assert_eq!(facts.len(), 2);
    assert!(facts[0].1.reason.contains(&one) && facts[0].1.reason.contains("2 removals of contoso.test"));
}

async fn nothing_is_approved_of_which_a_part_is_shown(world: &World) {
    let (agent, key) = world.enrolled("agent-of-milan").await;
    let token = access(world, agent.id, &key).await;
    let digest = "0a".repeat(32);
    let mut part = report(world, Some(&digest));
    part.connectors[0].held.as_mut().unwrap().number = 3;
    tell(world, &token, &part).await;
    world.administrator("root", Role::Global, true).await;
    let mut root = signed_in(world, "root", Language::English).await;
    let page = root.get(PAGE).await;
    assert!(page.body.contains("anna@contoso.test") && page.body.contains("ritorno-agent sync approve"));
    assert!(!page.body.contains("/console/sync/approve"), "{}", page.body);
    for language in Language::ALL {
        let page = signed_in(world, "root", language).await.get(PAGE).await;
        whole(&page, language, ["so it approves none of them", "perciò non ne approva nessuna"]);
    }
    let (id, since) = (agent.id.to_string(), SINCE.unix_ms().to_string());
    let words = [("agent", &*id), ("digest", &*digest), ("since", &*since)];
    let answer = root.post("/console/sync/approve", &words).await;
    assert_eq!(answer.location(), "/console/sync?other=true");
    assert_eq!(tell(world, &token, &part).await, Vec::<Value>::new());
}
