//! The page of the audit: its filter, its pages, and the facts as a file.

use axum::http::{StatusCode, header};
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Actor, Fact, Success};
use ritorno_identity::ids::{CorrelationId, FactId};
use ritorno_identity::name::SignInName;
use ritorno_protocol::clock::Clock as _;

use crate::console::signed_in;
use crate::register::ANNA;
use crate::world::World;

const REASON: &str = "=HYPERLINK(\"https://evil.test\", \"x\")";

/// Facts of the system, and one that Anna is the subject of.
async fn world(of_the_system: usize) -> World {
    let world = World::new().await;
    world.administrator("reports", Role::ReportsReader, true).await;
    let (store, random) = (&world.state.store, &*world.state.random);
    let name = SignInName::of_principal(ANNA);
    let anna = store.users().by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap().id;
    let fact = |activity, target| Fact {
        id: FactId::random(random),
        tenant: world.tenant.id,
        at: world.clock.now(),
        activity,
        actor: Actor::System,
        target,
        from: None,
        success: Success::Failure,
        reason: REASON.to_owned(),
        support_code: None,
        correlation: CorrelationId::random(random),
        request: None,
    };
    let mut facts = vec![fact(Activity::StopLifted, Some(anna))];
    facts.extend((0..of_the_system).map(|_| fact(Activity::UserUpdated, None)));
    store.audit().append_many(&facts).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_lets_through_what_was_asked_for_and_pages_go_on() {
    let world = world(250).await;
    let mut reader = signed_in(&world, "reports").await;
    let rows = |body: &str| body.matches("<tr><td>").count();
    let mut page = reader.get("/console/audit?activity=Update+user").await;
    let mut seen = Vec::new();
    loop {
        seen.push(rows(&page.body));
        let Some(link) = page.body.split("id=\"older\" href=\"").nth(1) else { break };
        let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        assert!(link.contains("activity=Update+user"), "{link}");
        page = reader.get(&link).await;
    }
    assert_eq!(seen, [100, 100, 50]);
    let hers = reader.get(&format!("/console/audit?person={ANNA}&success=failure")).await;
    assert_eq!(rows(&hers.body), 1, "{}", hers.body);
    assert!(hers.body.contains("Lift self-service") && hers.body.contains(ANNA));
    for (query, told) in [
        ("person=no.body@contoso.test", "Nobody has this name"),
        ("since=26.11.2026", "A day is written like"),
        ("activity=x", "no such activity"),
        ("success=x", "no such activity"),
    ] {
        let wrong = reader.get(&format!("/console/audit?{query}")).await;
        assert_eq!((wrong.status, rows(&wrong.body)), (StatusCode::UNPROCESSABLE_ENTITY, 0), "{query}");
        assert!(wrong.body.contains(told) && !wrong.body.contains("export.csv"), "{query}");
        let file = reader.get(&format!("/console/audit/export.csv?{query}")).await;
        assert_eq!(file.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_everything_and_is_written_down() {
    let world = world(1_200).await;
    let mut reader = signed_in(&world, "reports").await;
    let table = reader.get("/console/audit/export.csv?activity=Update+user").await;
    assert_eq!(table.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(table.body.as_bytes()).records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1_200, "of three pieces");
    assert!(
        rows.iter().all(|row| row.len() == 13 && row[1] == *"Update user" && row[9] == format!("'{REASON}"))
    );
    let lines = reader.get(&format!("/console/audit/export.json?person={ANNA}")).await;
    let lines: Vec<serde_json::Value> =
        lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["target"], &lines[0]["reason"]), (&ANNA.into(), &REASON.into()));
    let exported = reader.get("/console/audit/export.json?activity=Export+audit").await;
    let reasons: Vec<serde_json::Value> =
        exported.body.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect();
    let reasons: Vec<&str> = reasons.iter().map(|fact| fact["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        ["activity=Export+audit", "person=anna.rossi%40contoso.test", "activity=Update+user"]
    );
    let nobody = crate::browser::Browser::new(&world.app, "en").get("/console/audit/export.csv").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER);
}
