//! The people's pages.

use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::flow::{FORMER_HOLDS, FORMER_WAITS, FlowState, Person};
use ritorno_identity::mail::Template;
use ritorno_protocol::clock::Clock as _;
use ritorno_protocol::envelope::{Context, Envelope, Passwords, seal};
use ritorno_protocol::ids::SupportCode;
use ritorno_protocol::key::PublicKey;
use ritorno_protocol::outcome::{Fault, Operator, Outcome, SsprCode};
use ritorno_protocol::policy::Rule;
use ritorno_protocol::query::Found;
use ritorno_protocol::secret::Password;

use crate::agent::TestAgent;
use crate::browser::{Answer, Browser};
use crate::known_browser::finish;
use crate::world::World;

const ANNA: &str = "anna.rossi@contoso.test";
const ANNAS_MAIL: &str = "anna.rossi@mail.test";
const NOBODY: &str = "anna.verdi@contoso.test";

/// What the page hands to its script.
pub(crate) struct PageContext(serde_json::Value);

impl From<serde_json::Value> for PageContext {
    fn from(context: serde_json::Value) -> Self {
        Self(context)
    }
}

impl PageContext {
    pub(crate) fn of(page: &Answer) -> Self {
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let mark = "data-context=\"";
        let at = page.body.find(mark).expect("a password page") + mark.len();
        let escaped: String = page.body[at..].chars().take_while(|c| *c != '"').collect();
        let text =
            escaped.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
        Self(serde_json::from_str(&text).unwrap())
    }

    /// All of it.
    pub(crate) fn value(&self) -> serde_json::Value {
        self.0.clone()
    }

    pub(crate) fn context(&self) -> Context {
        serde_json::from_value(self.0["context"].clone()).unwrap()
    }

    /// A new password.
    pub(crate) fn seal(&self, world: &World, context: &Context, password: &str) -> String {
        let passwords = Passwords { new: Some(Password::new(password.into())), old: None };
        self.sealed(world, context, &passwords)
    }

    /// The current password and a new one.
    pub(crate) fn seal_change(&self, world: &World, old: &str, new: &str) -> String {
        let password = |text: &str| Some(Password::new(text.into()));
        self.sealed(world, &self.context(), &Passwords { new: password(new), old: password(old) })
    }

    /// The current password, to be verified.
    pub(crate) fn seal_current(&self, world: &World, context: &Context, password: &str) -> String {
        let passwords = Passwords { new: None, old: Some(Password::new(password.into())) };
        self.sealed(world, context, &passwords)
    }

    fn sealed(&self, world: &World, context: &Context, passwords: &Passwords) -> String {
        let root: PublicKey = serde_json::from_value(self.0["root"].clone()).unwrap();
        let chains: Vec<ritorno_protocol::certificate::RecipientChain> =
            serde_json::from_value(self.0["recipients"].clone()).unwrap();
        let keys: Vec<PublicKey> = chains
            .iter()
            .map(|chain| chain.check(&root, context.tenant, world.clock.now()).unwrap().key)
            .collect();
        let envelope = seal(context, passwords, &keys, &*world.state.random).unwrap();
        serde_json::to_string(&envelope).unwrap()
    }
}

/// The answer to a right code is lost on the way: the browser knows nothing of it, and goes on where it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_at_a_gate_costs_nothing() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let before = browser.cookie("__Host-flow");
    let code = world.code(ANNAS_MAIL).await;
    let mut lost = Browser::new(&world.app, "en");
    lost.set_cookie("__Host-flow", &before);
    assert_eq!(lost.post("/reset/code", &[("code", &code)]).await.location(), "/reset/password");
    // Sent again, and loaded again: at first whoever got the answer may still be on their way.
    let moment = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(moment.headers["refresh"], "4; url=/reset/password");
    assert!(moment.body.contains("goes on by itself") && !moment.headers.contains_key("set-cookie"));
    world.clock.advance(FORMER_WAITS);
    assert_eq!(browser.post("/reset/code", &[("code", &code)]).await.location(), "/reset/password");
    assert_ne!(browser.cookie("__Host-flow"), before);
    assert_eq!(browser.cookie("__Host-flow"), lost.cookie("__Host-flow"));
    assert!(browser.get("/reset/password").await.body.contains("password-form"));
}

/// Whoever had the cookie before the gate has nothing behind it, from the moment on at which the browser went on.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_gives_the_browser_another_token() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let before = browser.cookie("__Host-flow");
    let mut thief = Browser::new(&world.app, "en");
    let code = world.code(ANNAS_MAIL).await;
    browser.post("/reset/code", &[("code", &code)]).await;
    assert_ne!(browser.cookie("__Host-flow"), before);
    // Whoever waits with a copy gets nothing before the browser went on, and nothing afterwards.
    thief.set_cookie("__Host-flow", &before);
    let early = thief.get("/reset/password").await;
    assert!(!early.body.contains("password-form"), "{}", early.body);
    assert!(!early.headers.contains_key("set-cookie"));
    assert!(browser.get("/reset/password").await.body.contains("password-form"));
    world.clock.advance(FORMER_WAITS);
    thief.set_cookie("__Host-flow", &before);
    let refused = thief.get("/reset/password").await;
    assert!(!refused.body.contains("password-form"), "{}", refused.body);
    assert!(!refused.headers.contains_key("set-cookie"));
    assert!(browser.get("/reset/password").await.body.contains("password-form"));

    // Where the browser never comes back, the former token ends by its time.
    let mut gone = Browser::new(&world.app, "en");
    gone.post("/reset/start", &[("name", ANNA)]).await;
    let before = gone.cookie("__Host-flow");
    let code = world.code(ANNAS_MAIL).await;
    gone.post("/reset/code", &[("code", &code)]).await;
    world.clock.advance(FORMER_HOLDS);
    thief.set_cookie("__Host-flow", &before);
    let late = thief.get("/reset/password").await;
    assert!(
        !late.body.contains("password-form") && !late.headers.contains_key("set-cookie"),
        "{}",
        late.body
    );
}

/// Walks to the password page.
pub(crate) async fn past_the_gate(world: &World, browser: &mut Browser) -> PageContext {
    let start = browser.post("/reset/start", &[("name", ANNA)]).await;
    assert_eq!((start.status, start.location()), (StatusCode::SEE_OTHER, "/reset/code"), "{}", start.body);
    let code = world.code(ANNAS_MAIL).await;
    let passed = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!((passed.status, passed.location()), (StatusCode::SEE_OTHER, "/reset/password"));
    PageContext::of(&browser.get("/reset/password").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_wide_facts_come_before_any_gate() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en");
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("SSPR_0030") && !page.body.contains("name=\"name\""), "{}", page.body);
    let facts = world.state.store.audit();
    let told = facts.by_support_code(world.tenant.id, &SupportCode(page.support_code())).await.unwrap();
    assert!(told[0].reason.contains("no agent is live"), "{}", told[0].reason);
    // One code for everybody while it lasts, written down once.
    let mut other = Browser::new(&world.app, "it");
    assert_eq!(other.get("/").await.support_code(), page.support_code());
    assert_eq!(world.facts().await.len(), 1);
    // The same for every name, and no flow begins.
    for name in [ANNA, NOBODY] {
        let start = browser.post("/reset/start", &[("name", name)]).await;
        assert_eq!((start.status, start.location()), (StatusCode::SEE_OTHER, "/"));
        assert!(!start.headers.contains_key("set-cookie"));
    }
    let mut tenant = world.tenant.clone();
    tenant.writeback_enabled = false;
    world.state.store.tenants().update(&tenant).await.unwrap();
    assert!(browser.get("/").await.body.contains("SSPR_0010"));
    tenant.sspr_enabled = false;
    world.state.store.tenants().update(&tenant).await.unwrap();
    assert!(browser.get("/").await.body.contains("SSPR_0009"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_password_the_whole_way() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "it-IT,it;q=0.9");
    assert!(browser.get("/").await.body.contains("<html lang=\"it\" dir=\"ltr\">"));
    let page = past_the_gate(&world, &mut browser).await;
    assert_eq!(page.0["policy"]["minimum_length"], 7);
    let envelope = page.seal(&world, &page.context(), "Nuova-Passw0rd!");
    let answer = browser.post_json("/reset/submit", &envelope).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&told["state"], &told["location"]), (&"done".into(), &"/reset/outcome".into()));
    assert_eq!(agent.script.lock().unwrap().opened, ["Nuova-Passw0rd!"]);
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("La nuova password funziona"), "{}", outcome.body);

    // Sent again, it is not done again; asked again, it is told again, long after the flow has ended.
    let replayed = browser.post_json("/reset/submit", &envelope).await;
    let told: serde_json::Value = serde_json::from_str(&replayed.body).unwrap();
    assert_eq!(told["location"], "/reset/outcome");
    assert_eq!(agent.script.lock().unwrap().opened.len(), 1);
    world.clock.advance(Duration::from_secs(3_600));
    assert!(browser.get("/reset/outcome").await.body.contains("La nuova password funziona"));

    // Every address on file hears of it, in Italian; the audit has it under the support code.
    let letters = world.letters().await;
    let mut told: Vec<_> = letters
        .iter()
        .filter(|letter| matches!(letter.template, Template::PasswordChanged { .. }))
        .map(|letter| (letter.to.clone().unwrap(), letter.language.tag()))
        .collect();
    told.sort();
    assert_eq!(told, [(ANNA.to_owned(), "it"), (ANNAS_MAIL.to_owned(), "it")]);
    let code = SupportCode(outcome.support_code());
    let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
    let steps: Vec<_> = facts.iter().map(|fact| (fact.activity.name(), fact.success.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("Self-service password reset flow activity progress", "success"),
            ("Self-service password reset flow activity progress", "success"),
            ("Reset password (self-service)", "success"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_password_leaves_the_gate_passed() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    agent.script.lock().unwrap().outcome =
        Outcome::Refused { rule: Rule::History { remembered: Some(24) }, operator: Operator::default() };
    let first = page.context();
    let answer = browser.post_json("/reset/submit", &page.seal(&world, &first, "Passw0rd-old")).await;
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&told["state"], &told["rule"]["rule"]), (&"refused".into(), &"history".into()));
    assert_eq!(told["message"], "This is one of your last 24 passwords.");
    let next: Context = serde_json::from_value(told["context"].clone()).unwrap();
    assert_ne!(next.request, first.request);
    assert!(browser.get("/reset/outcome").await.body.contains("This is one of your last 24 passwords."));

    agent.script.lock().unwrap().outcome = crate::agent::done();
    let again = browser.post_json("/reset/submit", &page.seal(&world, &next, "Another-Passw0rd")).await;
    assert!(again.body.contains("\"done\""), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrived_is_said_so_and_a_refusal_as_often_as_it_is_asked() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    past_the_gate(&world, &mut browser).await;
    let plain = browser.get("/reset/password").await;
    assert!(!plain.body.contains("id=\"not-arrived\""), "{}", plain.body);
    let asked = browser.get("/reset/outcome").await;
    assert_eq!(asked.location(), "/reset/password?arrived=nothing", "{}", asked.body);
    let told = browser.get(asked.location()).await;
    assert!(told.body.contains("so nothing was changed. Type it here."), "{}", told.body);

    // What this page makes goes through: by the look, nothing was used up. One that is not the page's is refused, and a page that
    // looks for itself leaves the refusal to the page that the person sees.
    let page = PageContext::of(&told);
    let mut invented = page.context();
    invented.request = ritorno_protocol::ids::RequestId::random(&*world.state.random);
    browser.post_json("/reset/submit", &page.seal(&world, &invented, "Passw0rd-1")).await;
    for _ in 0..2 {
        let outcome = browser.get("/reset/outcome").await;
        assert!(outcome.body.contains("What arrived is not what this page gave out"), "{}", outcome.body);
    }
    let sealed = page.seal(&world, &page.context(), "Another-Passw0rd");
    let done = browser.post_json("/reset/submit", &sealed).await;
    assert!(done.body.contains("\"done\""), "{}", done.body);
    assert!(browser.get("/reset/outcome").await.body.contains("notice-ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_proved_is_said_so() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    agent.script.lock().unwrap().outcome = Outcome::Unknown { operator: Operator::default() };
    let answer =
        browser.post_json("/reset/submit", &page.seal(&world, &page.context(), "Another-Passw0rd")).await;
    assert!(answer.body.contains("\"unknown\""), "{}", answer.body);
    let outcome = browser.get("/reset/outcome").await;
    assert!(outcome.body.contains("Do not start again"), "{}", outcome.body);
    assert_eq!(browser.get("/reset/password").await.location(), "/reset/outcome");
    let sent = world.letters().await;
    assert!(sent.is_empty(), "nobody is told of a change that is not proved: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_before_the_keys_were_renewed_is_told_so() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    agent.renews_its_key(&world).await;
    let sealed = page.seal(&world, &page.context(), "Another-Passw0rd");
    let answer = browser.post_json("/reset/submit", &sealed).await;
    assert!(answer.body.contains("renewed its keys while this page was open"), "{}", answer.body);
    let told = browser.get("/reset/outcome").await;
    assert!(told.body.contains("renewed its keys while this page was open"), "{}", told.body);
    assert!(told.body.contains("href=\"/reset/password\""), "the gate is still passed: {}", told.body);

    // One that can't be opened for another reason is told of that.
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    agent.opens_nothing();
    let sealed = page.seal(&world, &page.context(), "Another-Passw0rd");
    let answer = browser.post_json("/reset/submit", &sealed).await;
    assert!(answer.body.contains("What arrived is not what this page gave out"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_handed_out_is_sent_on() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    let page = past_the_gate(&world, &mut browser).await;
    // A context of one's own making.
    let mut invented = page.context();
    invented.request = ritorno_protocol::ids::RequestId::random(&*world.state.random);
    let answer = browser.post_json("/reset/submit", &page.seal(&world, &invented, "Passw0rd-1")).await;
    assert!(answer.body.contains("\"failed\""), "{}", answer.body);
    assert!(browser.get("/reset/outcome").await.body.contains("What arrived is not what this page gave out"));
    // The right request for somebody else's anchor.
    let mut tampered: Envelope =
        serde_json::from_str(&page.seal(&world, &page.context(), "Passw0rd-1")).unwrap();
    tampered.context.anchor.0 = "paolo.bianchi==".into();
    let answer = browser.post_json("/reset/submit", &serde_json::to_string(&tampered).unwrap()).await;
    assert!(answer.body.contains("\"failed\""), "{}", answer.body);
    assert!(agent.script.lock().unwrap().opened.is_empty());
    // A browser that never was in the flow.
    let mut stranger = Browser::new(&world.app, "en");
    let answer = stranger.post_json("/reset/submit", &page.seal(&world, &page.context(), "Passw0rd-1")).await;
    assert_eq!(answer.status, StatusCode::GONE);
    let answer = browser.post_json("/reset/submit", "{\"no\": 1}").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(agent.script.lock().unwrap().opened.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_account_is_told_after_the_gate() {
    let world = World::new().await;
    let agent = TestAgent::link(&world).await;
    agent.script.lock().unwrap().found = Found::Nothing {
        fault: Fault::Protected,
        operator: Operator { detail: "adminCount".into(), ..Operator::default() },
    };
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", "CONTOSO\\Anna.Rossi")]).await;
    let code = world.code(ANNAS_MAIL).await;
    browser.post("/reset/code", &[("code", &code)]).await;
    let page = browser.get("/reset/password").await;
    assert!(page.body.contains("SSPR_0029") && !page.body.contains("adminCount"), "{}", page.body);
    let code = SupportCode(page.support_code());
    let facts = world.state.store.audit().by_support_code(world.tenant.id, &code).await.unwrap();
    assert!(facts.last().unwrap().reason.contains("adminCount"));
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_people_look_alike() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    for name in [ANNA, NOBODY, "senza.posta@contoso.test", "CONTOSO\\nobody"] {
        let mut browser = Browser::new(&app, "en");
        let mut steps = Vec::new();
        let before = counted.statements();
        let began = tokio::time::Instant::now();
        let start = browser.post("/reset/start", &[("name", name)]).await;
        assert!(began.elapsed() >= ritorno_http::portal::RELEASED_AFTER);
        steps.push((start.status, alike(&start), counted.statements() - before));
        for step in ["code", "wrong", "resend", "code"] {
            let before = counted.statements();
            let answer = match step {
                "code" => browser.get("/reset/code").await,
                "wrong" => browser.post("/reset/code", &[("code", "00000000")]).await,
                _ => browser.post("/reset/resend", &[]).await,
            };
            steps.push((answer.status, alike(&answer), counted.statements() - before));
        }
        seen.push((name, steps));
    }
    let (_, first) = &seen[0];
    assert!(first.iter().all(|(_, _, statements)| *statements > 0));
    for (name, steps) in &seen[1..] {
        assert_eq!(steps, first, "{name}");
    }
}

/// A page without its random parts: codes, tokens, and the letters of the mask.
pub(crate) fn alike(answer: &Answer) -> (String, Vec<String>, usize) {
    let mut body = answer.body.clone();
    let length = body.len();
    if body.contains("id=\"support-code\"") {
        body = body.replace(&answer.support_code(), "CODE");
    }
    if let Some(at) = body.find("@m•••.test") {
        // The first and the last letter of the name in front.
        let start = body[..at].rfind([' ', '>']).unwrap() + 1;
        body.replace_range(start..at, "MASK");
    }
    let mark = "challenge&#34;:&#34;";
    if let Some(at) = body.find(mark).map(|at| at + mark.len()) {
        let end = at + body[at..].find('&').unwrap();
        body.replace_range(at..end, "CHALLENGE");
    }
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap();
        let shown = match name.as_str() {
            "set-cookie" => value.len().to_string(),
            _ => value.to_owned(),
        };
        format!("{name}: {shown}")
    });
    (body, headers.collect(), length)
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_wrong_expired_or_spent() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", ANNA)]).await;
    let code = world.code(ANNAS_MAIL).await;
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    let answer = browser.post("/reset/code", &[("code", "12")]).await;
    assert!(answer.body.contains("A code has eight digits."));
    let answer = browser.post("/reset/code", &[("code", wrong)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("That code is not right."), "{}", answer.body);
    world.clock.advance(Duration::from_secs(5 * 60));
    let answer = browser.post("/reset/code", &[("code", &code)]).await;
    assert!(answer.body.contains("That code has expired."), "{}", answer.body);

    browser.post("/reset/resend", &[]).await;
    let code = world.code(ANNAS_MAIL).await;
    for _ in 0..5 {
        browser.post("/reset/code", &[("code", wrong)]).await;
    }
    let answer = browser.post("/reset/code", &[("code", &code)]).await;
    assert!(answer.body.contains("too many wrong tries"), "{}", answer.body);

    // The third mail of the hour is the last; the page goes on all the same.
    browser.post("/reset/resend", &[]).await;
    assert_eq!(world.letters().await.len(), 1);
    let silent = browser.post("/reset/resend", &[]).await;
    assert_eq!(silent.location(), "/reset/code?sent=1");
    assert_eq!(world.letters().await.len(), 0);

    world.clock.advance(Duration::from_secs(15 * 60));
    let late = browser.get("/reset/code").await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.body.contains("This reset has ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hammering_does_not_stop_a_person_on_their_usual_browser() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut usual = Browser::new(&world.app, "en");
    past_the_gate(&world, &mut usual).await;
    finish(&world, &mut usual).await;

    // Somebody else asks for every code there is and tries them all, until the day's wrong codes are used up.
    let mut hammer = Browser::new(&world.app, "en");
    let mut stopped = false;
    for _ in 0..3 {
        for _ in 0..3 {
            hammer.post("/reset/start", &[("name", ANNA)]).await;
            for _ in 0..5 {
                let answer = hammer.post("/reset/code", &[("code", "00000000")]).await;
                stopped |= answer.status == StatusCode::TOO_MANY_REQUESTS;
            }
        }
        if stopped {
            break;
        }
        world.clock.advance(Duration::from_secs(3_600));
    }
    assert!(stopped, "twenty wrong codes a day stop the method");
    world.letters().await;
    hammer.post("/reset/start", &[("name", ANNA)]).await;
    assert!(world.letters().await.is_empty(), "no fourth mail in an hour for strangers");

    // Anna, where she succeeded before, gets her code, goes on, and has a new password.
    past_the_gate(&world, &mut usual).await;
    finish(&world, &mut usual).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_reset_hears_it_by_mail_only() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let mut browser = Browser::new(&world.app, "en");
    browser.post("/reset/start", &[("name", "senza.posta@contoso.test")]).await;
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    assert_eq!(letter.to.as_deref(), Some("senza.posta@contoso.test"));
    let Template::Withheld { sspr_code, support_code } = &letter.template else { panic!("{letter:?}") };
    assert_eq!(sspr_code, "SSPR_0014");
    let page = browser.get("/reset/code").await;
    assert!(!page.body.contains("SSPR_") && page.support_code() == *support_code);
    let flows = world.state.store.flows();
    let code = SupportCode(support_code.clone());
    let flow = flows.by_support_code(world.tenant.id, &code).await.unwrap().unwrap();
    assert!(matches!(flow.person, Person::Withheld { code: SsprCode::NotProperlyConfigured, .. }));
    assert_eq!(flow.state, FlowState::CodeSent);
}

#[tokio::test(flavor = "multi_thread")]
async fn link_switches_the_language_and_it_stays() {
    let world = World::new().await;
    let mut browser = Browser::new(&world.app, "en-GB");
    let page = browser.get("/").await;
    assert!(page.body.contains("href=\"/?lang=it\""), "{}", page.body);
    assert!(browser.get("/?lang=it").await.body.contains("Reimposta la password"));
    assert!(browser.get("/").await.body.contains("Reimposta la password"));
}
