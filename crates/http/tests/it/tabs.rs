//! Two tabs or windows of one browser: what is sent second is not taken, and that is told.

use axum::http::{HeaderName, StatusCode};
use ritorno_identity::flow::FORMER_WAITS;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::browser::{Answer, Browser};
use crate::portal::{PageContext, past_the_gate};
use crate::register::{ANNA, OWN, code, proven};
use crate::world::{ORIGIN, World};

const OTHER: &str = "/reset/outcome?other=tab";

on_both!(
    the_password_that_was_sent_first_counts,
    the_page_of_an_earlier_reset_sends_nothing_for_the_one_that_followed,
    an_answer_to_a_form_says_so_to_its_page,
    a_code_that_is_sent_twice_at_once_leads_on
);

async fn the_password_that_was_sent_first_counts(world: &World) {
    let agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    let first = past_the_gate(world, &mut browser).await;
    let second = PageContext::of(&browser.get("/reset/password").await);
    let sealed = second.seal(world, &second.context(), "Another-Passw0rd");
    assert_eq!(browser.post_json("/reset/submit", &sealed).await.status, StatusCode::OK);
    let sealed = first.seal(world, &first.context(), "Late-Passw0rd");
    let late = browser.post_json("/reset/submit", &sealed).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains(OTHER), "{}", late.body);
    assert_eq!(agent.script.lock().unwrap().opened, ["Another-Passw0rd"]);
    assert!(browser.get(OTHER).await.body.contains("id=\"other-tab\""));
    assert!(!browser.get("/reset/outcome").await.body.contains("id=\"other-tab\""));
}

async fn the_page_of_an_earlier_reset_sends_nothing_for_the_one_that_followed(world: &World) {
    let agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    let first = past_the_gate(world, &mut browser).await;
    let sealed = first.seal(world, &first.context(), "Late-Passw0rd");
    // Another one is begun, and waits for its code.
    browser.post("/reset/start", &[("name", "anna.rossi@contoso.test")]).await;
    let late = browser.post_json("/reset/submit", &sealed).await;
    assert!(late.body.contains(OTHER), "{}", late.body);
    let place = browser.get(OTHER).await;
    assert_eq!(place.location(), "/reset/code?other=tab");
    assert!(browser.get("/reset/code?other=tab").await.body.contains("id=\"other-tab\""));
    world.letters().await;
    // And once its gate is passed.
    past_the_gate(world, &mut browser).await;
    assert_eq!(browser.post_json("/reset/submit", &sealed).await.status, StatusCode::OK);
    let told = browser.get("/reset/outcome").await;
    assert!(told.body.contains("the page of an earlier reset"), "{}", told.body);
    assert!(agent.script.lock().unwrap().opened.is_empty());
}

async fn an_answer_to_a_form_says_so_to_its_page(world: &World) {
    let _agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    let says = |answer: &Answer| {
        answer.headers.get(HeaderName::from_static("server-timing")).is_some_and(|value| value == "answer")
    };
    let fault = browser.post("/reset/start", &[("name", "anna")]).await;
    assert_eq!(fault.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(says(&fault) && fault.body.contains("data-here=\"/\""), "{}", fault.body);
    assert!(!says(&browser.get("/").await));
    // What leads elsewhere leaves nothing in the history.
    assert!(!says(&browser.post("/reset/start", &[("name", "anna.rossi@contoso.test")]).await));
}

async fn a_code_that_is_sent_twice_at_once_leads_on(world: &World) {
    let _agent = TestAgent::link(world).await;
    // Without a script a form can be sent twice, and its second answer is the one that is shown.
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let sent = world.code("anna.rossi@mail.test").await;
    let mut again = browser.copied_to(ORIGIN);
    let (fields, place) = ([("code", sent.as_str())], "/reset/code");
    let (first, second) = tokio::join!(browser.post(place, &fields), again.post(place, &fields));
    // One of them is led on by itself, in a moment: whose answer a browser has kept nobody knows.
    let led_on = |answer: &Answer| {
        answer.location() == "/reset/password"
            || answer.headers.get("refresh").is_some_and(|then| then == "4; url=/reset/password")
    };
    assert!(led_on(&first) && led_on(&second), "{}\n{}", first.body, second.body);
    world.clock.advance(FORMER_WAITS);
    let mut page = again.get("/reset/password").await;
    if page.location() == "/reset/password" {
        page = again.get("/reset/password").await;
    }
    assert!(page.body.contains("password-form"), "{}", page.body);

    let mut browser = Browser::new(&world.app, "en");
    proven(world, &mut browser).await;
    browser.post("/register/address", &[("address", OWN)]).await;
    let sent = code(world, OWN).await;
    let mut again = browser.copied_to(ORIGIN);
    let (fields, place) = ([("code", sent.as_str())], "/register/code");
    let (first, second) = tokio::join!(browser.post(place, &fields), again.post(place, &fields));
    assert_eq!(
        (first.location(), second.location()),
        ("/register/done", "/register/done"),
        "{}",
        second.body
    );
}
