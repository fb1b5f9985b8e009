//! A known password is changed: by whoever wants to, and by whoever has to.

use axum::http::StatusCode;
use ritorno_identity::mail::Template;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::envelope::Operation;
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};

use crate::agent::{TestAgent, done};
use crate::browser::{Answer, Browser};
use crate::portal::PageContext;
use crate::register::{ANNA, CURRENT, proven, to_password};
use crate::world::World;

const NEW: &str = "Nuova-Passw0rd-1";

/// Proves the password at `path`, and gives what the page's script is answered.
pub(crate) async fn prove(
    world: &World,
    browser: &mut Browser,
    page: &PageContext,
    path: &str,
) -> serde_json::Value {
    let answer = browser.post_json(path, &page.seal_current(world, &page.context(), CURRENT)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) async fn submit(world: &World, browser: &mut Browser) -> Answer {
    let page = PageContext::of(&browser.get("/reset/password").await);
    assert_eq!(page.context().operation, Operation::Change);
    browser.post_json("/reset/submit", &page.seal_change(world, CURRENT, NEW)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_another_password_proves_the_one_they_have() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(browser.get("/.well-known/change-password").await.location(), "/change");
    let front = browser.get("/change").await;
    assert!(front.body.contains("name=\"then\" value=\"change\""), "{}", front.body);
    let start = browser.post("/register/start", &[("name", ANNA), ("then", "change")]).await;
    assert_eq!(start.location(), "/register/password?then=change");
    let page = PageContext::of(&browser.get("/register/password?then=change").await);
    let told = prove(&world, &mut browser, &page, "/register/verify?then=change").await;
    assert_eq!((&told["state"], &told["location"]), (&"done".into(), &"/reset/password".into()));
    let page = browser.get("/reset/password").await;
    assert!(
        page.body.contains("id=\"current-password\"") && page.body.contains("At least 7"),
        "{}",
        page.body
    );
    assert!(submit(&world, &mut browser).await.body.contains("\"done\""));
    assert_eq!(agent.script.lock().unwrap().opened, [CURRENT.to_owned(), format!("{CURRENT} -> {NEW}")]);
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("works"), "{}", outcome.body);
    // What follows an outcome is written down after it is told.
    let code = SupportCode(outcome.support_code());
    let facts = async {
        loop {
            let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
            let done = facts.iter().any(|fact| fact.activity.name() == "Change password (self-service)");
            // What the former password proved is worth nothing any more.
            let ended = browser.get("/register/methods").await.status == StatusCode::GONE;
            if done && ended {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), facts).await.expect("it is written down");
    let letters = world.letters().await;
    assert!(letters.iter().all(|letter| matches!(letter.template, Template::PasswordChanged { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_to_change_it_is_led_straight_there() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "it");
    let Outcome::Done(plain) = done() else { panic!("done is done") };
    agent.script.lock().unwrap().outcome = Outcome::Done(Done { must_change: true, ..plain });
    // They came to register something.
    let page = to_password(&mut browser, ANNA).await;
    let told = prove(&world, &mut browser, &page, "/register/verify").await;
    assert_eq!(told["location"], "/reset/password");
    // Nothing can be registered before it is changed.
    for path in ["/register/methods", "/register/app", "/register/address", "/register/recovery-codes"] {
        assert_eq!(browser.get(path).await.location(), "/register/password", "{path}");
    }
    let codes = browser.post("/register/recovery-codes", &[]).await;
    assert_eq!(codes.location(), "/register/password", "{}", codes.body);
    agent.script.lock().unwrap().outcome = done();
    assert!(submit(&world, &mut browser).await.body.contains("\"done\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_may_change_and_nothing_else() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let tenant = Tenant { unlock_enabled: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(browser.post("/register/change-password", &[]).await.status, StatusCode::GONE);
    to_password(&mut browser, ANNA).await;
    let unproven = browser.post("/register/change-password", &[]).await;
    assert_eq!(unproven.location(), "/register/password");
    let mut browser = Browser::new(&world.app, "en");
    proven(&world, &mut browser).await;
    let begun = browser.post("/register/change-password", &[]).await;
    assert_eq!(begun.location(), "/reset/password", "{}", begun.body);
    // No unlocking, and no new password without the old one: the envelope's operation is bound.
    assert_eq!(browser.post("/reset/unlock", &[]).await.location(), "/reset/password");
    let page = PageContext::of(&browser.get("/reset/password").await);
    let mut reset = page.context();
    reset.operation = Operation::Reset;
    let answer = browser.post_json("/reset/submit", &page.seal(&world, &reset, NEW)).await;
    assert!(answer.body.contains("\"failed\""), "{}", answer.body);
    assert_eq!(agent.script.lock().unwrap().opened, [CURRENT], "nothing but the proof");

    // A wrong one is told as that, and can be typed again.
    let wrong = Outcome::NotApplied { fault: Fault::WrongOldPassword, operator: Operator::default() };
    agent.script.lock().unwrap().outcome = wrong;
    assert!(submit(&world, &mut browser).await.body.contains("\"failed\""));
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("current password was not right"), "{}", outcome.body);
    // So is an account that is locked, or nearly: it is neither the directory that is busy nor for ever.
    let locked = Outcome::NotApplied { fault: Fault::AccountLocked, operator: Operator::default() };
    agent.script.lock().unwrap().outcome = locked;
    assert!(submit(&world, &mut browser).await.body.contains("\"failed\""));
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("or reset your password, which unlocks"), "{}", outcome.body);
    agent.script.lock().unwrap().outcome = done();
    assert!(submit(&world, &mut browser).await.body.contains("\"done\""));
}
