//! People whose directory is the tenant itself: how they choose a password, sign in, and change it. On both databases, without an agent.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::Activity;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::licence::{Grant, Licensing};
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::{Mastered, Provisioned, User};
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::UserId;

use crate::agent_api::on_both;
use crate::browser::{Answer, Browser};
use crate::portal::alike;
use crate::work::works;
use crate::world::{PASSWORD, World};

on_both!(
    a_password_is_chosen_and_signs_in,
    a_change_takes_the_current_password_once_more,
    a_reset_ends_every_session,
    what_the_policy_forbids_is_refused,
    without_a_licence_there_is_a_change_and_no_reset,
    names_of_directories_are_stopped_and_those_of_the_tenant_go_on,
    one_way_leads_to_one_password,
    a_new_password_registers_and_removes_nothing_for_65_minutes,
    a_password_is_the_same_from_every_keyboard,
    what_is_taken_back_ends_every_session,
);

pub(crate) const DOMAIN: &str = "cloud.contoso.test";
pub(crate) const CARLA: &str = "carla.neri@cloud.contoso.test";
pub(crate) const CARLAS_MAIL: &str = "carla@mail.test";
pub(crate) const FIRST: &str = "quattro gatti in fila";
const SECOND: &str = "cinque galline sul tetto";

/// The tenant with a domain of its own people, and what `change` makes of it.
pub(crate) async fn with_domain(world: &World, change: impl FnOnce(&mut Tenant)) -> Tenant {
    let mut tenant = Tenant { cloud_domains: vec![DOMAIN.to_owned()], ..world.tenant.clone() };
    change(&mut tenant);
    assert!(world.state.store.tenants().update(&tenant).await.unwrap());
    tenant
}

/// Puts somebody in whom the tenant itself keeps.
pub(crate) async fn person(world: &World, name: &str, mail: &str) -> User {
    let now = world.clock.now();
    let user = User {
        id: UserId::random(&*world.state.random),
        tenant: world.tenant.id,
        user_principal_name: name.to_owned(),
        display_name: "Carla Neri".to_owned(),
        mail: None,
        alternate_mail: Some(mail.to_owned()),
        registered_mail: None,
        mobile: None,
        registered_mobile: None,
        language: None,
        enabled: true,
        mastered: Mastered::CloudOnly,
        provisioned: Provisioned::default(),
        password_expires_at: None,
        licence: Grant::Free,
        selected: true,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    world.state.store.users().insert(&user).await.unwrap();
    user
}

/// Walks past the gate of a reset, to the page of the new password.
pub(crate) async fn past_the_gate(world: &World, browser: &mut Browser) -> Answer {
    let start = browser.post("/reset/start", &[("name", CARLA)]).await;
    assert_eq!((start.status, start.location()), (StatusCode::SEE_OTHER, "/reset/code"), "{}", start.body);
    let code = world.code(CARLAS_MAIL).await;
    let passed = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!((passed.status, passed.location()), (StatusCode::SEE_OTHER, "/reset/password"));
    browser.get("/reset/password").await
}

/// The fields that are said to be wrong.
fn invalid(page: &Answer) -> Vec<&str> {
    let fields = page.body.split("<input id=\"").skip(1).map(|rest| rest.split('>').next().unwrap());
    let wrong = fields.filter(|field| field.contains("aria-invalid=\"true\""));
    wrong
        .map(|field| {
            let said = field.split("aria-describedby=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(said.split(' ').any(|id| id == "fault"), "{field}");
            field.split('"').next().unwrap()
        })
        .collect()
}

pub(crate) async fn choose(browser: &mut Browser, password: &str) -> Answer {
    browser.post("/reset/cloud-password", &[("new", password), ("again", password)]).await
}

/// Resets to that password.
pub(crate) async fn reset(world: &World, password: &str) {
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(world, &mut browser).await;
    let done = choose(&mut browser, password).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/reset/outcome"), "{}", done.body);
    let letters = world.letters().await;
    assert!(letters.iter().any(|letter| matches!(letter.template, Template::PasswordChanged { .. })));
}

/// Gives a name at the door of one's own page, and goes on to the page of the password.
pub(crate) async fn to_password(browser: &mut Browser, name: &str) -> Answer {
    let mut start = browser.post("/register/start", &[("name", name), ("then", "account")]).await;
    if start.status == StatusCode::OK {
        // The name was given often: this browser works for it, as a real one does.
        start = works(browser, "/register/start", name, &start).await;
    }
    assert!(start.location().starts_with("/register/password"), "{}", start.body);
    browser.get("/register/password?then=account").await
}

/// Types the password there.
pub(crate) async fn check(browser: &mut Browser, password: &str) -> Answer {
    browser.post("/register/check", &[("password", password), ("then", "account")]).await
}

/// Signs in.
pub(crate) async fn sign_in(browser: &mut Browser, name: &str, password: &str) {
    to_password(browser, name).await;
    let answer = check(browser, password).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account"), "{}", answer.body);
}

/// What is in the audit of that kind, earliest first: how it ended, and why.
async fn facts(world: &World, activity: Activity) -> Vec<(&'static str, String)> {
    let facts = world.facts().await.into_iter().rev().filter(|fact| fact.activity == activity);
    facts.map(|fact| (fact.success.as_str(), fact.reason)).collect()
}

async fn a_password_is_chosen_and_signs_in(world: &World) {
    with_domain(world, |_| ()).await;
    let carla = person(world, CARLA, CARLAS_MAIL).await;
    let mut browser = Browser::new(&world.app, "en");
    assert!(browser.get("/").await.body.contains("href=\"/signin\""));
    let page = past_the_gate(world, &mut browser).await;
    // A plain form: nobody to seal it for, and no script.
    assert!(
        page.body.contains("action=\"/reset/cloud-password\"")
            && page.body.contains("At least 15 characters")
    );
    assert!(!page.body.contains("data-context") && !page.body.contains("noscript"), "{}", page.body);
    let differ = [("new", FIRST), ("again", "another")];
    let differ = browser.post("/reset/cloud-password", &differ).await;
    assert_eq!(differ.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        invalid(&differ) == ["again-password"]
            && differ.body.contains("The two are not the same")
            && !differ.body.contains(FIRST),
        "{}",
        differ.body
    );
    let done = choose(&mut browser, FIRST).await;
    assert_eq!(done.location(), "/reset/outcome", "{}", done.body);
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("The new password works now") && outcome.body.contains("href=\"/signin\""));
    assert!(!outcome.body.contains("laptop"), "nothing of it is anywhere else: {}", outcome.body);
    let letters = world.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to.as_deref(), Some(CARLAS_MAIL));
    assert!(matches!(letters[0].template, Template::PasswordChanged { .. }), "{:?}", letters[0].template);
    let told = facts(world, Activity::ResetPassword).await;
    assert_eq!(told, [("success", "kept in the tenant".to_owned())]);

    // It is nowhere in the clear, and signs in.
    let stored =
        world.state.store.cloud_passwords().get(world.tenant.id, Some(carla.id)).await.unwrap().unwrap();
    assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let mut browser = Browser::new(&world.app, "en");
    assert_eq!(browser.get("/account").await.location(), "/signin");
    assert!(browser.get("/signin").await.body.contains("name=\"then\" value=\"account\""));
    let page = to_password(&mut browser, CARLA).await;
    assert!(page.body.contains("action=\"/register/check\"") && !page.body.contains("data-context"));
    let before = browser.cookie("__Host-register");
    let wrong = check(&mut browser, SECOND).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("do not fit together"), "{}", wrong.body);
    assert_eq!(browser.get("/account").await.location(), "/register/password?then=account");
    let right = check(&mut browser, FIRST).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/account"), "{}", right.body);
    let account = browser.get("/account").await;
    for words in ["Carla Neri", CARLA, "/register/methods", "/register/change-password", "You have 1"] {
        assert!(account.body.contains(words), "{words}: {}", account.body);
    }
    assert!(browser.get("/register/methods").await.body.contains("href=\"/account\""));
    let signed_in = facts(world, Activity::SignIn).await;
    let signed_in: Vec<_> = signed_in.iter().map(|(success, _)| *success).collect();
    assert_eq!(signed_in, ["failure", "success"]);
    // Whoever had the cookie from before the proof has nothing of the session.
    let mut planted = Browser::new(&world.app, "en");
    planted.set_cookie("__Host-register", &before);
    assert_eq!(planted.get("/account").await.location(), "/signin");
    // Signed out, here and in the database.
    let session = browser.cookie("__Host-register");
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/signin");
    assert_eq!(browser.get("/account").await.location(), "/signin");
    planted.set_cookie("__Host-register", &session);
    assert_eq!(planted.get("/account").await.location(), "/signin");
}

async fn a_change_takes_the_current_password_once_more(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let mut browser = Browser::new(&world.app, "it");
    sign_in(&mut browser, CARLA, FIRST).await;
    // Nobody names themselves again.
    let begun = browser.post("/register/change-password", &[]).await;
    assert_eq!(begun.location(), "/reset/password", "{}", begun.body);
    let page = browser.get("/reset/password").await;
    assert!(
        page.body.contains("name=\"current\"") && page.body.contains("Almeno 15 caratteri"),
        "{}",
        page.body
    );
    let wanted = [("current", FIRST), ("new", SECOND), ("again", SECOND)];
    for (current, new, words, field) in [
        (SECOND, "tre civette sul comò", "La password attuale non era giusta", "current-password"),
        ("", SECOND, "La password attuale non era giusta", "current-password"),
        (FIRST, FIRST, "id=\"fault\"", "new-password"),
    ] {
        let fields = [("current", current), ("new", new), ("again", new)];
        let refused = browser.post("/reset/cloud-password", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(words), "{words}: {}", refused.body);
        assert_eq!(invalid(&refused), [field]);
    }
    let done = browser.post("/reset/cloud-password", &wanted).await;
    assert_eq!(done.location(), "/reset/outcome", "{}", done.body);
    assert!(browser.get("/reset/outcome").await.body.contains("funziona"));
    let told = facts(world, Activity::ChangePassword).await;
    assert_eq!(told.last().unwrap(), &("success", "kept in the tenant".to_owned()));
    assert_eq!(told.iter().filter(|(success, _)| *success == "failure").count(), 3);
    // The session that knew the former one is over, and the former one is worth nothing.
    assert_eq!(browser.get("/account").await.location(), "/signin");
    to_password(&mut browser, CARLA).await;
    assert_eq!(check(&mut browser, FIRST).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(check(&mut browser, SECOND).await.location(), "/account");
    // The other door leads straight to the change.
    let mut other = Browser::new(&world.app, "en");
    other.post("/register/start", &[("name", CARLA), ("then", "change")]).await;
    let page = other.get("/register/password?then=change").await;
    assert!(page.body.contains("name=\"then\" value=\"change\""), "{}", page.body);
    let right = other.post("/register/check", &[("password", SECOND), ("then", "change")]).await;
    assert_eq!(right.location(), "/reset/password", "{}", right.body);
    assert!(other.get("/reset/password").await.body.contains("name=\"current\""));
}

async fn a_reset_ends_every_session(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let mut browsers = [Browser::new(&world.app, "en"), Browser::new(&world.app, "en")];
    for browser in &mut browsers {
        sign_in(browser, CARLA, FIRST).await;
    }
    let removed = browsers[1].post("/register/remove", &[]).await;
    assert_eq!(removed.location(), "/register/methods", "{}", removed.body);
    reset(world, SECOND).await;
    for browser in &mut browsers {
        assert_eq!(browser.get("/account").await.location(), "/signin");
        assert_eq!(browser.get("/register/methods").await.status, StatusCode::GONE);
    }
}

async fn what_the_policy_forbids_is_refused(world: &World) {
    with_domain(world, |tenant| tenant.banned_words = vec!["contoso".into()]).await;
    let carla = person(world, CARLA, CARLAS_MAIL).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(world, &mut browser).await;
    let long: String = "abcdefghi ".chars().cycle().take(257).collect();
    for (password, words) in [
        ("quattordici...", "at least 15 characters"),
        (long.as_str(), "at most 256 characters"),
        ("viva carla bella!", "your account name or a part of your name"),
        ("forza c0nt0so forza", "word"),
        ("passwordpassword", "known to others"),
        ("098765432109876", "known to others"),
    ] {
        let refused = choose(&mut browser, password).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        let fault = refused.body.split("id=\"fault\">").nth(1).unwrap().split('<').next().unwrap();
        assert!(fault.contains(words), "{password}: {fault}");
        assert!(!refused.body.contains(password), "a password is on the page");
    }
    let stored = world.state.store.cloud_passwords().get(world.tenant.id, Some(carla.id)).await.unwrap();
    assert!(stored.is_none());
    assert_eq!(facts(world, Activity::ResetPassword).await.len(), 6);
    assert_eq!(choose(&mut browser, &long[..256]).await.location(), "/reset/outcome");
}

async fn without_a_licence_there_is_a_change_and_no_reset(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    with_domain(world, |tenant| tenant.licensing = Licensing::Assigned).await;
    let mut browser = Browser::new(&world.app, "en");
    let start = browser.post("/reset/start", &[("name", CARLA)]).await;
    assert_eq!(start.location(), "/reset/code");
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    let Template::Withheld { sspr_code, .. } = &letter.template else { panic!("{:?}", letter.template) };
    assert_eq!(sspr_code, "SSPR_0012");
    sign_in(&mut browser, CARLA, FIRST).await;
    // What only a reset would need is not asked for.
    assert!(!browser.get("/account").await.body.contains("id=\"due\""));
    browser.post("/register/change-password", &[]).await;
    let fields = [("current", FIRST), ("new", SECOND), ("again", SECOND)];
    assert_eq!(browser.post("/reset/cloud-password", &fields).await.location(), "/reset/outcome");
    // A page that was open since before the licence was taken away tells it.
    with_domain(world, |_| ()).await;
    world.letters().await;
    let mut open = Browser::new(&world.app, "en");
    past_the_gate(world, &mut open).await;
    with_domain(world, |tenant| tenant.licensing = Licensing::Assigned).await;
    assert_eq!(choose(&mut open, FIRST).await.location(), "/reset/password");
    let told = open.get("/reset/password").await;
    assert!(told.body.contains("SSPR_0012"), "{}", told.body);
}

async fn names_of_directories_are_stopped_and_those_of_the_tenant_go_on(world: &World) {
    // No agent is live, and the tenant has nobody of its own: that is told before anything else.
    let mut browser = Browser::new(&world.app, "en");
    assert!(browser.get("/").await.body.contains("SSPR_0030"));
    assert!(browser.get("/signin").await.body.contains("SSPR_0030"));
    with_domain(world, |_| ()).await;
    for (front, path, fields) in
        [("/", "/reset/start", vec![]), ("/signin", "/register/start", vec![("then", "account")])]
    {
        assert!(browser.get(front).await.body.contains("name=\"name\""));
        let mut told = Vec::new();
        for name in ["anna.rossi@contoso.test", "anna.verdi@contoso.test"] {
            let fields: Vec<_> = fields.iter().copied().chain([("name", name)]).collect();
            let stopped = browser.post(path, &fields).await;
            assert_eq!(stopped.status, StatusCode::OK);
            assert!(stopped.body.contains("SSPR_0030"), "{}", stopped.body);
            told.push(alike(&stopped));
        }
        assert_eq!(told[0], told[1]);
    }
    // What is off for the whole tenant is off for its own people too.
    with_domain(world, |tenant| tenant.sspr_enabled = false).await;
    assert!(browser.get("/").await.body.contains("SSPR_0009"), "{}", browser.get("/").await.body);
    let start = browser.post("/register/start", &[("name", CARLA), ("then", "account")]).await;
    assert_eq!(start.location(), "/signin");
}

async fn one_way_leads_to_one_password(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(world, &mut browser).await;
    let cookie = browser.cookie("__Host-flow");
    let tries = futures_util::future::join_all((0..6).map(async |number| {
        let mut tab = Browser::new(&world.app, "en");
        tab.set_cookie("__Host-flow", &cookie);
        let password = format!("{number} gatti in fila");
        choose(&mut tab, &password).await;
    }));
    tries.await;
    let kept = facts(world, Activity::ResetPassword).await;
    assert_eq!(kept.iter().filter(|(success, _)| *success == "success").count(), 1, "{kept:?}");
    let late = choose(&mut browser, FIRST).await;
    assert_eq!(late.location(), "/reset/outcome?other=tab", "it has ended");
    assert!(browser.get(late.location()).await.body.contains("id=\"other-tab\""));
    // Nobody without a way of their own, and no hybrid person, stores anything here.
    let mut nobody = Browser::new(&world.app, "en");
    assert_eq!(choose(&mut nobody, FIRST).await.status, StatusCode::GONE);
}

async fn a_new_password_registers_and_removes_nothing_for_65_minutes(world: &World) {
    with_domain(world, |tenant| {
        let methods = vec![Method::Mail, Method::App, Method::Passkey, Method::RecoveryCode, Method::Sms];
        tenant.gate_policy = GatePolicy::new(1, methods, 2, true).unwrap();
        tenant.require_registration = true;
    })
    .await;
    let carla = person(world, CARLA, CARLAS_MAIL).await;
    // By one gate, as the help desk's pass is.
    reset(world, FIRST).await;
    let (users, hers) = (world.state.store.users(), Some("hers@private.test"));
    assert!(users.set_registered_mail(world.tenant.id, carla.id, None, hers).await.unwrap());
    let registered = async || users.get(world.tenant.id, carla.id).await.unwrap().unwrap().registered_mail;
    let mut browser = Browser::new(&world.app, "en");
    sign_in(&mut browser, CARLA, FIRST).await;
    // Nobody is led for ever to what they can't do.
    let account = browser.get("/account").await;
    assert!(account.status == StatusCode::OK && account.body.contains("id=\"later\""), "{}", account.body);
    let methods = browser.get("/register/methods").await;
    assert!(methods.body.contains("Your password is new") && !methods.body.contains("id=\"required\""));
    assert!(!methods.body.contains("href=\"/register/app\"") && methods.body.contains("href=\"/account\""));
    for page in ["/register/address", "/register/app", "/register/passkey", "/register/mobile"] {
        assert_eq!(browser.get(page).await.location(), "/register/methods", "{page}");
    }
    for (form, fields) in [
        ("/register/address", vec![("address", "mine@intruder.test")]),
        ("/register/remove", vec![]),
        ("/register/app", vec![("code", "123456")]),
        ("/register/app/remove", vec![]),
        ("/register/passkey", vec![("answer", "{}")]),
        ("/register/mobile", vec![("number", "+393331234567")]),
        ("/register/mobile/remove", vec![]),
        ("/register/recovery-codes", vec![]),
        ("/register/recovery-codes/remove", vec![]),
    ] {
        let answer = browser.post(form, &fields).await;
        assert!(
            answer.location() == "/register/methods" || answer.status == StatusCode::UNPROCESSABLE_ENTITY,
            "{form}: {} {}",
            answer.status,
            answer.body
        );
    }
    assert_eq!(registered().await.as_deref(), hers);
    // A change is no way around it, and what is new then is new again.
    world.clock.advance(Duration::from_secs(64 * 60));
    sign_in(&mut browser, CARLA, FIRST).await;
    browser.post("/register/change-password", &[]).await;
    let fields = [("current", FIRST), ("new", SECOND), ("again", SECOND)];
    assert_eq!(browser.post("/reset/cloud-password", &fields).await.location(), "/reset/outcome");
    world.clock.advance(Duration::from_secs(65 * 60 - 1));
    sign_in(&mut browser, CARLA, SECOND).await;
    assert_eq!(browser.post("/register/remove", &[]).await.location(), "/register/methods");
    assert_eq!(registered().await.as_deref(), hers);
    world.clock.advance(Duration::from_secs(1));
    assert!(!browser.get("/register/methods").await.body.contains("id=\"later\""));
    assert_eq!(browser.post("/register/remove", &[]).await.location(), "/register/done");
    assert_eq!(registered().await, None);
}

async fn a_password_is_the_same_from_every_keyboard(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    // Written as one sign when it is chosen, as a letter and its accent later, and the other way round.
    reset(world, "perch\u{e9} no, perch\u{e9} no?").await;
    sign_in(&mut Browser::new(&world.app, "en"), CARLA, "perche\u{301} no, perche\u{301} no?").await;
    reset(world, "cosi\u{300} e\u{300} andata ieri").await;
    sign_in(&mut Browser::new(&world.app, "en"), CARLA, "cos\u{ec} \u{e8} andata ieri").await;
}

async fn what_is_taken_back_ends_every_session(world: &World) {
    with_domain(world, |_| ()).await;
    let carla = person(world, CARLA, CARLAS_MAIL).await;
    let users = world.state.store.users();
    let hers = Some("hers@private.test");
    reset(world, FIRST).await;
    assert!(users.set_registered_mail(world.tenant.id, carla.id, None, hers).await.unwrap());
    let mut browser = Browser::new(&world.app, "en");
    sign_in(&mut browser, CARLA, FIRST).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    world.administrator("auth", Role::Authentication, true).await;
    let mut console = Browser::new(&world.app, "en");
    console.post("/console/sign-in", &[("name", "auth"), ("password", PASSWORD)]).await;
    let back = console.post("/console/people/revoke", &[("name", CARLA), ("what", "mail")]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.body);
    let carla = users.get(world.tenant.id, carla.id).await.unwrap().unwrap();
    assert_eq!(carla.registered_mail, None);
    assert_eq!(browser.get("/account").await.location(), "/signin");
}
