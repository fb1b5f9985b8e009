//! Every page in every state, in both languages: whole, in the reader's language, with nothing left unsaid.

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::language::Language;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::outcome::{Done, Fault, Operator, Outcome};
use ritorno_protocol::policy::{EffectivePolicy, PolicySource, Rule};
use ritorno_protocol::query::Found;

use crate::agent::{TestAgent, policy};
use crate::browser::{Answer, Browser};
use crate::methods::App;
use crate::passkeys::{Device, options};
use crate::portal::{PageContext, past_the_gate};
use crate::register::{OWN, proven, register, to_password};
use crate::world::{PASSWORD, World};

/// A whole page of that language, with `words` on it.
pub(crate) fn whole(page: &Answer, language: Language, words: [&str; 2]) {
    let body = &page.body;
    let expected = match language {
        Language::English => words[0],
        Language::Italian => words[1],
    };
    assert!(
        body.starts_with(&format!("<!doctype html>\n<html lang=\"{}\" dir=\"ltr\">", language.tag())),
        "{body}"
    );
    assert_eq!(body.matches("<h1>").count(), 1, "{body}");
    assert!(body.contains("<main") && body.ends_with("</html>"), "{body}");
    assert!(!body.contains("{$") && !body.contains("{ $"), "a message lacks a part: {body}");
    assert!(body.contains(expected), "'{expected}' is not on the page: {body}");
    for id in body.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(body.matches(&format!(" id=\"{id}\"")).count(), 1, "#{id} is there twice");
    }
    for label in body.split("<label for=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(body.contains(&format!(" id=\"{label}\"")), "a label without its field: {label}");
    }
}

async fn submit(world: &World, browser: &mut Browser, page: &PageContext) {
    let sealed = page.seal(world, &page.context(), "Another-Passw0rd");
    assert_eq!(browser.post_json("/reset/submit", &sealed).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn peoples_pages() {
    for language in Language::ALL {
        let world = World::new().await;
        let mut browser = Browser::new(&world.app, language.tag());
        whole(&browser.get("/").await, language, ["can&#39;t be reached", "non è raggiungibile"]);
        let ended = browser.get("/reset/code").await;
        whole(&ended, language, ["This reset has ended", "Questa richiesta non è più valida"]);
        whole(&browser.get("/nothing").await, language, ["There is no such page", "non esiste"]);

        let agent = TestAgent::link(&world).await;
        whole(&browser.get("/").await, language, ["Send me a code", "Mandami un codice"]);
        let fault = browser.post("/reset/start", &[("name", "anna")]).await;
        whole(&fault, language, ["A sign-in name looks like", "Un nome di accesso è fatto così"]);

        // Nothing says more than the code page: faults, and a new code.
        browser.post("/reset/start", &[("name", "paolo.bianchi@contoso.test")]).await;
        whole(&browser.get("/reset/code").await, language, ["a code is on its way", "un codice è in arrivo"]);
        let fault = browser.post("/reset/code", &[("code", "1")]).await;
        whole(&fault, language, ["A code has eight digits", "Un codice ha otto cifre"]);
        browser.post("/reset/resend", &[]).await;
        let resent = browser.get("/reset/code?sent=1").await;
        whole(&resent, language, ["Only the latest code holds", "Vale solo il codice più recente"]);
        world.letters().await;

        let page = past_the_gate(&world, &mut browser).await;
        whole(
            &browser.get("/reset/password").await,
            language,
            ["At least 7 characters", "Almeno 7 caratteri"],
        );
        let unread = PolicySource::UnreadablePso { name: "Strict".into() };
        agent.script.lock().unwrap().found = Found::Person {
            policy: EffectivePolicy { source: unread, ..policy() },
            locked: false,
            disabled: false,
        };
        let unread = browser.get("/reset/password").await;
        whole(&unread, language, ["can&#39;t be read here", "non si possono leggere"]);
        agent.script.lock().unwrap().found =
            Found::Person { policy: policy(), locked: false, disabled: true };
        let disabled = browser.get("/reset/password").await;
        whole(&disabled, language, ["Your account is disabled", "Il tuo account è disabilitato"]);

        let operator = Operator::default;
        agent.script.lock().unwrap().outcome =
            Outcome::Refused { rule: Rule::MinimumLength { minimum: 14 }, operator: operator() };
        submit(&world, &mut browser, &page).await;
        let refused = browser.get("/reset/outcome").await;
        whole(&refused, language, ["at least 14 characters", "almeno 14 caratteri"]);

        let again = |script: &mut crate::agent::Script, outcome| {
            script.found = Found::Person { policy: policy(), locked: false, disabled: false };
            script.outcome = outcome;
        };
        let fault = Fault::PdcUnreachable { name: "dc1.contoso.test".into() };
        again(&mut agent.script.lock().unwrap(), Outcome::NotApplied { fault, operator: operator() });
        let page = PageContext::of(&browser.get("/reset/password").await);
        submit(&world, &mut browser, &page).await;
        whole(&browser.get("/reset/outcome").await, language, ["SSPR_0030", "SSPR_0030"]);

        let done = Done { unlocked: false, must_change: true, history_enforced: true, operator: operator() };
        again(&mut agent.script.lock().unwrap(), Outcome::Done(done));
        let page = PageContext::of(&browser.get("/reset/password").await);
        submit(&world, &mut browser, &page).await;
        let done = browser.get("/reset/outcome").await;
        whole(&done, language, ["may still be locked", "può essere ancora bloccato"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_register_an_address() {
    for language in Language::ALL {
        let world = World::new().await;
        let mut browser = Browser::new(&world.app, language.tag());
        let stopped = browser.get("/register").await;
        whole(&stopped, language, ["can&#39;t be reached", "non è raggiungibile"]);
        let ended = browser.get("/register/address").await;
        whole(&ended, language, ["more than 15 minutes", "più di 15 minuti"]);

        let _agent = TestAgent::link(&world).await;
        whole(&browser.get("/register").await, language, ["I have forgotten", "Ho dimenticato"]);
        let fault = browser.post("/register/start", &[("name", "CONTOSO\\anna")]).await;
        whole(&fault, language, ["Here a sign-in name", "Qui il nome di accesso"]);
        to_password(&mut browser, "paolo.bianchi@contoso.test").await;
        let password = browser.get("/register/password").await;
        whole(&password, language, ["Current password", "Password attuale"]);

        let address = proven(&world, &mut browser).await;
        whole(&address, language, ["Your mail address", "Il tuo indirizzo di posta"]);
        let fault = browser.post("/register/address", &[("address", "anna")]).await;
        whole(&fault, language, ["looks like anna@example.com", "fatto così: anna@example.com"]);
        browser.post("/register/address", &[("address", OWN)]).await;
        world.letters().await;
        let sent = browser.get("/register/code").await;
        whole(&sent, language, ["is on its way to a•••••a", "è in arrivo a a•••••a"]);
        let fault = browser.post("/register/code", &[("code", "1")]).await;
        whole(&fault, language, ["A code has eight digits", "Un codice ha otto cifre"]);
        browser.post("/register/resend", &[]).await;
        world.letters().await;
        let resent = browser.get("/register/code?sent=1").await;
        whole(&resent, language, ["A new code is on its way", "Un nuovo codice è in arrivo"]);
        world.clock.advance(std::time::Duration::from_secs(3_600));

        let done = register(&world, &mut browser, OWN).await;
        whole(&done, language, ["Your address is registered", "Il tuo indirizzo è registrato"]);
        world.letters().await;
        let replace = proven(&world, &mut browser).await;
        whole(&replace, language, ["Remove the registered", "Togli l&#39;indirizzo"]);
        browser.post("/register/remove", &[]).await;
        let removed = browser.get("/register/done").await;
        whole(&removed, language, ["Your address is removed", "Il tuo indirizzo è stato tolto"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn console_pages() {
    for language in Language::ALL {
        let world = World::new().await;
        world.administrator("root", Role::Global, true).await;
        world.administrator("desk", Role::HelpDesk, true).await;
        let mut browser = Browser::new(&world.app, language.tag());
        whole(&browser.get("/console/sign-in").await, language, ["Sign in to the", "Accedi alla"]);
        let wrong = browser.post("/console/sign-in", &[("name", "root"), ("password", "no")]).await;
        whole(&wrong, language, ["Name or password is wrong", "Nome o password non corretti"]);
        browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        whole(
            &browser.get("/console").await,
            language,
            ["No agent is enrolled", "Non è ancora registrato nessun agente"],
        );
        let _agent = TestAgent::link(&world).await;
        let overview = browser.get("/console").await;
        whole(&overview, language, ["Passwords can be written back", "le password si possono riscrivere"]);
        assert!(overview.body.contains("lab-agent") && overview.body.contains("dc1.contoso.test"));
        let token = browser.post("/console/enrolment-tokens", &[]).await;
        whole(&token, language, ["It holds until", "Vale fino a"]);
        let confirm = browser.get("/console/onboarding").await;
        whole(&confirm, language, ["shows a code", "mostra un codice"]);
        let unknown = browser.post("/console/onboarding/confirm", &[("code", "BCDF-GHJK")]).await;
        whole(&unknown, language, ["There is no such code", "Questo codice non esiste"]);
        let found = browser.get("/console/people?name=anna.rossi@contoso.test").await;
        whole(&found, language, ["possible", "possibile"]);
        let some = browser.get("/console/people?name=ross").await;
        whole(&some, language, ["People whose names contain", "Persone il cui nome contiene"]);
        let nobody = browser.get("/console/people?name=no.body@contoso.test").await;
        whole(&nobody, language, ["Nobody has this name", "Nessuno ha questo nome"]);
        whole(&browser.get("/console/audit").await, language, ["an administrator", "un amministratore"]);
        let nothing = browser.get("/console/audit?code=00000-00000").await;
        whole(&nothing, language, ["Nothing found", "Non si è trovato niente"]);
        let mut desk = Browser::new(&world.app, language.tag());
        desk.post("/console/sign-in", &[("name", "desk"), ("password", PASSWORD)]).await;
        whole(&desk.get("/console").await, language, ["Your role does not", "Il tuo ruolo non"]);
        whole(&desk.get("/console/licences").await, language, ["This takes the role", "Ci vuole il ruolo"]);
        second_factor_pages(&world, language).await;
    }
}

async fn second_factor_pages(world: &World, language: Language) {
    let tenant = Tenant { second_factor: true, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
    let mut browser = Browser::new(&world.app, language.tag());
    browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
    let page = browser.get("/console/second/app").await;
    whole(&page, language, ["You set it up once", "Si configura una volta sola"]);
    let wrong = browser.post("/console/second/app", &[("code", "000000")]).await;
    whole(&wrong, language, ["not the code of this key", "Non è il codice di questa chiave"]);
    browser.post("/console/second/app", &[("code", &App::of(&page).code(world))]).await;
    let mut browser = Browser::new(&world.app, language.tag());
    browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
    let asked = browser.get("/console/second?then=/console").await;
    whole(&asked, language, ["Show that you are you", "Dimostra che sei tu"]);
    for _ in 0..5 {
        let wrong = browser.post("/console/second", &[("code", "000000")]).await;
        whole(&wrong, language, ["That code is not right", "Il codice non è giusto"]);
    }
    let stopped = browser.post("/console/second", &[("code", "000000")]).await;
    whole(&stopped, language, ["Too many wrong tries", "Troppi tentativi sbagliati"]);
    world.administrator("keys", Role::Global, true).await;
    let mut browser = Browser::new(&world.app, language.tag());
    browser.post("/console/sign-in", &[("name", "keys"), ("password", PASSWORD)]).await;
    let first = browser.get("/console/second/passkey").await;
    whole(&first, language, ["from then on", "da quel momento"]);
    let failed = browser.post("/console/second/passkey", &[("name", "x"), ("credential", "{}")]).await;
    whole(&failed, language, ["could not be registered", "non è stata registrata"]);
    let mut device = Device::new(world);
    let made = device.create(&options(&browser.get("/console/second/passkey").await));
    browser.post("/console/second/passkey", &[("name", "Laptop"), ("credential", &made)]).await;
    whole(
        &browser.get("/console/passkeys").await,
        language,
        ["last second factor", "ultimo secondo fattore"],
    );
    let nameless = browser.post("/console/passkeys", &[("name", ""), ("credential", "{}")]).await;
    whole(&nameless, language, ["needs a name", "ha bisogno di un nome"]);
    let mut browser = Browser::new(&world.app, language.tag());
    let wrong = browser.post("/console/passkey", &[("credential", "{}")]).await;
    whole(&wrong, language, ["not registered for the console", "non è registrata per la console"]);
    browser.post("/console/sign-in", &[("name", "keys"), ("password", PASSWORD)]).await;
    let asked = browser.get("/console/second").await;
    whole(&asked, language, ["Use my passkey", "Usa la mia passkey"]);
}
