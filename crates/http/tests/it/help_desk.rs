//! The help desk: a code that the caller reads out, a colleague's approval, and the temporary pass.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Clock as _;

use crate::agent::TestAgent;
use crate::both_languages::whole;
use crate::browser::{Answer, Browser};
use crate::register::ANNA;
use crate::world::{PASSWORD, World};

const PAOLO: &str = "paolo.bianchi@contoso.test";
/// Somebody whom no code can reach.
const UNREACHED: &str = "senza.posta@contoso.test";
const REASON: &str = "Lost her phone on the train";

async fn signed_in(world: &World, name: &str, language: &'static str) -> Browser {
    let mut browser = Browser::new(&world.app, language);
    let answer = browser.post("/console/sign-in", &[("name", name), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser
}

async fn world() -> World {
    let world = World::new().await;
    for name in ["desk", "colleague", ANNA] {
        world.administrator(name, Role::HelpDesk, name != ANNA).await;
    }
    world
}

/// The page that a form leads back to.
async fn posted(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let place = answer.location().to_owned();
    browser.get(&place).await
}

/// The code in the only letter, which says who asks and why.
async fn code(world: &World, address: &str) -> String {
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    assert_eq!(letter.to.as_deref(), Some(address));
    let Template::HelpDeskCode { code, operator, reason } = &letter.template else { panic!("{letter:?}") };
    assert_eq!((operator.as_str(), reason.as_str()), ("desk", REASON));
    code.clone()
}

/// The latest open case of somebody; nothing if none is open.
async fn case(world: &World, name: &str) -> String {
    let (store, tenant, now) = (&world.state.store, world.tenant.id, world.clock.now());
    let name = SignInName::parse(name).unwrap();
    let user = store.users().by_sign_in_name(tenant, &name).await.unwrap().unwrap();
    let case = store.help_desk().open_case(tenant, user.id, now).await.unwrap();
    case.map(|case| case.id.to_string()).unwrap_or_default()
}

/// The pass on the page that shows it.
fn pass(page: &Answer) -> String {
    let mark = "id=\"pass\">";
    let at = page.body.find(mark).unwrap_or_else(|| panic!("a page with a pass: {}", page.body)) + mark.len();
    page.body[at..].chars().take_while(|c| *c != '<').collect()
}

async fn given(browser: &mut Browser, name: &str, pass: &str) -> Answer {
    browser.post("/reset/start", &[("name", name)]).await;
    browser.post("/reset/pass", &[("code", pass)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_reads_out_a_code_and_gets_a_pass_for_one_gate() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let mut desk = signed_in(&world, "desk", "en").await;
    let refused = posted(&mut desk, "/console/people/code", &[("name", PAOLO), ("reason", "  ")]).await;
    assert!(refused.body.contains("Give a reason"), "{}", refused.body);
    let asked = posted(&mut desk, "/console/people/ask", &[("name", PAOLO), ("reason", REASON)]).await;
    assert!(asked.body.contains("let them read one out"), "{}", asked.body);
    let sent = posted(&mut desk, "/console/people/code", &[("name", PAOLO), ("reason", REASON)]).await;
    assert!(sent.body.contains("The code is on its way."), "{}", sent.body);
    let code = code(&world, "paolo@mail.test").await;
    let case = case(&world, PAOLO).await;

    // Neither code is the other's: at a gate this one is wrong, and a gate's code is none here.
    let mut caller = Browser::new(&world.app, "en");
    assert_eq!(given(&mut caller, PAOLO, &code).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gate_code = world.code("paolo@mail.test").await;
    for typed in ["BCDF-BCDF", &gate_code] {
        let wrong = posted(
            &mut desk,
            "/console/people/code/check",
            &[("name", PAOLO), ("case", &case), ("code", typed)],
        )
        .await;
        assert!(wrong.body.contains("That is not the code"), "{}", wrong.body);
    }
    // A colleague can't go on with it or speak for the caller, and nothing is made before the code was right.
    let mut colleague = signed_in(&world, "colleague", "en").await;
    let theirs = posted(
        &mut colleague,
        "/console/people/code/check",
        &[("name", PAOLO), ("case", &case), ("code", &code)],
    )
    .await;
    assert!(theirs.body.contains("That is not the code"), "{}", theirs.body);
    let early = posted(&mut desk, "/console/people/pass", &[("name", PAOLO), ("case", &case)]).await;
    assert!(early.body.contains("Nothing is open"), "{}", early.body);
    let approved =
        posted(&mut colleague, "/console/people/approve", &[("name", PAOLO), ("case", &case)]).await;
    assert!(approved.body.contains("Nothing is open"), "{}", approved.body);

    let right =
        posted(&mut desk, "/console/people/code/check", &[("name", PAOLO), ("case", &case), ("code", &code)])
            .await;
    assert!(right.body.contains("The code is right."), "{}", right.body);
    let other = posted(&mut colleague, "/console/people/pass", &[("name", PAOLO), ("case", &case)]).await;
    assert!(other.body.contains("Nothing is open"), "another one's case: {}", other.body);
    let page = desk.post("/console/people/pass", &[("name", PAOLO), ("case", &case)]).await;
    let pass = pass(&page);
    let again = posted(&mut desk, "/console/people/pass", &[("name", PAOLO), ("case", &case)]).await;
    assert!(again.body.contains("Nothing is open"), "one pass for one case: {}", again.body);
    let mut told: Vec<String> = Vec::new();
    for letter in world.letters().await {
        let Template::PassMade { operator, reason, .. } = letter.template else { panic!("{letter:?}") };
        assert_eq!((operator.as_str(), reason.as_str()), ("desk", REASON));
        told.extend(letter.to);
    }
    told.sort();
    assert_eq!(told, [PAOLO, "paolo@mail.test"]);

    // For that person, once.
    assert_eq!(given(&mut caller, ANNA, &pass).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let passed = given(&mut caller, PAOLO, &pass.to_lowercase()).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
    assert_eq!(given(&mut caller, PAOLO, &pass).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let facts = world.facts().await;
    let made = facts.iter().filter(|fact| fact.activity.name() == "Create temporary pass").count();
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_no_other_proof_than_a_code_by_mail() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let methods = vec![Method::TemporaryPass, Method::Mail, Method::App];
    let gate_policy = GatePolicy::new(2, methods, 2, true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut desk = signed_in(&world, "desk", "en").await;
    let form = [("name", PAOLO), ("reason", REASON)];
    let useless = async |desk: &mut Browser| {
        desk.get(&format!("/console/people?name={PAOLO}")).await.body.contains("id=\"useless-pass\"")
    };
    assert!(useless(&mut desk).await, "the operator is told before");
    world.state.store.tenants().update(&world.tenant).await.unwrap();
    assert!(!useless(&mut desk).await, "one gate, which a pass opens");
    world.state.store.tenants().update(&tenant).await.unwrap();
    posted(&mut desk, "/console/people/code", &form).await;
    let read_out = code(&world, "paolo@mail.test").await;
    let case = case(&world, PAOLO).await;
    let form = [("name", PAOLO), ("case", &case)];
    posted(&mut desk, "/console/people/code/check", &[("name", PAOLO), ("case", &case), ("code", &read_out)])
        .await;
    let pass = pass(&desk.post("/console/people/pass", &form).await);
    world.letters().await;
    let mut caller = Browser::new(&world.app, "en");
    let answer = given(&mut caller, PAOLO, &pass).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.location());
    caller.post("/reset/resend", &[]).await;
    let letters = world.letters().await;
    let [letter] = &letters[..] else { panic!("{} letters", letters.len()) };
    assert!(matches!(letter.template, Template::Withheld { .. }), "{letter:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_codes_are_tried_and_no_more() {
    let world = world().await;
    let mut desk = signed_in(&world, "desk", "en").await;
    posted(&mut desk, "/console/people/code", &[("name", PAOLO), ("reason", REASON)]).await;
    let code = code(&world, "paolo@mail.test").await;
    let case = case(&world, PAOLO).await;
    for _ in 0..5 {
        posted(
            &mut desk,
            "/console/people/code/check",
            &[("name", PAOLO), ("case", &case), ("code", "BCDF-BCDF")],
        )
        .await;
    }
    let facts = world.facts().await;
    let cases = facts.iter().filter(|fact| fact.activity.name() == "Help desk identity check");
    let ended: Vec<&str> = cases.map(|fact| fact.success.as_str()).collect();
    assert_eq!(ended.iter().filter(|ended| **ended == "failure").count(), 5, "{ended:?}");
    assert_eq!(ended.iter().filter(|ended| **ended == "success").count(), 1, "the code that was sent");
    let late =
        posted(&mut desk, "/console/people/code/check", &[("name", PAOLO), ("case", &case), ("code", &code)])
            .await;
    assert!(late.body.contains("That is not the code"), "{}", late.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_no_code_reaches_takes_two_operators() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let mut desk = signed_in(&world, "desk", "en").await;
    let mut colleague = signed_in(&world, "colleague", "en").await;
    let form = [("name", UNREACHED), ("reason", REASON)];
    let none = posted(&mut desk, "/console/people/code", &form).await;
    assert!(none.body.contains("No code can reach"), "{}", none.body);
    let asked = posted(&mut desk, "/console/people/ask", &form).await;
    assert!(asked.body.contains("A colleague can approve now"), "{}", asked.body);
    let case = case(&world, UNREACHED).await;
    let form = [("name", UNREACHED), ("case", &case)];
    for path in ["/console/people/approve", "/console/people/pass"] {
        let own = posted(&mut desk, path, &form).await;
        assert!(own.body.contains("Nothing is open"), "{path}: {}", own.body);
    }
    let page = colleague.get(&format!("/console/people?name={UNREACHED}")).await;
    assert!(page.body.contains(REASON) && page.body.contains("/console/people/approve"), "{}", page.body);
    let approved = posted(&mut colleague, "/console/people/approve", &form).await;
    assert!(approved.body.contains("Approved."), "{}", approved.body);
    let pass = pass(&desk.post("/console/people/pass", &form).await);

    // It opens the one gate even for somebody who has nothing else.
    let mut caller = Browser::new(&world.app, "en");
    world.clock.advance(Duration::from_secs(15 * 60 - 1));
    let passed = given(&mut caller, UNREACHED, &pass).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_the_case_that_was_read() {
    let world = world().await;
    world.administrator("third", Role::HelpDesk, true).await;
    let mut desk = signed_in(&world, "desk", "en").await;
    let mut third = signed_in(&world, "third", "en").await;
    let mut colleague = signed_in(&world, "colleague", "en").await;
    posted(&mut desk, "/console/people/ask", &[("name", UNREACHED), ("reason", REASON)]).await;
    let read = case(&world, UNREACHED).await;
    let page = colleague.get(&format!("/console/people?name={UNREACHED}")).await;
    assert!(page.body.contains(&format!("name=\"case\" value=\"{read}\"")), "{}", page.body);
    // Meanwhile somebody else asks for something else.
    world.clock.advance(Duration::from_secs(1));
    let other = [("name", UNREACHED), ("reason", "Asked me in the corridor")];
    posted(&mut third, "/console/people/ask", &other).await;
    let later = case(&world, UNREACHED).await;
    assert_ne!(read, later);
    let about = |case| [("name", UNREACHED), ("case", case)];
    let approved = posted(&mut colleague, "/console/people/approve", &about(&read)).await;
    assert!(approved.body.contains("Approved."), "{}", approved.body);
    let none = posted(&mut third, "/console/people/pass", &about(&later)).await;
    assert!(none.body.contains("Nothing is open"), "{}", none.body);
    // A case is one person's, and a form without one is about none.
    for form in [[("name", PAOLO), ("case", &*read)], about("")] {
        let none = posted(&mut desk, "/console/people/pass", &form).await;
        assert!(none.body.contains("Nothing is open"), "{form:?}: {}", none.body);
    }
    pass(&desk.post("/console/people/pass", &about(&read)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_pass_for_themselves_or_for_an_administrator() {
    let world = world().await;
    for name in ["desk", ANNA] {
        let mut desk = signed_in(&world, name, "en").await;
        let page = desk.get(&format!("/console/people?name={ANNA}")).await;
        assert!(page.body.contains("You can&#39;t make a pass"), "{}", page.body);
        for path in ["code", "code/check", "ask", "approve", "pass"] {
            let path = format!("/console/people/{path}");
            let answer = desk.post(&path, &[("name", ANNA), ("reason", REASON), ("code", "BCDFGHJK")]).await;
            assert_eq!(answer.location(), "/console/people", "{path}");
        }
    }
    assert!(world.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_known_as_its_persons_whatever_it_is_called() {
    let world = World::new().await;
    world.administrator("desk", Role::HelpDesk, true).await;
    world.administrator("chief", Role::Global, true).await;
    let (store, tenant) = (&world.state.store, world.tenant.id);
    let set = async |account: &str, person: &str| {
        let person = SignInName::parse(person).unwrap();
        let person = store.users().by_sign_in_name(tenant, &person).await.unwrap().unwrap();
        let account = store.administrators().by_name(tenant, account).await.unwrap().unwrap();
        assert!(store.administrators().set_person(tenant, account.id, Some(person.id)).await.unwrap());
    };
    set("desk", PAOLO).await;
    set("chief", UNREACHED).await;
    let mut desk = signed_in(&world, "desk", "en").await;
    for (name, path) in [(PAOLO, "code"), (UNREACHED, "ask")] {
        let page = desk.get(&format!("/console/people?name={name}")).await;
        assert!(page.body.contains("You can&#39;t make a pass"), "{name}: {}", page.body);
        let form = [("name", name), ("reason", REASON)];
        let answer = desk.post(&format!("/console/people/{path}"), &form).await;
        assert_eq!(answer.location(), "/console/people", "{name}");
    }
    assert!(world.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_ends_by_itself_and_so_does_a_case() {
    let world = world().await;
    let _agent = TestAgent::link(&world).await;
    let mut desk = signed_in(&world, "desk", "en").await;
    let mut colleague = signed_in(&world, "colleague", "en").await;
    let form = [("name", UNREACHED), ("reason", REASON)];
    posted(&mut desk, "/console/people/ask", &form).await;
    let first = case(&world, UNREACHED).await;
    let about = [("name", UNREACHED), ("case", first.as_str())];
    posted(&mut colleague, "/console/people/approve", &about).await;
    let pass = pass(&desk.post("/console/people/pass", &about).await);
    world.clock.advance(Duration::from_secs(15 * 60));
    let mut caller = Browser::new(&world.app, "en");
    assert_eq!(given(&mut caller, UNREACHED, &pass).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut desk = signed_in(&world, "desk", "en").await;
    posted(&mut desk, "/console/people/ask", &form).await;
    let second = case(&world, UNREACHED).await;
    world.clock.advance(Duration::from_secs(15 * 60));
    let mut colleague = signed_in(&world, "colleague", "en").await;
    let about = [("name", UNREACHED), ("case", second.as_str())];
    let late = posted(&mut colleague, "/console/people/approve", &about).await;
    assert!(late.body.contains("Nothing is open"), "{}", late.body);
    assert!(world.state.store.purge(world.clock.now()).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_help_desk_in_both_languages() {
    for language in Language::ALL {
        let world = world().await;
        let _agent = TestAgent::link(&world).await;
        let mut desk = signed_in(&world, "desk", language.tag()).await;
        let mut colleague = signed_in(&world, "colleague", language.tag()).await;
        let page = desk.get(&format!("/console/people?name={PAOLO}")).await;
        whole(&page, language, ["reads out a code", "legge un codice"]);
        let form = [("name", UNREACHED), ("reason", REASON)];
        let page = posted(&mut desk, "/console/people/ask", &form).await;
        whole(&page, language, ["or has to approve first", "oppure deve prima approvare"]);
        let page = colleague.get(&format!("/console/people?name={UNREACHED}")).await;
        whole(&page, language, ["asks for your approval", "chiede la tua approvazione"]);
        let case = case(&world, UNREACHED).await;
        let form = [("name", UNREACHED), ("case", &case)];
        let page = posted(&mut colleague, "/console/people/approve", &form).await;
        whole(&page, language, ["Approved", "Approvato"]);
        let page = desk.get(&format!("/console/people?name={UNREACHED}")).await;
        whole(&page, language, ["You can make a temporary pass now", "Ora puoi creare un pass"]);
        let page = desk.post("/console/people/pass", &form).await;
        whole(&page, language, ["not shown again", "Non verrà più mostrato"]);
        let form = [("name", PAOLO), ("reason", REASON)];
        let page = posted(&mut desk, "/console/people/code", &form).await;
        whole(&page, language, ["Let the caller read it out", "Fattelo leggere"]);
        let mut caller = Browser::new(&world.app, language.tag());
        caller.post("/reset/start", &[("name", UNREACHED)]).await;
        whole(
            &caller.get("/reset/pass").await,
            language,
            ["help desk read it out", "letto l&#39;assistenza"],
        );
        let fault = caller.post("/reset/pass", &[("code", "A")]).await;
        whole(&fault, language, ["has eight letters", "ha otto lettere"]);
    }
}
