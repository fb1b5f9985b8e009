//! The gates: an authenticator app, recovery codes, two gates, and the same pages for everybody.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::flow::FlowState;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::limit::STARTS;
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::ids::SupportCode;
use totp_rs::{Builder, Secret};

use crate::agent::TestAgent;
use crate::both_languages::whole;
use crate::browser::{Answer, Browser};
use crate::known_browser::finish;
use crate::portal::{PageContext, alike};
use crate::register::{ANNA, CURRENT, anna, proven, to_password};
use crate::world::World;

const ANNAS_MAIL: &str = "anna.rossi@mail.test";
const NOBODY: &str = "anna.verdi@contoso.test";
/// What a browser sends of a passkey that nobody registered.
const NOBODYS_PASSKEY: &str = r#"{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"authenticatorData":"AAAA",
"clientDataJSON":"e30","signature":"AAAA","userHandle":"AAAAAAAAAAAAAAAAAAAAAA"},"extensions":{}}"#;
const STEP: Duration = Duration::from_secs(30);

/// An authenticator app that somebody typed a key into.
pub(crate) struct App(totp_rs::Totp);

impl App {
    /// From the page that shows the key.
    pub(crate) fn of(page: &Answer) -> Self {
        let mark = "id=\"app-key\">";
        let at = page.body.find(mark).expect("a page with a key") + mark.len();
        let key: String = page.body[at..].chars().take_while(|c| *c != '<').filter(|c| *c != ' ').collect();
        let secret = Secret::try_from_base32(key).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    pub(crate) fn code(&self, world: &World) -> String {
        self.0.generate(u64::try_from(world.clock.now().unix_ms() / 1_000).unwrap()).to_string()
    }
}

/// Registers an app, for somebody who has proven their password.
pub(crate) async fn register_app(world: &World, browser: &mut Browser) -> App {
    let app = App::of(&browser.get("/register/app").await);
    let done = browser.post("/register/app", &[("code", &app.code(world))]).await;
    assert_eq!(done.location(), "/register/methods?done=app", "{}", done.body);
    // The step of the code that confirmed it is used up.
    world.clock.advance(STEP);
    app
}

/// The codes on the page that shows them.
fn written_down(page: &Answer) -> Vec<String> {
    let list = page.body.split("id=\"recovery-codes\"").nth(1).expect("a page with codes");
    let list = list.split("</ol>").next().unwrap();
    list.split("class=\"code\">").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

pub(crate) async fn policy(world: &World, gates: u8, methods: &[Method]) {
    let gate_policy = GatePolicy::new(gates, methods.to_vec(), gates, true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
}

/// Which notices went out, each to every address, and whether one names anybody's secret.
pub(crate) async fn told(world: &World) -> Vec<(Method, AddressChange)> {
    let mut told = Vec::new();
    for letter in world.letters().await {
        let Template::MethodChanged { method, change, .. } = letter.template else { continue };
        assert!([ANNA, ANNAS_MAIL].contains(&letter.to.unwrap().as_str()));
        told.push((method, change));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_registered_and_opens_the_gate_once_a_code() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    // Nothing is shown to whoever has not proven their password.
    assert_eq!(browser.get("/register/app").await.status, StatusCode::GONE);
    proven(&world, &mut browser).await;
    let page = browser.get("/register/app").await;
    let app = App::of(&page);
    assert_eq!(App::of(&browser.get("/register/app").await).code(&world), app.code(&world), "loaded again");
    let picture = browser.get("/register/app/picture").await;
    assert_eq!(picture.headers["content-type"], "image/svg+xml");
    assert!(picture.body.contains("<svg") && !picture.body.contains("<script"), "{}", picture.body);
    for (typed, words) in [("12", "six digits"), ("000000", "not the code of this key")] {
        let fault = browser.post("/register/app", &[("code", typed)]).await;
        assert_eq!(fault.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(fault.body.contains(words), "{}", fault.body);
    }
    let first = app.code(&world);
    let app = register_app(&world, &mut browser).await;
    let list = browser.get("/register/methods").await;
    assert!(list.body.contains("An app is registered."), "{}", list.body);
    assert_eq!(told(&world).await, [(Method::App, AddressChange::Registered); 2]);
    let facts = world.state.store.audit();
    let facts = facts.by_support_code(world.tenant.id, &SupportCode(list.support_code())).await.unwrap();
    assert_eq!(facts.last().unwrap().activity.name(), "User registered security info");

    // Forgotten: no mail is needed. The code that confirmed the app is used up, and so is each that passed.
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    for typed in ["12345", &first, "999999"] {
        let fault = browser.post("/reset/app", &[("code", typed)]).await;
        assert_eq!(fault.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", fault.body);
    }
    let code = app.code(&world);
    let passed = browser.post("/reset/app", &[("code", &code)]).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
    PageContext::of(&browser.get("/reset/password").await);
    let mut again = Browser::new(&world.app, "en");
    again.post("/reset/start", &[("name", ANNA)]).await;
    let used = again.post("/reset/app", &[("code", &code)]).await;
    assert!(used.body.contains("Each code works once"), "{}", used.body);

    // Another app takes its place, and is removed.
    let mut browser = Browser::new(&world.app, "en");
    proven(&world, &mut browser).await;
    let other = register_app(&world, &mut browser).await;
    assert_eq!(told(&world).await, [(Method::App, AddressChange::Replaced); 2]);
    again.post("/reset/start", &[("name", ANNA)]).await;
    let former = again.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(former.status, StatusCode::UNPROCESSABLE_ENTITY);
    browser.post("/register/app/remove", &[]).await;
    assert!(browser.get("/register/methods").await.body.contains("No app is registered."));
    assert_eq!(told(&world).await, [(Method::App, AddressChange::Removed); 2]);
    let removed = again.post("/reset/app", &[("code", &other.code(&world))]).await;
    assert_eq!(removed.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_are_shown_once_and_used_once() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    let shown = owner.post("/register/recovery-codes", &[]).await;
    let codes = written_down(&shown);
    assert_eq!(codes.len(), 10, "{}", shown.body);
    assert!(!owner.get("/register/recovery-codes").await.body.contains(&codes[0]), "shown again");
    assert!(owner.get("/register/methods").await.body.contains("10 codes are left."));
    assert_eq!(told(&world).await, [(Method::RecoveryCode, AddressChange::Registered); 2]);

    for (code, taken) in [(&codes[3], true), (&codes[3], false), (&codes[4].to_lowercase(), true)] {
        let mut browser = Browser::new(&world.app, "en");
        browser.post("/reset/start", &[("name", ANNA)]).await;
        let answer = browser.post("/reset/recovery-code", &[("code", code)]).await;
        assert_eq!(answer.location() == "/reset/password", taken, "{}", answer.body);
    }
    let mut others = Browser::new(&world.app, "en");
    others.post("/reset/start", &[("name", "paolo.bianchi@contoso.test")]).await;
    let answer = others.post("/reset/recovery-code", &[("code", &codes[5])]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "another person's code");
    owner.post("/register/recovery-codes/remove", &[]).await;
    others.post("/reset/start", &[("name", ANNA)]).await;
    let answer = others.post("/reset/recovery-code", &[("code", &codes[6])]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gates_are_passed_one_after_the_other() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    let app = register_app(&world, &mut owner).await;
    policy(&world, 2, &[Method::Mail, Method::App, Method::RecoveryCode]).await;
    world.letters().await;

    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let code = world.code(ANNAS_MAIL).await;
    let first = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(first.location(), "/reset/gate", "{}", first.body);
    let gate = browser.get("/reset/gate").await;
    assert!(gate.body.contains("/reset/app") && !gate.body.contains("/reset/resend"), "{}", gate.body);
    assert!(!gate.body.contains("/reset/recovery-code"), "what she does not have is not offered any more");
    // One gate is not two, and one method does not open both.
    for path in ["/reset/password", "/reset/outcome", "/reset/code", "/reset/recovery-code"] {
        let answer = follow(&mut browser, path).await;
        assert!(answer.body.contains("One more step"), "{path}: {}", answer.body);
    }
    let code_again = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(code_again.location(), "/reset/gate");
    assert_eq!(browser.post("/reset/resend", &[]).await.location(), "/reset/gate");
    assert!(world.letters().await.is_empty());
    let second = browser.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(second.location(), "/reset/password", "{}", second.body);
    PageContext::of(&browser.get("/reset/password").await);

    // The other way round: the app first, the mail only when it is asked for.
    world.clock.advance(STEP);
    policy(&world, 2, &[Method::App, Method::Mail]).await;
    let mut browser = Browser::new(&world.app, "en");
    let start = browser.post("/reset/start", &[("name", ANNA)]).await;
    assert_eq!(start.location(), "/reset/app");
    assert!(world.letters().await.is_empty(), "nobody asked for a mail");
    let first = browser.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(first.location(), "/reset/gate", "{}", first.body);
    browser.post("/reset/resend", &[]).await;
    let code = world.code(ANNAS_MAIL).await;
    let second = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(second.location(), "/reset/password", "{}", second.body);

    // Whoever has one of two hears by mail what is missing, once there is a mail.
    policy(&world, 2, &[Method::Mail, Method::App]).await;
    browser.post("/reset/start", &[("name", "paolo.bianchi@contoso.test")]).await;
    let [letter] = &world.letters().await[..] else { panic!("one letter") };
    let Template::Withheld { sspr_code, .. } = &letter.template else { panic!("{letter:?}") };
    assert_eq!(sspr_code, "SSPR_0014");
}

/// Opens a page and goes where it leads.
async fn follow(browser: &mut Browser, path: &str) -> Answer {
    let mut answer = browser.get(path).await;
    for _ in 0..5 {
        if answer.status != StatusCode::SEE_OTHER {
            return answer;
        }
        let next = answer.location().to_owned();
        answer = browser.get(&next).await;
    }
    panic!("{path} leads round in a circle");
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_pass_two_gates_whatever_the_tenant_demands() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    let app = register_app(&world, &mut owner).await;
    world.administrator(ANNA, Role::HelpDesk, false).await;
    world.letters().await;
    let page = owner.get("/register/methods").await;
    assert!(!page.body.contains("id=\"wanted\""), "two are registered: {}", page.body);

    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", "CONTOSO\\anna.rossi")]).await;
    let code = world.code(ANNAS_MAIL).await;
    let first = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(first.location(), "/reset/gate", "{}", first.body);
    let second = browser.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(second.location(), "/reset/password");

    // With the address alone there is no way, and only a mail says so.
    owner.post("/register/app/remove", &[]).await;
    world.letters().await;
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let letters = world.letters().await;
    assert!(matches!(letters[0].template, Template::Withheld { .. }));
    assert!(owner.get("/register/methods").await.body.contains("asks you to have 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_needs_one_of_what_the_pages_begin_with() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    world.administrator(ANNA, Role::HelpDesk, false).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    policy(&world, 1, &[Method::App]).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    owner.post("/register/recovery-codes", &[]).await;
    let mut desk = Browser::new(&world.app, "en");
    desk.post("/console/sign-in", &[("name", "desk"), ("password", crate::world::PASSWORD)]).await;
    let found = format!("/console/people?name={ANNA}");
    // Two that differ, a mailbox and paper, and the first page offers neither.
    for (language, words) in [("en", "would not be enough"), ("it", "non basta ancora")] {
        let page = owner.get(&format!("/register/methods?lang={language}")).await;
        assert!(page.body.contains("id=\"first-missing\"") && page.body.contains(words), "{}", page.body);
    }
    assert!(desk.get(&found).await.body.contains("SSPR_0014"));
    owner.get("/register/methods?lang=en").await;
    let app = register_app(&world, &mut owner).await;
    let page = owner.get("/register/methods").await;
    assert!(!page.body.contains("id=\"first-missing\""), "{}", page.body);
    assert!(!desk.get(&found).await.body.contains("SSPR_0014"));
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let first = browser.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(first.location(), "/reset/gate", "{}", first.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_looks_the_same_for_every_name() {
    for first in Method::ALL.into_iter().filter(|method| method.opens_the_first_gate()) {
        let world = World::new().await;
        let _agent = TestAgent::link(&world).await;
        let mut owner = Browser::new(&world.app, "en");
        proven(&world, &mut owner).await;
        register_app(&world, &mut owner).await;
        owner.post("/register/recovery-codes", &[]).await;
        let mut methods = vec![first];
        methods.extend(Method::ALL.into_iter().filter(|method| *method != first));
        policy(&world, 2, &methods).await;
        let counted = world.state.store.counted();
        let app =
            ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
        let mut seen = Vec::new();
        // Anna has all, Paolo too little for two gates, the third one nothing, and the others are nobody.
        for name in
            [ANNA, "paolo.bianchi@contoso.test", "senza.posta@contoso.test", NOBODY, "CONTOSO\\nobody"]
        {
            let mut browser = Browser::new(&app, "en");
            let mut steps = Vec::new();
            let mut step = async |browser: &mut Browser, path: &str, typed: Option<&str>| {
                let before = counted.statements();
                let answer = match typed {
                    Some(typed) => {
                        let mut fields = vec![("name", typed), ("code", typed), ("credential", typed)];
                        if path == "/reset/questions" {
                            fields.extend([("answer", typed); 3]);
                        }
                        browser.post(path, &fields).await
                    }
                    None => browser.get(path).await,
                };
                steps.push((answer.status, alike(&answer), counted.statements() - before));
            };
            step(&mut browser, "/reset/start", Some(name)).await;
            for path in [
                "/reset/app",
                "/reset/passkey",
                "/reset/recovery-code",
                "/reset/questions",
                "/reset/pass",
                "/reset/code",
                "/reset/gate",
            ] {
                step(&mut browser, path, None).await;
            }
            step(&mut browser, "/reset/resend", Some("")).await;
            for path in ["/reset/app", "/reset/recovery-code", "/reset/pass", "/reset/code"] {
                step(&mut browser, path, Some("no code at all")).await;
            }
            step(&mut browser, "/reset/code", Some("00000000")).await;
            step(&mut browser, "/reset/questions", Some("no")).await;
            step(&mut browser, "/reset/questions", Some("no answer of anybody's")).await;
            step(&mut browser, "/reset/pass", Some("BCDF-GHJK")).await;
            step(&mut browser, "/reset/passkey", Some("no passkey at all")).await;
            step(&mut browser, "/reset/passkey", Some(NOBODYS_PASSKEY)).await;
            for _ in 0..2 {
                step(&mut browser, "/reset/app", Some("000000")).await;
                step(&mut browser, "/reset/recovery-code", Some("0000-0000-0000-0000")).await;
            }
            seen.push((name, steps));
        }
        let (_, expected) = &seen[0];
        assert!(expected.iter().all(|(_, _, statements)| *statements > 0));
        assert!(expected.last().unwrap().1.0.contains("too many wrong tries"), "{:?}", expected.last());
        for (name, steps) in &seen[1..] {
            for (at, (step, wanted)) in steps.iter().zip(expected).enumerate() {
                assert_eq!(step, wanted, "{name}, step {at}, beginning with {first:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_stop_after_as_many_whatever_somebody_has() {
    const APP_ONLY: &str = "senza.posta@contoso.test";
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let users = world.state.store.users();
    // Anna has two addresses, Paolo one, the third an app alone.
    let own = Some("anna@posta.test");
    assert!(users.set_registered_mail(world.tenant.id, anna(&world).await.id, None, own).await.unwrap());
    let mut owner = Browser::new(&world.app, "en");
    let page = to_password(&mut owner, APP_ONLY).await;
    let proof = page.seal_current(&world, &page.context(), CURRENT);
    owner.post_json("/register/verify", &proof).await;
    register_app(&world, &mut owner).await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    for name in [NOBODY, ANNA, "paolo.bianchi@contoso.test", APP_ONLY] {
        let mut browser = Browser::new(&app, "en");
        let mut steps = Vec::new();
        browser.post("/reset/start", &[("name", name)]).await;
        for kind in ["registered", "directory", "directory", "registered", "directory", "directory"] {
            let before = counted.statements();
            let answer = browser.post("/reset/resend", &[("to", kind)]).await;
            steps.push((answer.status, counted.statements() - before));
        }
        // Those that were not sent did not bring back any tries.
        for _ in 0..6 {
            let before = counted.statements();
            let answer = browser.post("/reset/code", &[("code", "00000000")]).await;
            steps.push((answer.status, counted.statements() - before));
        }
        seen.push(steps);
    }
    assert!(seen[0][1].1 > seen[0][2].1, "the third one is sent, and the fourth is not: {:?}", seen[0]);
    assert_eq!([&seen[1], &seen[2], &seen[3]], [&seen[0]; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hammering_an_app_stops_nobody_where_they_succeeded() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut usual = Browser::new(&world.app, "en");
    proven(&world, &mut usual).await;
    let app = register_app(&world, &mut usual).await;
    let pass = async |browser: &mut Browser| {
        world.clock.advance(STEP);
        browser.post("/reset/start", &[("name", ANNA)]).await;
        browser.post("/reset/app", &[("code", &app.code(&world))]).await
    };
    assert_eq!(pass(&mut usual).await.location(), "/reset/password");
    finish(&world, &mut usual).await;
    // Neither they nor whoever comes after them has to work for it: names are counted by the hour, wrong codes by the day.
    world.clock.advance(STARTS.forgotten_after());
    let mut hammer = Browser::new(&world.app, "en");
    let mut stopped = false;
    for _ in 0..5 {
        hammer.post("/reset/start", &[("name", ANNA)]).await;
        for _ in 0..5 {
            let answer = hammer.post("/reset/app", &[("code", "000000")]).await;
            stopped |= answer.status == StatusCode::TOO_MANY_REQUESTS;
        }
    }
    assert!(stopped, "twenty wrong codes a day stop the method");
    world.clock.advance(STARTS.forgotten_after());
    let mut new = Browser::new(&world.app, "en");
    assert_eq!(pass(&mut new).await.status, StatusCode::TOO_MANY_REQUESTS, "not even the right one");
    assert_eq!(pass(&mut usual).await.location(), "/reset/password", "where she succeeded before");

    // The help desk lifts it.
    world.administrator("desk", Role::HelpDesk, true).await;
    let mut desk = Browser::new(&world.app, "en");
    desk.post("/console/sign-in", &[("name", "desk"), ("password", crate::world::PASSWORD)]).await;
    let found = desk.get(&format!("/console/people?name={ANNA}")).await;
    assert!(found.body.contains("An app is registered."), "{}", found.body);
    desk.post("/console/people/lift", &[("name", ANNA)]).await;
    assert_eq!(pass(&mut new).await.location(), "/reset/password");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_does_not_allow_is_not_there() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    let app = register_app(&world, &mut owner).await;
    world.letters().await;
    policy(&world, 1, &[Method::Mail]).await;
    assert_eq!(owner.get("/register/app").await.location(), "/register/methods");
    assert_eq!(owner.post("/register/recovery-codes", &[]).await.location(), "/register/methods");
    let list = owner.get("/register/methods").await;
    assert!(!list.body.contains("/register/app"), "{}", list.body);
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let page = browser.get("/reset/code").await;
    assert!(!page.body.contains("/reset/app"), "{}", page.body);
    let answer = browser.post("/reset/app", &[("code", &app.code(&world))]).await;
    assert_eq!(answer.location(), "/reset/code");
    let code = SupportCode(page.support_code());
    let flow = world.state.store.flows().by_support_code(world.tenant.id, &code).await.unwrap().unwrap();
    assert_eq!(flow.state, FlowState::CodeSent);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_methods_in_both_languages() {
    for language in Language::ALL {
        let world = World::new().await;
        let _agent = TestAgent::link(&world).await;
        let mut browser = Browser::new(&world.app, language.tag());
        proven(&world, &mut browser).await;
        let page = browser.get("/register/methods").await;
        whole(&page, language, ["No app is registered", "Nessuna app è registrata"]);
        whole(&browser.get("/register/app").await, language, ["Scan this picture", "Inquadra questa"]);
        let fault = browser.post("/register/app", &[("code", "000000")]).await;
        whole(&fault, language, ["not the code of this key", "Non è il codice di questa chiave"]);
        let app = register_app(&world, &mut browser).await;
        let page = browser.get("/register/methods?done=app").await;
        whole(&page, language, ["app is registered", "app di autenticazione è registrata"]);
        let page = browser.get("/register/app").await;
        whole(&page, language, ["stops working", "smette di funzionare"]);
        let page = browser.get("/register/recovery-codes").await;
        whole(&page, language, ["Ten codes to write down", "Dieci codici da annotare"]);
        let page = browser.post("/register/recovery-codes", &[]).await;
        whole(&page, language, ["Write these down now", "Annotali adesso"]);
        let page = browser.get("/register/recovery-codes").await;
        whole(&page, language, ["The 10 codes that you have", "I 10 codici che hai"]);

        whole(&browser.get("/register/passkey").await, language, ["keeps a key", "conserva una chiave"]);
        let fault = browser.post("/register/passkey", &[("credential", NOBODYS_PASSKEY)]).await;
        assert_eq!(fault.status, StatusCode::UNPROCESSABLE_ENTITY);
        whole(&fault, language, ["could not be registered", "non è stata registrata"]);
        whole(
            &browser.get("/register/methods?done=passkey").await,
            language,
            ["No passkey is", "Nessuna passkey"],
        );

        policy(&world, 2, &[Method::App, Method::Mail, Method::Passkey, Method::RecoveryCode]).await;
        whole(&browser.get("/").await, language, ["show in another way", "dimostri in un altro modo"]);
        browser.post("/reset/start", &[("name", ANNA)]).await;
        whole(&browser.get("/reset/app").await, language, ["Open your authenticator", "Apri l&#39;app"]);
        let fault = browser.post("/reset/app", &[("code", "1")]).await;
        whole(&fault, language, ["has six digits", "ha sei cifre"]);
        whole(&browser.get("/reset/passkey").await, language, ["fingerprint", "impronta"]);
        let fault = browser.post("/reset/passkey", &[("credential", "x")]).await;
        whole(&fault, language, ["could be a passkey", "possa essere una passkey"]);
        let fault = browser.post("/reset/passkey", &[("credential", NOBODYS_PASSKEY)]).await;
        whole(&fault, language, ["not registered for this name", "non è registrata per questo nome"]);
        let page = browser.get("/reset/recovery-code").await;
        whole(&page, language, ["you wrote down", "che ti sei annotato"]);
        let fault = browser.post("/reset/recovery-code", &[("code", "0000-0000-0000-0000")]).await;
        whole(&fault, language, ["was used before", "già stato usato"]);
        browser.post("/reset/app", &[("code", &app.code(&world))]).await;
        whole(&browser.get("/reset/gate").await, language, ["One more step", "Ancora un passo"]);
    }
}
