//! Signing in to one's own page: by the directory, for how long, and what is asked of whoever lacks something.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::audit::Activity;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::method::Method;
use ritorno_identity::sspr::ReconfirmAfter;
use ritorno_identity::tenant::Tenant;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::change::prove;
use crate::cloud::{CARLA, CARLAS_MAIL, FIRST, check, person, reset, sign_in, to_password, with_domain};
use crate::methods::register_app;
use crate::portal::PageContext;
use crate::register::{ANNA, CURRENT};
use crate::world::World;

on_both!(
    whoever_comes_from_a_directory_signs_in_by_it,
    a_session_lasts_while_it_is_used_for_an_hour,
    whoever_lacks_something_is_led_there_first,
    whoever_has_not_looked_for_long_is_led_there_first,
);

const MINUTE: Duration = Duration::from_secs(60);

/// Anna signs in by an agent.
async fn anna_signs_in(world: &World, browser: &mut Browser) {
    let page = PageContext::of(&to_password(browser, ANNA).await);
    let told = prove(world, browser, &page, "/register/verify?then=account").await;
    assert_eq!((&told["state"], &told["location"]), (&"done".into(), &"/account".into()), "{told}");
}

/// The tenant asks for two ways, or for a look after 30 days, and says whether that is a must.
async fn asks(world: &World, to_register: u8, must: bool) -> Tenant {
    with_domain(world, |tenant| {
        let methods = vec![Method::Mail, Method::App, Method::RecoveryCode];
        tenant.gate_policy = GatePolicy::new(1, methods, to_register, true).unwrap();
        tenant.reconfirm_after = ReconfirmAfter::from_days(30).unwrap();
        tenant.require_registration = must;
    })
    .await
}

async fn whoever_comes_from_a_directory_signs_in_by_it(world: &World) {
    with_domain(world, |_| ()).await;
    let agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = to_password(&mut browser, ANNA).await;
    assert!(page.body.contains("data-context") && page.body.contains("/register/verify?then=account"));
    assert!(page.body.contains("href=\"/register/password?then=account&amp;lang=it\""), "{}", page.body);
    let before = browser.cookie("__Host-register");
    let page = PageContext::of(&page);
    let told = prove(world, &mut browser, &page, "/register/verify?then=account").await;
    assert_eq!(told["location"], "/account", "{told}");
    let account = browser.get("/account").await;
    assert!(account.body.contains("anna rossi") && account.body.contains(ANNA), "{}", account.body);
    // The password went to the agent, sealed, and the browser has another token since.
    assert_eq!(agent.script.lock().unwrap().opened, [CURRENT]);
    let mut planted = Browser::new(&world.app, "en");
    planted.set_cookie("__Host-register", &before);
    assert_eq!(planted.get("/account").await.location(), "/signin");
    assert!(planted.get("/register/methods").await.status == StatusCode::GONE);
    let facts = world.facts().await;
    let fact = facts.iter().find(|fact| fact.activity == Activity::SignIn).unwrap();
    assert_eq!((fact.success.as_str(), fact.activity.name()), ("success", "Sign in user"));
    // On to what is registered, and to another password, without proving or naming anything again.
    assert_eq!(browser.get("/register/methods").await.status, StatusCode::OK);
    assert_eq!(browser.post("/register/change-password", &[]).await.location(), "/reset/password");
    assert!(browser.get("/reset/password").await.body.contains("id=\"current-password\""));
    // Whoever is switched off meanwhile is told.
    let anna = crate::register::anna(world).await;
    let off = ritorno_identity::user::User { enabled: false, ..anna.clone() };
    world.state.store.users().update(&off, anna.version).await.unwrap();
    assert!(browser.get("/account").await.body.contains("SSPR_0011"));
}

async fn a_session_lasts_while_it_is_used_for_an_hour(world: &World) {
    let _agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    anna_signs_in(world, &mut browser).await;
    for _ in 0..4 {
        world.clock.advance(MINUTE * 14);
        assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    }
    // An hour after its begin it is over, however much it is used.
    world.clock.advance(MINUTE * 4);
    assert_eq!(browser.get("/account").await.location(), "/signin");
    anna_signs_in(world, &mut browser).await;
    world.clock.advance(MINUTE * 15);
    assert_eq!(browser.get("/account").await.location(), "/signin");
    // What was not proven is not kept alive by being looked at.
    let mut waiting = Browser::new(&world.app, "en");
    to_password(&mut waiting, ANNA).await;
    world.clock.advance(MINUTE * 14);
    assert_eq!(waiting.get("/account").await.location(), "/register/password?then=account");
    world.clock.advance(MINUTE);
    assert_eq!(waiting.get("/account").await.location(), "/signin");
}

async fn whoever_lacks_something_is_led_there_first(world: &World) {
    person(world, CARLA, CARLAS_MAIL).await;
    asks(world, 2, false).await;
    reset(world, FIRST).await;
    // A password that is not new any more.
    world.clock.advance(MINUTE * 65);
    let mut browser = Browser::new(&world.app, "en");
    // While it is no must it is told, and nothing is closed.
    sign_in(&mut browser, CARLA, FIRST).await;
    let account = browser.get("/account").await;
    assert!(account.status == StatusCode::OK && account.body.contains("asks you to register more ways"));
    assert!(!browser.get("/register/methods").await.body.contains("id=\"required\""));
    asks(world, 2, true).await;
    for language in Language::ALL {
        let mut browser = Browser::new(&world.app, language.tag());
        sign_in(&mut browser, CARLA, FIRST).await;
        assert_eq!(browser.get("/account").await.location(), "/register/methods");
        let page = browser.get("/register/methods").await;
        whole(&page, language, ["Before you can go on", "Prima di andare avanti"]);
        assert!(
            page.body.contains("id=\"wanted\"") && !page.body.contains("href=\"/account\""),
            "{}",
            page.body
        );
    }
    register_app(world, &mut browser).await;
    let page = browser.get("/register/methods").await;
    assert!(
        !page.body.contains("id=\"required\"") && page.body.contains("href=\"/account\""),
        "{}",
        page.body
    );
    assert!(browser.get("/account").await.body.contains("You have 2"));
}

async fn whoever_has_not_looked_for_long_is_led_there_first(world: &World) {
    person(world, CARLA, CARLAS_MAIL).await;
    asks(world, 1, true).await;
    reset(world, FIRST).await;
    let mut browser = Browser::new(&world.app, "en");
    sign_in(&mut browser, CARLA, FIRST).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    world.clock.advance(MINUTE * 60 * 24 * 30);
    to_password(&mut browser, CARLA).await;
    assert_eq!(check(&mut browser, FIRST).await.location(), "/account");
    assert_eq!(browser.get("/account").await.location(), "/register/methods");
    let page = browser.get("/register/methods").await;
    assert!(page.body.contains("id=\"required\"") && page.body.contains("id=\"confirm\""), "{}", page.body);
    browser.post("/register/confirm", &[]).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_account() {
    for language in Language::ALL {
        let world = World::new().await;
        with_domain(&world, |_| ()).await;
        person(&world, CARLA, CARLAS_MAIL).await;
        reset(&world, FIRST).await;
        let mut browser = Browser::new(&world.app, language.tag());
        whole(&browser.get("/signin").await, language, ["Sign in", "Accedi"]);
        let page = to_password(&mut browser, CARLA).await;
        whole(&page, language, ["Type your current password.", "Scrivi la password attuale."]);
        let wrong = check(&mut browser, "sbagliata").await;
        whole(&wrong, language, ["do not fit together", "non vanno insieme"]);
        check(&mut browser, FIRST).await;
        whole(&browser.get("/account").await, language, ["Your account", "Il tuo account"]);
        let later = browser.get("/register/methods").await;
        whole(&later, language, ["Your password is new.", "La tua password è nuova."]);
        browser.post("/register/change-password", &[]).await;
        let change = browser.get("/reset/password").await;
        whole(&change, language, ["once more, and the new one", "ancora una volta la password attuale"]);
        let fields = [("current", FIRST), ("new", "abc"), ("again", "abc")];
        let refused = browser.post("/reset/cloud-password", &fields).await;
        whole(&refused, language, ["at least 15 characters", "almeno 15 caratteri"]);
        let fields = [("current", FIRST), ("new", "altri sei gatti"), ("again", "altri sei gatti")];
        browser.post("/reset/cloud-password", &fields).await;
        let done = browser.get("/reset/outcome").await;
        whole(&done, language, ["is signed out everywhere", "è stato disconnesso ovunque"]);
    }
}
