//! What a stranger learns at the registration of an address, and what stops them.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use ritorno_http::portal::RELEASED_AFTER;
use ritorno_http::portal::register::ANSWERED_AFTER;
use ritorno_identity::limit::{NAMES_TRIED, PASSWORDS_AT_ONCE};
use ritorno_identity::subject::Subject;
use ritorno_identity::user::{Mastered, User};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::envelope::{Context, Envelope};
use ritorno_protocol::ids::{RequestId, SupportCode};
use ritorno_protocol::outcome::{Fault, Operator, Outcome};

use crate::agent::{TestAgent, done};
use crate::browser::Browser;
use crate::portal::{PageContext, alike};
use crate::register::{ANNA, CURRENT, anna, to_password, verify};
use crate::world::World;

const NOBODY: &str = "anna.verdi@contoso.test";

fn not_applied(fault: Fault) -> Outcome {
    Outcome::NotApplied { fault, operator: Operator { detail: "sign-in: why".into(), ..Operator::default() } }
}

/// An answer without its chance: the next context has the shape that the others have.
fn without_chance(mut told: serde_json::Value) -> serde_json::Value {
    let context = told["context"].as_object_mut().expect("another context");
    for chance in ["anchor", "request", "expires_at"] {
        assert!(context.remove(chance).is_some(), "{chance}");
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_right_gets_one_answer_at_one_time() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    world.person("disabled", Some("d@mail.test")).await;
    let disabled = "disabled@contoso.test";
    let name = ritorno_identity::name::SignInName::parse(disabled).unwrap();
    let users = world.state.store.users();
    let user = users.by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap();
    users.update(&User { enabled: false, ..user }, 1).await.unwrap();
    let cloud_only = world.person("cloud", Some("c@mail.test")).await;
    users.update(&User { mastered: Mastered::CloudOnly, ..cloud_only }, 1).await.unwrap();

    let unknown = Outcome::Unknown { operator: Operator::default() };
    let mut answers = Vec::new();
    for (name, outcome, why) in [
        (ANNA, not_applied(Fault::WrongOldPassword), "WrongOldPassword"),
        (ANNA, not_applied(Fault::AccountLocked), "AccountLocked"),
        (ANNA, not_applied(Fault::AccountDisabled), "AccountDisabled"),
        (ANNA, not_applied(Fault::Protected), "Protected"),
        (NOBODY, done(), "nobody has this name"),
        (disabled, done(), "SSPR_0011"),
        ("cloud@contoso.test", done(), "comes from no directory"),
    ] {
        agent.script.lock().unwrap().outcome = outcome;
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, name).await;
        let shown = browser.get("/register/password").await;
        let began = tokio::time::Instant::now();
        let told = verify(&world, &mut browser, &page).await;
        let took = began.elapsed();
        let slack = Duration::from_millis(500);
        assert!(took >= ANSWERED_AFTER && took < ANSWERED_AFTER + slack, "{name}, {why}: {took:?}, {told}");
        assert_eq!(told["state"], "refused");
        let next: Context = serde_json::from_value(told["context"].clone()).unwrap();
        assert!(next.request != page.context().request && next.anchor == page.context().anchor);
        answers.push(without_chance(told));
        // Nothing of it is on a page, and nobody comes any further.
        assert_eq!(browser.get("/register/address").await.location(), "/register/password");
        assert_eq!(browser.post("/register/remove", &[]).await.location(), "/register/password");
        let code = SupportCode(shown.support_code());
        let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
        let last = facts.last().unwrap();
        assert!(last.reason.contains(why), "{}", last.reason);
        assert_eq!(last.success.as_str(), "failure");
    }
    for answer in &answers[1..] {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(agent.script.lock().unwrap().opened.len(), 4, "a decoy's password goes to no agent");
    // An unknown outcome is looked at for some seconds by the relay; it is not 'right' either.
    agent.script.lock().unwrap().outcome = unknown;
    let mut browser = Browser::new(&world.app, "en");
    let page = to_password(&mut browser, ANNA).await;
    assert_eq!(without_chance(verify(&world, &mut browser, &page).await), answers[0]);
    // With the context of the answer the right one goes through, once the tries of this hour are forgotten.
    world.clock.advance(Duration::from_secs(4_200));
    agent.script.lock().unwrap().outcome = not_applied(Fault::WrongOldPassword);
    let page = to_password(&mut browser, ANNA).await;
    let told = verify(&world, &mut browser, &page).await;
    agent.script.lock().unwrap().outcome = done();
    let next: Context = serde_json::from_value(told["context"].clone()).unwrap();
    let again = browser.post_json("/register/verify", &page.seal_current(&world, &next, CURRENT)).await;
    assert!(again.body.contains("\"done\""), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_names_look_alike() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    for name in [ANNA, NOBODY, "senza.posta@contoso.test", "x@elsewhere.test"] {
        let mut browser = Browser::new(&app, "en");
        let before = counted.statements();
        let began = tokio::time::Instant::now();
        let start = browser.post("/register/start", &[("name", name)]).await;
        assert!(began.elapsed() >= RELEASED_AFTER);
        let statements = counted.statements() - before;
        let before = counted.statements();
        let mut page = browser.get("/register/password").await;
        let context = PageContext::of(&page).context();
        // What differs for every name and every page: the object and the request that the page seals for.
        for chance in
            [context.anchor.0.clone(), context.request.to_string(), context.expires_at.unix_ms().to_string()]
        {
            assert!(page.body.contains(&chance), "{chance}: {}", page.body);
            page.body = page.body.replace(&chance, "CHANCE");
        }
        let at = page.body.find("server_time").unwrap();
        page.body.replace_range(at..at + "server_time&#34;:0000000000000".len(), "TIME");
        let steps = (alike(&start), statements, alike(&page), counted.statements() - before);
        assert!(statements > 3 && steps.3 > 0);
        assert_eq!(browser.get("/register/password").await.status, StatusCode::OK);
        seen.push((name, steps));
    }
    for (name, steps) in &seen[1..] {
        assert_eq!(steps, &seen[0].1, "{name}");
    }
    // The invented object stays the same, as a person's does; and there is one spelling only.
    let mut browser = Browser::new(&app, "en");
    let first = to_password(&mut browser, NOBODY).await.context().anchor;
    assert_eq!(to_password(&mut browser, "ANNA.Verdi@Contoso.test").await.context().anchor, first);
    let answer = browser.post("/register/start", &[("name", "CONTOSO\\anna.rossi")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Here a sign-in name looks like"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_tried_five_times_from_one_network() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    agent.script.lock().unwrap().outcome = not_applied(Fault::WrongOldPassword);
    join_all([ANNA, NOBODY].map(async |name| {
        for _ in 0..5 {
            let mut browser = Browser::new(&world.app, "en");
            let page = to_password(&mut browser, name).await;
            assert!(verify(&world, &mut browser, &page).await["context"].is_object());
        }
    }))
    .await;
    for name in [ANNA, NOBODY] {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, name).await;
        let opened = agent.script.lock().unwrap().opened.len();
        let told = verify(&world, &mut browser, &page).await;
        assert!(told["context"].is_null(), "{told}");
        assert!(told["message"].as_str().unwrap().contains("Too many passwords"), "{told}");
        assert_eq!(agent.script.lock().unwrap().opened.len(), opened, "it was taken to the directory");
    }
    // An hour later the person goes on; and a right password is no try.
    world.clock.advance(Duration::from_secs(4_200));
    agent.script.lock().unwrap().outcome = done();
    for _ in 0..6 {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, ANNA).await;
        assert_eq!(verify(&world, &mut browser, &page).await["state"], "done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_of_a_person_is_looked_at_at_a_time() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    agent.script.lock().unwrap().outcome = not_applied(Fault::WrongOldPassword);
    for (name, asked) in [(ANNA, 1), (NOBODY, 1)] {
        let told = join_all((0..4).map(async |_| {
            let mut browser = Browser::new(&world.app, "en");
            let page = to_password(&mut browser, name).await;
            verify(&world, &mut browser, &page).await
        }))
        .await;
        let looked_at = told.iter().filter(|told| told["context"].is_object()).count();
        assert_eq!(looked_at, 1, "{name}: {told:?}");
        assert_eq!(agent.script.lock().unwrap().opened.len(), asked, "{name}");
    }
    // What was not asked was not counted: four tries are left.
    for _ in 0..4 {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, ANNA).await;
        assert!(verify(&world, &mut browser, &page).await["context"].is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_use_up_what_the_agents_take() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let tries = join_all((0..20).map(async |number| {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, &format!("nobody{number}@contoso.test")).await;
        verify(&world, &mut browser, &page).await
    }));
    assert!(tries.await.iter().all(|told| told["context"].is_object()));
    let mut browser = Browser::new(&world.app, "en");
    let page = to_password(&mut browser, ANNA).await;
    let told = verify(&world, &mut browser, &page).await;
    assert!(told["message"].as_str().unwrap().contains("busy"), "{told}");
    assert!(agent.script.lock().unwrap().opened.is_empty());
    // A reset goes through all the while, and a minute later so does a registration.
    let mut other = Browser::new(&world.app, "en");
    crate::portal::past_the_gate(&world, &mut other).await;
    world.clock.advance(Duration::from_secs(70));
    let page = to_password(&mut browser, ANNA).await;
    assert_eq!(verify(&world, &mut browser, &page).await["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn hammering_from_elsewhere_does_not_stop_a_known_browser() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut known = Browser::new(&world.app, "en");
    crate::portal::past_the_gate(&world, &mut known).await;
    crate::known_browser::finish(&world, &mut known).await;
    let said_known = || {
        let order = agent.script.lock().unwrap().orders.last().unwrap().clone();
        order["known_browser"].as_bool().unwrap_or(false)
    };
    agent.script.lock().unwrap().outcome = not_applied(Fault::WrongOldPassword);
    // What one network may try for her name, what may be looked at at once, and what a tenant may try in a minute.
    for _ in 0..5 {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, ANNA).await;
        assert!(verify(&world, &mut browser, &page).await["context"].is_object());
        assert!(!said_known());
    }
    join_all((0..15).map(async |number| {
        let mut browser = Browser::new(&world.app, "en");
        let page = to_password(&mut browser, &format!("nobody{number}@contoso.test")).await;
        verify(&world, &mut browser, &page).await
    }))
    .await;
    let limits = world.state.store.limits();
    let subject = Subject::of_user(&world.state.pepper, world.tenant.id, anna(&world).await.id);
    let now = world.clock.now();
    assert!(limits.count(world.tenant.id, &PASSWORDS_AT_ONCE, &subject, now).await.unwrap());
    let network = Subject::of_network(&world.state.pepper, world.tenant.id, "0.0.0.0");
    while limits.count(world.tenant.id, &NAMES_TRIED, &network, now).await.unwrap() {}
    let mut stranger = Browser::new(&world.app, "en");
    let asked = stranger.post("/register/start", &[("name", ANNA)]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", asked.body);

    // Her own mistakes are counted in her browser, and the agent is told whose it is; right is right.
    for _ in 0..2 {
        let page = to_password(&mut known, ANNA).await;
        assert!(verify(&world, &mut known, &page).await["context"].is_object());
        assert!(said_known());
    }
    agent.script.lock().unwrap().outcome = done();
    let page = to_password(&mut known, ANNA).await;
    assert_eq!(verify(&world, &mut known, &page).await["state"], "done");
    // And not for ever.
    agent.script.lock().unwrap().outcome = not_applied(Fault::WrongOldPassword);
    for number in 0..9 {
        let page = to_password(&mut known, ANNA).await;
        let told = verify(&world, &mut known, &page).await;
        assert_eq!(told["context"].is_object(), number < 8, "{number}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_handed_out_is_verified_once_and_opens_no_reset() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = to_password(&mut browser, ANNA).await;
    let mut invented = page.context();
    invented.request = RequestId::random(&*world.state.random);
    let mut tampered: Envelope =
        serde_json::from_str(&page.seal_current(&world, &page.context(), CURRENT)).unwrap();
    tampered.context.anchor.0 = "paolo.bianchi==".into();
    for body in [page.seal_current(&world, &invented, CURRENT), serde_json::to_string(&tampered).unwrap()] {
        let answer = browser.post_json("/register/verify", &body).await;
        assert!(answer.body.contains("\"failed\""), "{}", answer.body);
    }
    let mut stranger = Browser::new(&world.app, "en");
    let sealed = page.seal_current(&world, &page.context(), CURRENT);
    assert_eq!(stranger.post_json("/register/verify", &sealed).await.status, StatusCode::GONE);
    assert!(agent.script.lock().unwrap().opened.is_empty());

    let page = to_password(&mut browser, ANNA).await;
    let sealed = page.seal_current(&world, &page.context(), CURRENT);
    assert!(browser.post_json("/register/verify", &sealed).await.body.contains("\"done\""));
    let replayed = browser.post_json("/register/verify", &sealed).await;
    assert_eq!(replayed.status, StatusCode::CONFLICT, "{}", replayed.body);
    assert_eq!(agent.script.lock().unwrap().opened, [CURRENT]);

    // What is proven here opens no reset, even in a browser that calls its cookie the other name.
    browser.rename_cookie("__Host-register", "__Host-flow");
    assert_eq!(browser.get("/reset/password").await.status, StatusCode::GONE);
    assert_eq!(browser.get("/register/address").await.status, StatusCode::GONE);
    assert_eq!(anna(&world).await.registered_mail, None);
}
