//! Which browsers are known as those of a person: where a reset, an unlocking or a password of the tenant's own was brought to its end.

use std::time::Duration;

use ritorno_identity::mail::Template;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::outcome::{Operator, Outcome};
use ritorno_protocol::policy::Rule;
use ritorno_protocol::query::Found;

use crate::agent::TestAgent;
use crate::agent_api::on_both;
use crate::browser::{Answer, Browser};
use crate::cloud::{
    CARLA, CARLAS_MAIL, choose, past_the_gate as past_the_gate_of_carla, person, with_domain,
};
use crate::portal::{PageContext, past_the_gate};
use crate::world::World;

on_both!(
    a_reset_in_a_browser_that_was_never_used_is_told_as_unusual,
    whoever_loses_the_answer_is_known_by_the_page_of_the_outcome,
    an_account_that_is_unlocked_makes_a_browser_known,
    a_password_of_the_tenants_own_makes_a_browser_known,
);

/// Brings a reset whose gates are passed to its end.
pub(crate) async fn finish(world: &World, browser: &mut Browser) -> Answer {
    let page = PageContext::of(&browser.get("/reset/password").await);
    let answer =
        browser.post_json("/reset/submit", &page.seal(world, &page.context(), "Nuova-Passw0rd!")).await;
    assert!(answer.body.contains("\"state\":\"done\""), "{}", answer.body);
    answer
}

/// What people were told of a new password: whether it was as of an unusual reset, once for each address.
async fn told(world: &World) -> Vec<bool> {
    let mut told = Vec::new();
    // They are told a moment after the page is answered.
    for _ in 0..200 {
        for letter in world.letters().await {
            if let Template::PasswordChanged { unusual, .. } = letter.template {
                told.push(unusual);
            }
        }
        if told.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    told
}

async fn a_reset_in_a_browser_that_was_never_used_is_told_as_unusual(world: &World) {
    let agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    // Whoever passes the gates and breaks off, or is refused, has not made it a browser of theirs.
    let page = past_the_gate(world, &mut browser).await;
    let usual = agent.script.lock().unwrap().outcome.clone();
    let operator = Operator::default();
    agent.script.lock().unwrap().outcome = Outcome::Refused { rule: Rule::Complexity, operator };
    let refused = browser.post_json("/reset/submit", &page.seal(world, &page.context(), "Passw0rd")).await;
    assert!(refused.body.contains("\"state\":\"refused\"") && !refused.makes_known(), "{}", refused.body);
    assert!(!browser.get("/reset/outcome").await.makes_known());
    agent.script.lock().unwrap().outcome = usual;
    for expected in [true, false] {
        past_the_gate(world, &mut browser).await;
        assert!(finish(world, &mut browser).await.makes_known());
        assert_eq!(told(world).await, [expected; 2]);
        // Known already: the page of the outcome says nothing more.
        assert!(!browser.get("/reset/outcome").await.makes_known());
    }
}

async fn whoever_loses_the_answer_is_known_by_the_page_of_the_outcome(world: &World) {
    let _agent = TestAgent::link(world).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(world, &mut browser).await;
    let mut lost = browser.copied_to(crate::world::ORIGIN);
    finish(world, &mut lost).await;
    told(world).await;
    assert!(browser.get("/reset/outcome").await.makes_known());
    past_the_gate(world, &mut browser).await;
    finish(world, &mut browser).await;
    assert_eq!(told(world).await, [false; 2]);
}

async fn an_account_that_is_unlocked_makes_a_browser_known(world: &World) {
    let tenant = Tenant { unlock_enabled: true, ..world.tenant.clone() };
    assert!(world.state.store.tenants().update(&tenant).await.unwrap());
    let agent = TestAgent::link(world).await;
    if let Found::Person { locked, .. } = &mut agent.script.lock().unwrap().found {
        *locked = true;
    }
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(world, &mut browser).await;
    assert!(browser.post("/reset/unlock", &[]).await.makes_known());
}

async fn a_password_of_the_tenants_own_makes_a_browser_known(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate_of_carla(world, &mut browser).await;
    let weak = choose(&mut browser, "short").await;
    assert!(!weak.makes_known(), "{}", weak.body);
    let done = choose(&mut browser, "drei graue Esel im Nebel").await;
    assert_eq!((done.location(), done.makes_known()), ("/reset/outcome", true), "{}", done.body);
}
