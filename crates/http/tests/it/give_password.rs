//! An administrator gives a caller a generated password, which they have to change.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Fact, Success};
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::language::Language;
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::RequestId;
use ritorno_protocol::outcome::{Operator, Outcome};
use ritorno_protocol::policy::Rule;
use serde_json::{Value, json};

use crate::agent::{TestAgent, done};
use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::{Answer, Browser};
use crate::cloud::{self, CARLA, CARLAS_MAIL, FIRST};
use crate::console::signed_in;
use crate::follow_up;
use crate::methods::App;
use crate::portal::PageContext;
use crate::register::ANNA;
use crate::world::{PASSWORD, World};

on_both!(one_of_the_tenants_own_is_given_one_and_has_to_change_it);

const PAOLO: &str = "paolo.bianchi@contoso.test";
const GIVEN: &str = "Kmbra-tzdew-pvnhg-47293";
const SEALED: &str = "/console/people/password/sealed";
const KEPT: &str = "/console/people/password/kept";

pub(crate) async fn user(world: &World, name: &str) -> User {
    let name = SignInName::parse(name).unwrap();
    world.state.store.users().by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap()
}

/// The page on which somebody is given a password, by a case of this operator that a colleague has cleared.
async fn page_for(world: &World, desk: &mut Browser, name: &str) -> String {
    let reason = [("name", name), ("reason", "her first day")];
    let sent = desk.post("/console/people/code", &reason).await;
    assert!(sent.location().contains("helped=sent"), "{}", sent.location());
    let code = world
        .letters()
        .await
        .into_iter()
        .find_map(|letter| match letter.template {
            Template::HelpDeskCode { code, .. } => Some(code),
            _ => None,
        })
        .unwrap();
    let (desks, now) = (world.state.store.help_desk(), world.clock.now());
    let case = desks.open_case(world.tenant.id, user(world, name).await.id, now).await.unwrap().unwrap();
    let case = case.id.to_string();
    let page = format!("/console/people/password?name={name}&case={case}");
    assert!(desk.get(&page).await.location().contains("helped=closed"), "it is not cleared yet");
    let read_out = [("name", name), ("case", case.as_str()), ("code", code.as_str())];
    assert!(desk.post("/console/people/code/check", &read_out).await.location().contains("helped=right"));
    page
}

async fn world() -> World {
    let world = World::new().await;
    for name in ["desk", "colleague"] {
        world.administrator(name, Role::HelpDesk, true).await;
    }
    world
}

fn said(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

async fn facts(world: &World) -> Vec<Fact> {
    world.facts().await.into_iter().filter(|fact| fact.activity == Activity::ResetByAdministrator).collect()
}

/// The addresses that were told that a password was given.
async fn told(world: &World) -> Vec<String> {
    let mut told = Vec::new();
    for letter in world.letters().await {
        let Template::PasswordGiven { operator, .. } = &letter.template else { panic!("{letter:?}") };
        assert_eq!(operator, "desk");
        told.extend(letter.to);
    }
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_given_a_sealed_password_once() {
    let world = world().await;
    let agent = TestAgent::link(&world).await;
    let mut desk = signed_in(&world, "desk").await;
    let page = page_for(&world, &mut desk, PAOLO).await;
    let person = desk.get(&format!("/console/people?name={PAOLO}")).await;
    assert!(
        person.body.contains("id=\"give-password\" href=\"/console/people/password?name="),
        "{}",
        person.body
    );
    let shown = desk.get(&page).await;
    whole(&shown, Language::English, ["Make a password and set it", ""]);
    let context = PageContext::of(&shown);
    // A colleague neither opens the page nor sends what it was given.
    let mut colleague = signed_in(&world, "colleague").await;
    assert!(colleague.get(&page).await.location().contains("helped=closed"));
    let envelope = context.seal(&world, &context.context(), GIVEN);
    let theirs = said(&colleague.post_json(SEALED, &envelope).await);
    assert_eq!(theirs["state"], "failed", "{theirs}");

    // A rule that refuses it leaves the case open, and the same page sends another one.
    agent.script.lock().unwrap().outcome =
        Outcome::Refused { rule: Rule::History { remembered: None }, operator: Operator::default() };
    let refused = said(&desk.post_json(SEALED, &envelope).await);
    assert_eq!(refused["state"], "refused", "{refused}");
    let next = serde_json::from_value(refused["context"].clone()).unwrap();
    let again = said(&desk.post_json(SEALED, &envelope).await);
    assert_eq!(again["state"], "unknown", "the same envelope is not sent twice: {again}");
    agent.script.lock().unwrap().outcome = done();
    let envelope = context.seal(&world, &next, GIVEN);
    let given = said(&desk.post_json(SEALED, &envelope).await);
    assert_eq!(given["state"], "done", "{given}");
    let (opened, orders) = {
        let script = agent.script.lock().unwrap();
        (script.opened.clone(), script.orders.clone())
    };
    assert_eq!(opened, [GIVEN, GIVEN]);
    for order in orders {
        assert_eq!((&order["initiator"], &order["must_change"]), (&json!("administrator"), &json!(true)));
    }
    assert_eq!(told(&world).await, [PAOLO, "paolo@mail.test"]);
    let facts = facts(&world).await;
    let ends: Vec<Success> = facts.iter().map(|fact| fact.success).collect();
    assert_eq!(ends, [Success::Success, Success::Failure]);
    assert!(
        facts
            .iter()
            .all(|fact| fact.support_code.as_ref().map(|code| &code.0) == Some(&shown.support_code()))
    );
    assert!(facts.iter().all(|fact| fact.reason.ends_with("her first day") && !fact.reason.contains(GIVEN)));
    // The case has served: for another password, and for a pass.
    assert!(desk.get(&page).await.location().contains("helped=closed"));
    let case = page.rsplit('=').next().unwrap();
    let pass = desk.post("/console/people/pass", &[("name", PAOLO), ("case", case)]).await;
    assert!(pass.location().contains("helped=closed"), "{}", pass.location());
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(ritorno_http::portal::follow_up::once(&world.state).await.unwrap(), 0, "nothing is owed");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_gates_are_asked_for_a_code_is_not_enough() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let mut desk = signed_in(&world, "desk").await;
    let page = page_for(&world, &mut desk, PAOLO).await;
    let person = format!("/console/people?name={PAOLO}");
    assert!(desk.get(&person).await.body.contains("id=\"give-password\""));
    let gate_policy = GatePolicy::new(2, vec![Method::Mail, Method::App], 2, true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    assert!(!desk.get(&person).await.body.contains("id=\"give-password\""));
    assert!(desk.get(&page).await.location().contains("helped=closed"));
    // A pass leaves the other gate.
    let case = page.rsplit('=').next().unwrap();
    let pass = desk.post("/console/people/pass", &[("name", PAOLO), ("case", case)]).await;
    assert_eq!(pass.status, StatusCode::OK, "{}", pass.location());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_the_server_was_away_is_told_as_an_administrators() {
    let world = world().await;
    let desk = world.state.store.administrators().by_name(world.tenant.id, "desk").await.unwrap().unwrap();
    let mut request = follow_up::dispatched(&world, &user(&world, PAOLO).await);
    request.administrator = Some(desk.id);
    world.state.store.requests().begin(&request, None).await.unwrap();
    follow_up::finish(&world, &request, &done()).await;
    world.clock.advance(follow_up::AFTER);
    assert_eq!(ritorno_http::portal::follow_up::once(&world.state).await.unwrap(), 1);
    assert_eq!(told(&world).await, [PAOLO, "paolo@mail.test"]);
    let [fact] = &facts(&world).await[..] else { panic!() };
    assert_eq!(fact.actor, ritorno_identity::audit::Actor::Administrator(desk.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_one_by_whom_it_is_not_for_or_without_a_fresh_proof() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    world.administrator("hybrid", Role::HybridIdentity, true).await;
    let mut hybrid = signed_in(&world, "hybrid").await;
    assert_eq!(hybrid.get("/console/people/password?name=x").await.status, StatusCode::FORBIDDEN);
    let mut desk = signed_in(&world, "desk").await;
    let page = page_for(&world, &mut desk, PAOLO).await;
    let context = PageContext::of(&desk.get(&page).await);
    let envelope = context.seal(&world, &context.context(), GIVEN);
    // Whoever becomes an administrator meanwhile is above the help desk.
    world.administrator(PAOLO, Role::HelpDesk, true).await;
    assert_eq!(desk.get(&page).await.location(), "/console/people");
    assert_eq!(said(&desk.post_json(SEALED, &envelope).await)["state"], "failed");
    let themselves = signed_in(&world, PAOLO).await.get(&page).await;
    assert_eq!(themselves.location(), "/console/people");
    assert!(facts(&world).await.is_empty());

    // A session that was left open on a desk is asked for the app's code, and leads back to the page.
    let tenant = Tenant { second_factor: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut desk = Browser::new(&world.app, "en");
    desk.post("/console/sign-in", &[("name", "desk"), ("password", PASSWORD)]).await;
    let app = App::of(&desk.get("/console/second/app").await);
    desk.post("/console/second/app", &[("code", &app.code(&world))]).await;
    let page = page_for(&world, &mut desk, ANNA).await;
    let context = PageContext::of(&desk.get(&page).await);
    world.clock.advance(Duration::from_secs(11 * 60));
    assert!(
        desk.get(&page).await.location().starts_with("/console/second?then=%2Fconsole%2Fpeople%2Fpassword")
    );
    let envelope = context.seal(&world, &context.context(), GIVEN);
    let stale = said(&desk.post_json(SEALED, &envelope).await);
    assert_eq!(
        (&stale["state"], &stale["location"]),
        (&json!("failed"), &json!("/console/second?then=/console/people"))
    );
    assert!(facts(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn why_nobody_can_be_given_one_is_said_before() {
    let world = world().await;
    let mut desk = signed_in(&world, "desk").await;
    let page = page_for(&world, &mut desk, PAOLO).await;
    let shown = desk.get(&page).await;
    assert!(shown.body.contains("SSPR_0030") && !shown.body.contains("give-form"), "{}", shown.body);
    let off = Tenant { writeback_enabled: false, ..world.tenant.clone() };
    world.state.store.tenants().update(&off).await.unwrap();
    assert!(desk.get(&page).await.body.contains("SSPR_0010"));
}

async fn one_of_the_tenants_own_is_given_one_and_has_to_change_it(world: &World) {
    cloud::with_domain(world, |_| ()).await;
    let carla = cloud::person(world, CARLA, CARLAS_MAIL).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    cloud::reset(world, FIRST).await;
    let mut before = Browser::new(&world.app, "en");
    cloud::sign_in(&mut before, CARLA, FIRST).await;

    let mut desk = signed_in(world, "desk").await;
    let page = page_for(world, &mut desk, CARLA).await;
    let shown = desk.get(&page).await;
    let context = PageContext::of(&shown).value();
    assert_eq!((&context["submit"], context.get("recipients")), (&json!(KEPT), None));
    let body = |request: &Value, new: &str| json!({ "request": request, "new": new }).to_string();
    let invented = json!(RequestId::random(&*world.state.random));
    assert_eq!(said(&desk.post_json(KEPT, &body(&invented, GIVEN)).await)["state"], "failed");
    // The tenant's rules hold for it.
    let refused = said(&desk.post_json(KEPT, &body(&context["request"], "kurz")).await);
    assert_eq!(refused["state"], "refused", "{refused}");
    let given = said(&desk.post_json(KEPT, &body(&refused["request"], GIVEN)).await);
    assert_eq!(given["state"], "done", "{given}");
    assert_eq!(told(world).await, [CARLAS_MAIL]);
    assert_eq!(before.get("/account").await.status, StatusCode::SEE_OTHER, "her session has ended");

    // It opens nothing but the change.
    let mut browser = Browser::new(&world.app, "en");
    cloud::to_password(&mut browser, CARLA).await;
    let led = cloud::check(&mut browser, GIVEN).await;
    assert_eq!((led.status, led.location()), (StatusCode::SEE_OTHER, "/reset/password"), "{}", led.body);
    assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
    let change = async |browser: &mut Browser, new: &str| {
        let fields = [("current", GIVEN), ("new", new), ("again", new)];
        browser.post("/reset/cloud-password", &fields).await
    };
    assert_eq!(change(&mut browser, GIVEN).await.status, StatusCode::UNPROCESSABLE_ENTITY, "to another one");
    assert_eq!(change(&mut browser, FIRST).await.location(), "/reset/outcome");
    let mut after = Browser::new(&world.app, "en");
    cloud::sign_in(&mut after, CARLA, FIRST).await;
    assert_eq!(after.get("/account").await.status, StatusCode::OK);
    let kept =
        world.state.store.cloud_passwords().kept(world.tenant.id, Some(carla.id)).await.unwrap().unwrap();
    assert!(!kept.must_change);
    let nobody = AdministratorId::random(&*world.state.random);
    let fact = &facts(world).await[0];
    assert!(
        fact.actor != ritorno_identity::audit::Actor::Administrator(nobody) && fact.target == Some(carla.id)
    );
}
