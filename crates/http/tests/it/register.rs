//! Registering an address of one's own, replacing it, removing it, and what becomes of it in a reset.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::mail::{Letter, Template};
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::ids::SupportCode;

use crate::agent::TestAgent;
use crate::browser::{Answer, Browser};
use crate::portal::PageContext;
use crate::work::works;
use crate::world::World;

pub(crate) const ANNA: &str = "anna.rossi@contoso.test";
const DIRECTORYS: &str = "anna.rossi@mail.test";
pub(crate) const OWN: &str = "anna@posta.test";
const SECOND: &str = "anna.privata@libero.test";
/// What the agent's script takes for right unless it is told otherwise.
pub(crate) const CURRENT: &str = "Attuale-Passw0rd";

/// Walks to the page that asks for the current password.
pub(crate) async fn to_password(browser: &mut Browser, name: &str) -> PageContext {
    let mut start = browser.post("/register/start", &[("name", name)]).await;
    if start.status == StatusCode::OK {
        // The name was given often: this browser works for it, as a real one does.
        start = works(browser, "/register/start", name, &start).await;
    }
    assert_eq!(
        (start.status, start.location()),
        (StatusCode::SEE_OTHER, "/register/password"),
        "{}",
        start.body
    );
    PageContext::of(&browser.get("/register/password").await)
}

/// Hands over a password, and gives what the page's script is answered.
pub(crate) async fn verify(world: &World, browser: &mut Browser, page: &PageContext) -> serde_json::Value {
    let sealed = page.seal_current(world, &page.context(), CURRENT);
    let answer = browser.post_json("/register/verify", &sealed).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Walks to the page that asks for an address.
pub(crate) async fn proven(world: &World, browser: &mut Browser) -> Answer {
    let page = to_password(browser, ANNA).await;
    let told = verify(world, browser, &page).await;
    assert_eq!((&told["state"], &told["location"]), (&"done".into(), &"/register/methods".into()));
    let page = browser.get("/register/address").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page
}

/// The code in the only letter, which went to `address`.
pub(crate) async fn code(world: &World, address: &str) -> String {
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    assert_eq!(letter.to.as_deref(), Some(address));
    let Template::AddressCode { code, .. } = &letter.template else { panic!("{:?}", letter.template) };
    code.clone()
}

/// Registers an address the whole way.
pub(crate) async fn register(world: &World, browser: &mut Browser, address: &str) -> Answer {
    proven(world, browser).await;
    let given = browser.post("/register/address", &[("address", address)]).await;
    assert_eq!((given.status, given.location()), (StatusCode::SEE_OTHER, "/register/code"), "{}", given.body);
    let code = code(world, address).await;
    let done = browser.post("/register/code", &[("code", &code)]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/register/done"), "{}", done.body);
    browser.get("/register/done").await
}

pub(crate) async fn anna(world: &World) -> User {
    let name = ritorno_identity::name::SignInName::parse(ANNA).unwrap();
    world.state.store.users().by_sign_in_name(world.tenant.id, &name).await.unwrap().unwrap()
}

/// Where the notices of this change went, and which address they name, in order.
fn notices(letters: &[Letter], wanted: AddressChange) -> Vec<(String, String)> {
    let mut told: Vec<_> = letters
        .iter()
        .map(|letter| match &letter.template {
            Template::AddressChanged { change, address, .. } => {
                assert_eq!(*change, wanted);
                (letter.to.clone().unwrap(), address.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    told.sort();
    told
}

/// What the audit has under the support code of that page: activity and how it ended.
async fn facts(world: &World, page: &Answer) -> Vec<(&'static str, &'static str)> {
    let code = SupportCode(page.support_code());
    let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
    for fact in &facts {
        assert!(!fact.reason.contains('@'), "an address is in the audit: {}", fact.reason);
    }
    facts.iter().map(|fact| (fact.activity.name(), fact.success.as_str())).collect()
}

const STEP: (&str, &str) = ("Address registration activity progress", "success");

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_ones_own_the_whole_way() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "it");
    let front = browser.get("/").await;
    assert!(front.body.contains("href=\"/register\""), "{}", front.body);
    assert!(browser.get("/register").await.body.contains("Registra i tuoi modi per dimostrare che sei tu"));
    let page = register(&world, &mut browser, OWN).await;
    assert!(page.body.contains("Il tuo indirizzo è registrato"), "{}", page.body);
    assert_eq!(agent.script.lock().unwrap().opened, [CURRENT]);
    let stored = anna(&world).await;
    assert_eq!((stored.registered_mail.as_deref(), stored.version), (Some(OWN), 1));

    // Whoever was on file hears of it; the new address has just proved itself.
    let letters = world.letters().await;
    assert!(letters.iter().all(|letter| letter.language.tag() == "it"));
    let mask = "a•••••a@p•••.test".to_owned();
    let told = [(ANNA.to_owned(), mask.clone()), (DIRECTORYS.to_owned(), mask)];
    assert_eq!(notices(&letters, AddressChange::Registered), told);
    let registered = ("User registered for self-service password reset", "success");
    assert_eq!(facts(&world, &page).await, [STEP, STEP, STEP, registered]);

    // It is over: nothing but a new proof of the password changes it again.
    for path in ["/register/password", "/register/address", "/register/code"] {
        assert_eq!(browser.get(path).await.location(), "/register/done", "{path}");
    }
    for (path, field) in
        [("/register/address", "address"), ("/register/code", "code"), ("/register/remove", "x")]
    {
        assert_eq!(browser.post(path, &[(field, SECOND)]).await.location(), "/register/done", "{path}");
    }
    assert_eq!(anna(&world).await.registered_mail.as_deref(), Some(OWN));
    assert!(world.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_and_removed_in_the_same_place() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let none = proven(&world, &mut browser).await;
    assert!(
        none.body.contains("id=\"registered\">none<") && !none.body.contains("/register/remove"),
        "{}",
        none.body
    );
    // There is nothing to remove yet, and nobody is told of it.
    assert_eq!(browser.post("/register/remove", &[]).await.location(), "/register/address");
    assert!(world.letters().await.is_empty());
    register(&world, &mut browser, OWN).await;
    world.letters().await;

    let page = register(&world, &mut browser, SECOND).await;
    assert!(page.body.contains("Your address is replaced"), "{}", page.body);
    assert_eq!(anna(&world).await.registered_mail.as_deref(), Some(SECOND));
    let mask = || "a•••••a@l•••.test".to_owned();
    let everybody = |mask: fn() -> String, own: &str| {
        [(own.to_owned(), mask()), (ANNA.to_owned(), mask()), (DIRECTORYS.to_owned(), mask())]
    };
    let told = notices(&world.letters().await, AddressChange::Replaced);
    let mut expected = everybody(mask, OWN);
    expected.sort();
    assert_eq!(told, expected, "the former address hears of it");
    assert_eq!(facts(&world, &page).await.last(), Some(&("User replaced registered address", "success")));

    let shown = proven(&world, &mut browser).await;
    assert!(shown.body.contains("id=\"registered\"><bdi>a•••••a@l•••.test<"), "{}", shown.body);
    assert!(shown.body.contains("id=\"directory\"><bdi>a•••••i@m•••.test<") && !shown.body.contains(SECOND));
    let removed = browser.post("/register/remove", &[]).await;
    assert_eq!(removed.location(), "/register/done", "{}", removed.body);
    let page = browser.get("/register/done").await;
    assert!(page.body.contains("Your address is removed"), "{}", page.body);
    assert_eq!(anna(&world).await.registered_mail, None);
    let told = notices(&world.letters().await, AddressChange::Removed);
    let mut expected = everybody(mask, SECOND);
    expected.sort();
    assert_eq!(told, expected);
    let steps = [STEP, STEP, ("User removed registered address", "success")];
    assert_eq!(facts(&world, &page).await, steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_address_outside_of_work_is_taken() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let tenant = Tenant { forbidden_mail_domains: vec!["contoso.example".into()], ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    for (language, words) in [
        (
            "en",
            [
                "looks like anna@example.com",
                "your mailbox at work",
                "does not allow",
                "on file for you already",
            ],
        ),
        (
            "it",
            [
                "fatto così: anna@example.com",
                "tua casella di lavoro",
                "non permette",
                "è già registrato per te",
            ],
        ),
    ] {
        let mut browser = Browser::new(&world.app, language);
        let page = proven(&world, &mut browser).await;
        for (address, words) in [
            ("anna", words[0]),
            ("anna@localhost", words[0]),
            ("anna@posta.test, bruno@posta.test", words[0]),
            ("Anna <anna@posta.test>", words[0]),
            ("anna@posta.test\r\nBcc: x@posta.test", words[0]),
            (ANNA, words[1]),
            ("ANNA.ROSSI+codes@Contoso.test", words[1]),
            ("paolo.bianchi@contoso.test", words[1]),
            ("anna@contoso.example", words[2]),
            (DIRECTORYS, words[3]),
        ] {
            let answer = browser.post("/register/address", &[("address", address)]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
            assert!(answer.body.contains(words), "{address}: {}", answer.body);
        }
        assert!(world.letters().await.is_empty(), "no mail goes to an address that is not taken");
        let failed = ("Address registration activity progress", "failure");
        assert_eq!(facts(&world, &page).await[2..], [failed; 10]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_wrong_expired_spent_or_for_another_address() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    proven(&world, &mut browser).await;
    browser.post("/register/address", &[("address", OWN)]).await;
    let first = code(&world, OWN).await;
    assert!(browser.get("/register/code").await.body.contains("on its way to a•••••a@p•••.test"));
    assert!(
        browser.post("/register/code", &[("code", "12")]).await.body.contains("A code has eight digits.")
    );
    let wrong = if first == "00000000" { "00000001" } else { "00000000" };
    let answer = browser.post("/register/code", &[("code", wrong)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("That code is not right."), "{}", answer.body);

    // Another address: the code for the first one proves nothing any more.
    assert_eq!(browser.get("/register/address").await.status, StatusCode::OK);
    browser.post("/register/address", &[("address", SECOND)]).await;
    let second = code(&world, SECOND).await;
    let answer = browser.post("/register/code", &[("code", &first)]).await;
    assert!(answer.body.contains("That code is not right.") || first == second, "{}", answer.body);

    world.clock.advance(Duration::from_secs(5 * 60));
    let answer = browser.post("/register/code", &[("code", &second)]).await;
    assert!(answer.body.contains("That code has expired."), "{}", answer.body);
    assert_eq!(browser.post("/register/resend", &[]).await.location(), "/register/code?sent=1");
    assert!(browser.get("/register/code?sent=1").await.body.contains("A new code is on its way."));
    let third = code(&world, SECOND).await;
    let wrong = if third == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..5 {
        browser.post("/register/code", &[("code", wrong)]).await;
    }
    let answer = browser.post("/register/code", &[("code", &third)]).await;
    assert!(answer.body.contains("too many wrong tries"), "{}", answer.body);
    assert_eq!(anna(&world).await.registered_mail, None);

    // Three codes an hour for one address; who has proven their password is told.
    assert_eq!(browser.post("/register/resend", &[]).await.status, StatusCode::SEE_OTHER);
    code(&world, SECOND).await;
    let answer = browser.post("/register/resend", &[]).await;
    assert!(answer.body.contains("Too many codes were sent."), "{}", answer.body);
    assert!(world.letters().await.is_empty());

    world.clock.advance(Duration::from_secs(15 * 60));
    for path in ["/register/password", "/register/address", "/register/code", "/register/done"] {
        let late = browser.get(path).await;
        assert_eq!(late.status, StatusCode::GONE, "{path}");
        assert!(late.body.contains("Start again"));
    }
    let late = browser.post("/register/code", &[("code", &third)]).await;
    assert_eq!(late.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_sends_its_code_where_the_person_asks() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    register(&world, &mut browser, OWN).await;
    world.letters().await;

    browser.post("/reset/start", &[("name", ANNA)]).await;
    world.code(OWN).await;
    let page = browser.get("/reset/code").await;
    assert!(!page.body.contains("•••"), "a mask before the gate: {}", page.body);
    browser.post("/reset/resend", &[("to", "directory")]).await;
    let code = world.code(DIRECTORYS).await;
    let passed = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);

    // Somebody with one address only is answered the same, and gets the code there.
    let mut other = Browser::new(&world.app, "en");
    other.post("/reset/start", &[("name", "paolo.bianchi@contoso.test")]).await;
    world.code("paolo@mail.test").await;
    for to in ["registered", "directory"] {
        let answer = other.post("/reset/resend", &[("to", to)]).await;
        assert_eq!(answer.location(), "/reset/code?sent=1");
        world.code("paolo@mail.test").await;
    }
    let strange = other.post("/reset/resend", &[("to", "elsewhere@evil.test")]).await;
    assert!(strange.status.is_client_error() && world.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_address_on_file_can_register_one_and_then_reset() {
    const PERSON: &str = "senza.posta@contoso.test";
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = to_password(&mut browser, PERSON).await;
    assert_eq!(verify(&world, &mut browser, &page).await["state"], "done");
    browser.post("/register/address", &[("address", OWN)]).await;
    let code = code(&world, OWN).await;
    assert_eq!(browser.post("/register/code", &[("code", &code)]).await.location(), "/register/done");
    let told = notices(&world.letters().await, AddressChange::Registered);
    assert_eq!(told, [(PERSON.to_owned(), "a•••••a@p•••.test".to_owned())]);

    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", PERSON)]).await;
    let code = world.code(OWN).await;
    assert_eq!(browser.post("/reset/code", &[("code", &code)]).await.location(), "/reset/password");
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_is_asked_again_at_every_step() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    proven(&world, &mut browser).await;
    browser.post("/register/address", &[("address", OWN)]).await;
    let code = code(&world, OWN).await;
    let off = Tenant { writeback_enabled: false, ..world.tenant.clone() };
    world.state.store.tenants().update(&off).await.unwrap();
    for (path, field) in [
        ("/register/code", ("code", code.as_str())),
        ("/register/address", ("address", SECOND)),
        ("/register/resend", ("x", "")),
        ("/register/remove", ("x", "")),
    ] {
        let answer = browser.post(path, &[field]).await;
        assert!(answer.body.contains("SSPR_0010"), "{path}: {}", answer.body);
    }
    assert_eq!(anna(&world).await.registered_mail, None);
    assert!(world.letters().await.is_empty());
    let stopped = browser.get("/register").await;
    assert!(
        stopped.body.contains("SSPR_0010") && !stopped.body.contains("name=\"name\""),
        "{}",
        stopped.body
    );

    // Whoever is deleted meanwhile is in no registration any more.
    world.state.store.tenants().update(&world.tenant).await.unwrap();
    world.state.store.users().delete(world.tenant.id, anna(&world).await.id).await.unwrap();
    assert_eq!(browser.get("/register/address").await.status, StatusCode::GONE);
}
