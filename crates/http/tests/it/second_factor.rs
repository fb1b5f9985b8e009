//! Administrators: their second factor, whom they are for, and what they take back from people.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::audit::{Activity, Success};
use ritorno_identity::ids::AdministratorId;
use ritorno_identity::name::SignInName;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::secret::Password;

use crate::browser::{Answer, Browser};
use crate::console::signed_in;
use crate::methods::App;
use crate::register::ANNA;
use crate::world::{PASSWORD, World};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
const NIL: &str = "00000000-0000-0000-0000-000000000000";
pub(crate) const STEP: Duration = Duration::from_secs(30);

async fn world() -> World {
    let world = World::new().await;
    asking(&world).await;
    world
}

/// The tenant asks for a second factor, and has one administrator.
pub(crate) async fn asking(world: &World) {
    let tenant = Tenant { second_factor: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    world.administrator("root", Role::Global, true).await;
}

pub(crate) async fn by_password(world: &World, name: &str) -> (Browser, Answer) {
    let mut browser = Browser::new(&world.app, "en");
    let answer = browser.post("/console/sign-in", &[("name", name), ("password", PASSWORD)]).await;
    (browser, answer)
}

/// Signs in for the first time, and sets an app up.
pub(crate) async fn set_up(world: &World, name: &str) -> (Browser, App) {
    let (mut browser, answer) = by_password(world, name).await;
    assert_eq!(answer.location(), "/console/second");
    assert_eq!(browser.get("/console/second").await.location(), "/console/second/app");
    let app = App::of(&browser.get("/console/second/app").await);
    let done = browser.post("/console/second/app", &[("code", &app.code(world))]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    world.clock.advance(STEP);
    (browser, app)
}

pub(crate) async fn facts(world: &World, activity: Activity) -> Vec<(Success, String)> {
    let facts = world.facts().await;
    let of = facts.into_iter().filter(|fact| fact.activity == activity);
    of.map(|fact| (fact.success, fact.reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_alone_opens_nothing() {
    let world = world().await;
    let (mut half, _) = by_password(&world, "root").await;
    for path in [
        "/console",
        "/console/people",
        "/console/audit",
        "/console/home",
        "/console/onboarding",
        "/console/app",
    ] {
        let answer = half.get(path).await;
        assert!(answer.location().starts_with("/console/second?then="), "{path}: {}", answer.status);
    }
    let switched = half.post("/console/switches", &[("switch", "sspr"), ("on", "false")]).await;
    assert_eq!(switched.location(), "/console/second?then=%2Fconsole%2Fhome");
    assert!(world.state.store.tenants().get(world.tenant.id).await.unwrap().unwrap().sspr_enabled);
    // Nor does it for long.
    let page = half.get("/console/second/app").await;
    assert_eq!(App::of(&page).code(&world), App::of(&half.get("/console/second/app").await).code(&world));
    world.clock.advance(5 * MINUTE);
    assert_eq!(half.get("/console/second/app").await.location(), "/console/sign-in");
    let asked = "the password is right, the second factor is asked for".to_owned();
    assert_eq!(facts(&world, Activity::AdministratorSignIn).await, [(Success::Unknown, asked)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_set_up_once_and_asked_for_from_then_on() {
    let world = world().await;
    let (mut first, app) = set_up(&world, "root").await;
    assert_eq!(first.get("/console").await.status, StatusCode::OK);
    assert_eq!(
        facts(&world, Activity::AdministratorApp).await,
        [(Success::Success, "root: set up".to_owned())]
    );
    let (mut browser, answer) = by_password(&world, "root").await;
    assert_eq!(answer.location(), "/console/second");
    // Whoever knows the password only gets no other one shown.
    for path in ["/console/second/app", "/console/second/picture"] {
        let shown = browser.get(path).await;
        assert!(!shown.body.contains("app-key") && shown.status != StatusCode::OK, "{path}: {}", shown.body);
    }
    let code = app.code(&world);
    assert_eq!(browser.post("/console/second/app", &[("code", &code)]).await.location(), "/console/second");
    let wrong = browser.post("/console/second", &[("code", "000000"), ("then", "/console")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let of_the_half = browser.cookie("__Host-console");
    let right = browser.post("/console/second", &[("code", &code), ("then", "/console/audit")]).await;
    assert_ne!(browser.cookie("__Host-console"), of_the_half, "a new token");
    let mut thief = Browser::new(&world.app, "en");
    thief.set_cookie("__Host-console", &of_the_half);
    assert_eq!(thief.get("/console/second").await.location(), "/console/sign-in", "the former one ends");
    assert_eq!(right.location(), "/console/audit", "{}", right.body);
    assert_eq!(browser.get("/console/audit").await.status, StatusCode::OK);
    let signed_in = facts(&world, Activity::AdministratorSignIn).await;
    assert!(
        signed_in
            .iter()
            .any(|(success, reason)| *success == Success::Failure && reason.contains("code was not"))
    );
    // A code works once, and nobody is led elsewhere by it.
    let (mut again, _) = by_password(&world, "root").await;
    let used = again.post("/console/second", &[("code", &code)]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.clock.advance(STEP);
    let form = [("code", &*app.code(&world)), ("then", "//evil.test")];
    assert_eq!(again.post("/console/second", &form).await.location(), "/console");
    // Taken away from the command line, it is set up anew.
    let (store, tenant) = (&world.state.store, world.tenant.id);
    let root = store.administrators().by_name(tenant, "root").await.unwrap().unwrap();
    assert!(root.app && store.administrator_apps().remove(tenant, root.id).await.unwrap());
    assert!(again.get("/console").await.location().starts_with("/console/second"));
    let page = again.get("/console/second/app").await;
    assert_ne!(App::of(&page).code(&world), app.code(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_an_app_are_not_tried_for_ever() {
    let world = world().await;
    let (_, app) = set_up(&world, "root").await;
    let (mut browser, _) = by_password(&world, "root").await;
    for _ in 0..5 {
        let wrong = browser.post("/console/second", &[("code", "000000")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let right = app.code(&world);
    let stopped = browser.post("/console/second", &[("code", &right)]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "{}", stopped.body);
    // After a while it goes on, and after thirty it is over for the day.
    let mut wrong = 5;
    while wrong < 30 {
        world.clock.advance(18 * MINUTE);
        let (mut browser, _) = by_password(&world, "root").await;
        for _ in 0..5 {
            let answer = browser.post("/console/second", &[("code", "000000")]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "after {wrong}");
            wrong += 1;
        }
    }
    world.clock.advance(18 * MINUTE);
    let (mut browser, _) = by_password(&world, "root").await;
    let stopped = browser.post("/console/second", &[("code", &app.code(&world))]).await;
    assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(28 * 60 * MINUTE);
    let (mut browser, _) = by_password(&world, "root").await;
    let right = browser.post("/console/second", &[("code", &app.code(&world))]).await;
    assert_eq!(right.location(), "/console", "{}", right.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_asks_for_the_app_again() {
    let world = world().await;
    let (mut browser, app) = set_up(&world, "root").await;
    let token = |answer: &Answer| answer.body.contains("It holds until");
    assert!(token(&browser.post("/console/enrolment-tokens", &[]).await), "just shown");
    world.clock.advance(10 * MINUTE);
    assert_eq!(browser.get("/console").await.status, StatusCode::OK, "to look is no danger");
    for (path, form) in [
        ("/console/enrolment-tokens", vec![]),
        ("/console/switches", vec![("switch", "writeback"), ("on", "true")]),
        ("/console/onboarding/confirm", vec![("code", "BCDF-GHJK")]),
        ("/console/agents/writeback", vec![("agent", NIL), ("on", "true")]),
        ("/console/agents/rename", vec![("agent", NIL), ("name", "Milano")]),
        ("/console/agents/forest", vec![("agent", NIL), ("forest", "x.test")]),
        ("/console/agents/revoke", vec![("agent", NIL)]),
        ("/console/agents/removals", vec![("agent", NIL), ("digest", "0")]),
        ("/console/sync/guard", vec![("removals", "1"), ("percent", ""), ("memberships", "1")]),
    ] {
        let asked = browser.post(path, &form).await;
        assert_eq!(asked.location(), "/console/second?then=%2Fconsole%2Fhome", "{path}: {}", asked.body);
    }
    let held = browser.get(&format!("/console/agents/removals?agent={NIL}")).await;
    assert!(
        held.location().starts_with("/console/second?then=%2Fconsole%2Fagents%2Fremovals"),
        "{}",
        held.body
    );
    let asked = browser.get("/console/onboarding").await;
    assert_eq!(asked.location(), "/console/second?then=%2Fconsole%2Fonboarding");
    let form = [("code", &*app.code(&world)), ("then", "/console/onboarding")];
    assert_eq!(browser.post("/console/second", &form).await.location(), "/console/onboarding");
    assert_eq!(browser.get("/console/onboarding").await.status, StatusCode::OK);
    assert!(token(&browser.post("/console/enrolment-tokens", &[]).await));
    // It makes the session no longer.
    for _ in 0..17 {
        world.clock.advance(29 * MINUTE);
        browser.get("/console/people").await;
    }
    assert_eq!(browser.get("/console/people").await.location(), "/console/sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_glass_account_needs_its_password_only_and_is_seen() {
    let world = world().await;
    let random = &*world.state.random;
    let glass = Administrator {
        id: AdministratorId::random(random),
        tenant: world.tenant.id,
        name: "glass".into(),
        person: None,
        mail: None,
        cloud_only: true,
        role: Role::Global,
        scope: Scope::default(),
        break_glass: true,
        app: false,
        passkeys: 0,
        password: PasswordHash::new(&Password::new(PASSWORD.into()), random).unwrap(),
        created_at: world.clock.now(),
    };
    world.state.store.administrators().insert(&glass).await.unwrap();
    let (mut browser, answer) = by_password(&world, "glass").await;
    assert_eq!(answer.location(), "/console");
    world.clock.advance(11 * MINUTE);
    assert!(browser.post("/console/enrolment-tokens", &[]).await.body.contains("It holds until"));
    assert!(!browser.get("/console/second/app").await.body.contains("app-key"));
    let signed_in = facts(&world, Activity::AdministratorSignIn).await;
    assert!(signed_in[0].1.contains("break-glass"), "{signed_in:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_before_is_none_once_an_app_is_asked_for() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let mut browser = signed_in(&world, "root").await;
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    let tenant = Tenant { second_factor: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    assert!(browser.get("/console").await.location().starts_with("/console/second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_for_some_people_finds_and_helps_no_others() {
    let world = World::new().await;
    world.administrator("desk", Role::HelpDesk, true).await;
    world.administrator("auth", Role::Authentication, true).await;
    let (store, tenant) = (&world.state.store, world.tenant.id);
    let set = async |domain: &str| {
        for name in ["desk", "auth"] {
            let account = store.administrators().by_name(tenant, name).await.unwrap().unwrap();
            let scope = Scope { domain: Some(domain.to_owned()), group: None };
            assert!(store.administrators().set_scope(tenant, account.id, &scope).await.unwrap());
        }
    };
    set("contoso.test").await;
    let page = format!("/console/people?name={ANNA}");
    let (mut desk, mut auth) = (signed_in(&world, "desk").await, signed_in(&world, "auth").await);
    assert!(desk.get(&page).await.body.contains("/console/people/lift"));
    for path in ["/console", "/console/audit", "/console/licences"] {
        assert_eq!(desk.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let part = "/console/people?name=.ross";
    assert!(desk.get(part).await.body.contains("anna.rossi%40contoso.test"), "by a part of the name");
    set("fabrikam.test").await;
    assert!(desk.get(part).await.body.contains("Nobody has this name"));
    let none = desk.get(&page).await;
    assert!(
        none.body.contains("Nobody has this name") && none.body.contains("id=\"scoped\""),
        "{}",
        none.body
    );
    let form = [("name", ANNA), ("reason", "Lost the telephone"), ("what", "mail")];
    for path in ["lift", "code", "ask", "approve", "pass"] {
        let answer = desk.post(&format!("/console/people/{path}"), &form).await;
        assert_eq!(answer.location(), "/console/people", "{path}");
    }
    assert_eq!(auth.post("/console/people/revoke", &form).await.location(), "/console/people");
    assert!(world.letters().await.is_empty());
    assert_eq!(facts(&world, Activity::StopLifted).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_registered_is_taken_back_and_they_are_told() {
    let world = World::new().await;
    for (name, role) in [("auth", Role::Authentication), ("desk", Role::HelpDesk)] {
        world.administrator(name, role, true).await;
    }
    let (store, tenant) = (&world.state.store, world.tenant.id);
    let name = SignInName::parse(ANNA).unwrap();
    let anna = async || store.users().by_sign_in_name(tenant, &name).await.unwrap().unwrap();
    let id = anna().await.id;
    let private = "anna.privata@posta.test";
    let own = Some(private);
    let before = anna().await.registered_mail;
    assert!(store.users().set_registered_mail(tenant, id, before.as_deref(), own).await.unwrap());
    let page = format!("/console/people?name={ANNA}");
    let (mut auth, mut desk) = (signed_in(&world, "auth").await, signed_in(&world, "desk").await);
    assert!(!desk.get(&page).await.body.contains("/console/people/revoke"));
    let form = [("name", ANNA), ("what", "mail")];
    assert_eq!(desk.post("/console/people/revoke", &form).await.status, StatusCode::FORBIDDEN);
    assert!(auth.get(&page).await.body.contains("Take back the registered address"));
    let done = auth.post("/console/people/revoke", &form).await;
    assert!(done.location().ends_with("helped=revoked"), "{}", done.location());
    assert_eq!(anna().await.registered_mail, None);
    let told: Vec<String> = world.letters().await.into_iter().filter_map(|letter| letter.to).collect();
    assert!(told.iter().any(|to| to == private) && told.len() > 1, "{told:?}");
    assert_eq!(facts(&world, Activity::MethodRevoked).await, [(Success::Success, "mail".to_owned())]);
    // Twice is once, and nobody takes back what nobody has.
    for what in ["mail", "app", "passkey", "recovery-code"] {
        auth.post("/console/people/revoke", &[("name", ANNA), ("what", what)]).await;
    }
    assert_eq!(
        auth.post("/console/people/revoke", &[("name", ANNA), ("what", "x")]).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(world.letters().await.is_empty());
    assert_eq!(facts(&world, Activity::MethodRevoked).await.len(), 1);
    // Nobody does it to whoever administers the tenant.
    world.administrator(ANNA, Role::HelpDesk, true).await;
    assert!(store.users().set_registered_mail(tenant, id, None, own).await.unwrap());
    assert_eq!(auth.post("/console/people/revoke", &form).await.location(), "/console/people");
    assert_eq!(anna().await.registered_mail.as_deref(), own);
}
