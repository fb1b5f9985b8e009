//! Unlocking an account without a new password.

use axum::http::StatusCode;
use ritorno_identity::mail::Template;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::outcome::{Fault, Operator, Outcome};
use ritorno_protocol::query::Found;

use crate::agent::TestAgent;
use crate::browser::Browser;
use crate::portal::past_the_gate;
use crate::world::World;

/// A world whose tenant lets people unlock, and an agent that finds the account locked or not.
async fn world(unlock_enabled: bool, locked: bool) -> (World, TestAgent) {
    let world = World::new().await;
    let mut tenant = world.tenant.clone();
    tenant.unlock_enabled = unlock_enabled;
    assert!(world.state.store.tenants().update(&tenant).await.unwrap());
    let agent = TestAgent::link(&world).await;
    if let Found::Person { locked: found, .. } = &mut agent.script.lock().unwrap().found {
        *found = locked;
    }
    (world, agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_unlocked_and_keeps_its_password() {
    let (world, agent) = world(true, true).await;
    let mut browser = Browser::new(&world.app, "it-IT,it;q=0.9");
    past_the_gate(&world, &mut browser).await;
    let page = browser.get("/reset/password").await;
    assert!(page.body.contains("action=\"/reset/unlock\""), "{}", page.body);
    let code = SupportCode(page.support_code());
    let answer = browser.post("/reset/unlock", &[]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/reset/outcome"));
    assert_eq!(agent.script.lock().unwrap().opened, [""], "one order, without a password");
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("L&#39;account è sbloccato"), "{}", outcome.body);
    // Nothing was changed that a letter would have to tell.
    let changed =
        |letter: &ritorno_identity::mail::Letter| matches!(letter.template, Template::PasswordChanged { .. });
    assert!(!world.letters().await.iter().any(changed));
    let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
    let named = |fact: &&ritorno_identity::audit::Fact| {
        fact.activity == ritorno_identity::audit::Activity::UnlockAccount
    };
    assert_eq!(facts.iter().filter(named).count(), 1);
    // A second click does nothing again.
    let again = browser.post("/reset/unlock", &[]).await;
    assert_eq!(again.location(), "/reset/outcome");
    assert_eq!(agent.script.lock().unwrap().opened.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_offered_only_to_the_locked_and_where_the_tenant_lets_them() {
    for (enabled, locked) in [(false, true), (true, false)] {
        let (world, agent) = world(enabled, locked).await;
        let mut browser = Browser::new(&world.app, "en");
        past_the_gate(&world, &mut browser).await;
        assert!(!browser.get("/reset/password").await.body.contains("/reset/unlock"));
        if !enabled {
            let answer = browser.post("/reset/unlock", &[]).await;
            assert_eq!(answer.location(), "/reset/password");
            assert!(agent.script.lock().unwrap().opened.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_gate_nothing_is_unlocked() {
    let (world, agent) = world(true, true).await;
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(browser.post("/reset/unlock", &[]).await.status, StatusCode::GONE);
    browser.post("/reset/start", &[("name", "anna.rossi@contoso.test")]).await;
    assert_eq!(browser.post("/reset/unlock", &[]).await.location(), "/reset/code");
    assert!(agent.script.lock().unwrap().opened.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_as_one_and_the_gate_stays_passed() {
    let (world, agent) = world(true, true).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(&world, &mut browser).await;
    let operator = Operator::default();
    agent.script.lock().unwrap().outcome = Outcome::NotApplied { fault: Fault::NoPermission, operator };
    browser.post("/reset/unlock", &[]).await;
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("can&#39;t be unlocked now"), "{}", outcome.body);
    assert!(outcome.body.contains("SSPR_0029"), "{}", outcome.body);
    assert_eq!(browser.get("/reset/password").await.status, StatusCode::OK);
    // The agent is away: the same, without an order.
    let mut tenant = world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap();
    tenant.writeback_enabled = false;
    world.state.store.tenants().update(&tenant).await.unwrap();
    browser.post("/reset/unlock", &[]).await;
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("can&#39;t be unlocked now"), "{}", outcome.body);
    assert_eq!(agent.script.lock().unwrap().opened.len(), 1);
}
