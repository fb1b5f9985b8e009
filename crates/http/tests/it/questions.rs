//! Security questions: chosen and answered by their owner, asked at the second gate, and shown to nobody before the first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::StatusCode;
use ritorno_identity::administrator::Role;
use ritorno_identity::language::Language;
use ritorno_identity::method::Method;
use ritorno_identity::question::PREDEFINED;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::tenant::Tenant;

use crate::agent::TestAgent;
use crate::both_languages::whole;
use crate::browser::{Answer, Browser};
use crate::console::signed_in;
use crate::methods::{policy, told};
use crate::portal::PageContext;
use crate::register::{ANNA, proven};
use crate::world::World;

const NOBODY: &str = "anna.verdi@contoso.test";
const ANNAS_MAIL: &str = "anna.rossi@mail.test";
/// What Anna chooses, and how she answers.
const CHOSEN: [(&str, &str); 5] = [
    ("first-pet", "Fido il  Grande"),
    ("first-car", "Fiat 500"),
    ("childhood-street", "Via Garibaldi"),
    ("parents-met", "Trieste"),
    ("lost-thing", "un ombrello"),
];

/// Chooses and answers, in the browser of somebody who proved their password.
async fn choose(browser: &mut Browser, chosen: &[(&str, &str)]) -> Answer {
    let fields: Vec<(&str, &str)> =
        chosen.iter().flat_map(|(question, answer)| [("question", *question), ("answer", *answer)]).collect();
    browser.post("/register/questions", &fields).await
}

/// What is asked on a page of the gate, in its order.
fn asked(page: &Answer) -> Vec<String> {
    let labels = page.body.split("<label class=\"question\"").skip(1);
    labels.map(|rest| rest.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()).collect()
}

/// Begins, and passes the first gate by mail.
async fn at_the_second_gate(world: &World, browser: &mut Browser) {
    world.letters().await;
    assert_eq!(browser.post("/reset/start", &[("name", ANNA)]).await.location(), "/reset/code");
    let code = world.code(ANNAS_MAIL).await;
    let passed = browser.post("/reset/code", &[("code", &code)]).await;
    assert_eq!(passed.location(), "/reset/gate", "{}", passed.body);
}

/// What each question says, by its key, from the page on which they are chosen.
async fn words(browser: &mut Browser) -> BTreeMap<String, String> {
    let page = browser.get("/register/questions").await;
    let list = page.body.split("<select").nth(1).expect("a list").split("</select>").next().unwrap();
    let options = list.split("<option value=\"").skip(2);
    options
        .map(|rest| {
            let (key, rest) = rest.split_once('"').unwrap();
            (rest.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned(), key.to_owned())
        })
        .collect()
}

/// Answers what the page asks as Anna did, in other letters.
async fn answer(browser: &mut Browser, page: &Answer, words: &BTreeMap<String, String>) -> Answer {
    let answers: Vec<String> = asked(page)
        .iter()
        .map(|question| {
            let key = &words[question];
            let (_, typed) = CHOSEN.iter().find(|(chosen, _)| chosen == key).expect("one that she chose");
            format!(" {} ", typed.to_uppercase())
        })
        .collect();
    let fields: Vec<(&str, &str)> = answers.iter().map(|typed| ("answer", typed.as_str())).collect();
    browser.post("/reset/questions", &fields).await
}

async fn registered_and_asked(world: &World) {
    let _agent = TestAgent::link(world).await;
    policy(world, 2, &[Method::Mail, Method::Questions]).await;
    let mut owner = Browser::new(&world.app, "en");
    assert_eq!(owner.get("/register/questions").await.status, StatusCode::GONE);
    proven(world, &mut owner).await;
    let words = words(&mut owner).await;
    assert_eq!(words.values().cloned().collect::<BTreeSet<_>>(), PREDEFINED.map(str::to_owned).into());
    let with = |at: usize, question, answer| {
        let mut chosen = CHOSEN.to_vec();
        chosen[at] = (question, answer);
        chosen
    };
    for (chosen, fault) in [
        (CHOSEN[..4].to_vec(), "Choose a question from each list"),
        (with(1, "", "Fiat 500"), "Choose a question from each list"),
        (with(1, "no-such-key", "Fiat 500"), "Choose a question from each list"),
        (with(1, "own:Which tree?", "Fiat 500"), "Choose a question from each list"),
        (with(1, "first-pet", "Fiat 500"), "Choose each question once"),
        (with(1, "first-car", "no"), "An answer has 3 to 40 characters"),
        (with(1, "first-car", " fido IL grande "), "Two questions have the same answer"),
    ] {
        let refused = choose(&mut owner, &chosen).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(fault), "{fault}: {}", refused.body);
        assert!(!refused.body.contains("Garibaldi"), "no answer is shown");
    }
    assert!(told(world).await.is_empty());
    let saved = choose(&mut owner, &CHOSEN).await;
    assert_eq!(saved.location(), "/register/methods?done=questions", "{}", saved.body);
    assert_eq!(told(world).await, [(Method::Questions, AddressChange::Registered); 2]);
    let list = owner.get("/register/methods").await;
    assert!(list.body.contains("You have answered 5 questions."), "{}", list.body);

    // Forgotten. What is wrong is wrong whichever it is, and others are asked then.
    let mut browser = Browser::new(&world.app, "en");
    at_the_second_gate(world, &mut browser).await;
    assert!(browser.get("/reset/gate").await.body.contains("href=\"/reset/questions\""));
    let page = browser.get("/reset/questions").await;
    let first = asked(&page);
    assert_eq!((page.status, first.len()), (StatusCode::OK, 3));
    assert_eq!(asked(&browser.get("/reset/questions").await), first, "a reload changes nothing");
    let unread = browser.post("/reset/questions", &[("answer", "Fido"), ("answer", "Fido")]).await;
    assert!(unread.body.contains("Answer every question."), "{}", unread.body);
    assert_eq!(asked(&unread), first, "what was not compared was no try");
    let right: Vec<&str> = first
        .iter()
        .map(|question| CHOSEN.iter().find(|(key, _)| *key == words[question]).unwrap().1)
        .collect();
    let but_one = [("answer", right[0]), ("answer", right[1]), ("answer", "Fiat 600")];
    let mut page = browser.post("/reset/questions", &but_one).await;
    assert!(page.body.contains("These answers are not all right."), "{}", page.body);
    let mut drawn = vec![first, asked(&page)];
    for _ in 0..2 {
        page = browser.post("/reset/questions", &[("answer", "Fiat 600"); 3]).await;
        drawn.push(asked(&page));
    }
    assert!(drawn.iter().collect::<BTreeSet<_>>().len() > 1, "others are drawn: {drawn:?}");
    let passed = answer(&mut browser, &page, &words).await;
    assert_eq!(passed.location(), "/reset/password", "{}", passed.body);
    PageContext::of(&browser.get("/reset/password").await);

    // The help desk sees that there are some, and nothing more; it can take them back.
    world.administrator("ellen", Role::Global, true).await;
    let mut desk = signed_in(world, "ellen").await;
    let person = format!("/console/people?name={}", ANNA.replace('@', "%40"));
    let seen = desk.get(&person).await;
    assert!(seen.body.contains("id=\"person-questions\">registered<"), "{}", seen.body);
    assert!(!words.keys().any(|question| seen.body.contains(question.as_str())), "{}", seen.body);
    let back = desk.post("/console/people/revoke", &[("name", ANNA), ("what", "questions")]).await;
    assert!(back.location().contains("helped=revoked"), "{}", back.location());
    assert!(desk.get(&person).await.body.contains("id=\"person-questions\">none<"));
    assert_eq!(told(world).await, [(Method::Questions, AddressChange::Removed); 2]);
    browser.post("/reset/start", &[("name", ANNA)]).await;
    assert_eq!(browser.get("/reset/questions").await.location(), "/reset/code");
    world.letters().await;

    // What was proved before the help desk took something back is over.
    assert_eq!(owner.get("/register/questions").await.status, StatusCode::GONE);
    proven(world, &mut owner).await;

    // So can their owner; and no answer is in the audit.
    choose(&mut owner, &CHOSEN).await;
    choose(&mut owner, &CHOSEN).await;
    owner.post("/register/questions/remove", &[]).await;
    let changes = [AddressChange::Registered, AddressChange::Replaced, AddressChange::Removed];
    let told = told(world).await;
    // What was queued in one moment comes in any order.
    for change in changes {
        let of_it = told.iter().filter(|one| **one == (Method::Questions, change)).count();
        assert_eq!(of_it, 2, "{change:?}: {told:?}");
    }
    assert_eq!(told.len(), 6);
    let reasons: Vec<String> = world.facts().await.into_iter().map(|fact| fact.reason).collect();
    assert!(reasons.iter().any(|reason| reason == "questions wrong"), "{reasons:?}");
    assert!(!reasons.iter().any(|reason| reason.to_lowercase().contains("fi") && reason.contains("500")));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_registered_and_asked() {
    registered_and_asked(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_registered_and_asked_on_postgres() {
    registered_and_asked(&World::postgres().await).await;
}

/// Before the first gate nobody sees a question, of whatever name and in whichever spelling, and none is answered.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_questions_before_the_first_gate() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    policy(&world, 2, &[Method::Mail, Method::Questions]).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(&world, &mut owner).await;
    choose(&mut owner, &CHOSEN).await;
    for name in [ANNA, "CONTOSO\\anna.rossi", "paolo.bianchi@contoso.test", NOBODY, "CONTOSO\\nobody"] {
        let mut browser = Browser::new(&world.app, "en");
        browser.post("/reset/start", &[("name", name)]).await;
        let code = browser.get("/reset/code").await;
        assert!(!code.body.contains("/reset/questions"), "{name}: {}", code.body);
        let shown = browser.get("/reset/questions").await;
        assert_eq!((shown.status, shown.location()), (StatusCode::SEE_OTHER, "/reset/code"), "{name}");
        let tried = browser.post("/reset/questions", &[("answer", "Fiat 500"); 3]).await;
        assert_eq!((tried.status, tried.location()), (StatusCode::SEE_OTHER, "/reset/code"), "{name}");
    }
    let reasons: Vec<String> = world.facts().await.into_iter().map(|fact| fact.reason).collect();
    assert!(!reasons.iter().any(|reason| reason.starts_with("questions ")), "{reasons:?}");
}

/// Whoever knows three of five does not begin anew until it is those that are asked.
async fn beginning_anew_draws_nothing_anew(world: &World) {
    let _agent = TestAgent::link(world).await;
    policy(world, 2, &[Method::Mail, Method::Questions]).await;
    let mut owner = Browser::new(&world.app, "en");
    proven(world, &mut owner).await;
    choose(&mut owner, &CHOSEN).await;
    let mut days = BTreeSet::new();
    for _ in 0..6 {
        let mut drawn = BTreeSet::new();
        for _ in 0..3 {
            let mut browser = Browser::new(&world.app, "en");
            at_the_second_gate(world, &mut browser).await;
            drawn.insert(asked(&browser.get("/reset/questions").await));
        }
        assert_eq!(drawn.len(), 1, "{drawn:?}");
        days.append(&mut drawn);
        world.clock.advance(Duration::from_secs(24 * 3_600));
    }
    assert!(days.len() > 1, "another day draws others: {days:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_anew_is_asked_the_same_that_day() {
    beginning_anew_draws_nothing_anew(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_anew_is_asked_the_same_that_day_on_postgres() {
    beginning_anew_draws_nothing_anew(&World::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_says_how_many_and_which() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    world.administrator("ellen", Role::Global, true).await;
    let mut desk = signed_in(&world, "ellen").await;
    for (fields, fault) in [
        ([("to_register", "3"), ("to_ask", "4"), ("own", "")], "at most as many as they answered"),
        ([("to_register", "x"), ("to_ask", "3"), ("own", "")], "at most as many as they answered"),
        ([("to_register", "3"), ("to_ask", "3"), ("own", "ab")], "A question has 3 to 200 characters"),
        ([("to_register", "3"), ("to_ask", "3"), ("own", "A tree?\nA TREE?")], "stands there twice"),
    ] {
        let refused = desk.post("/console/sspr/questions", &fields).await;
        assert!(refused.body.contains(fault), "{fault}: {}", refused.body);
    }
    let own = "Which tree stands in our yard?\r\n\r\n Quale albero c'è nel cortile? ";
    let saved =
        desk.post("/console/sspr/questions", &[("to_register", "3"), ("to_ask", "3"), ("own", own)]).await;
    assert_eq!(saved.location(), "/console/sspr", "{}", saved.body);
    let gates = [
        ("gates", "2"),
        ("first", "mail"),
        ("method", "mail"),
        ("method", "questions"),
        ("to_register", "2"),
    ];
    assert_eq!(desk.post("/console/sspr/gates", &gates).await.location(), "/console/sspr");
    let page = desk.get("/console/sspr").await;
    assert!(page.body.contains("Which tree stands in our yard?\nQuale albero"), "{}", page.body);
    let reasons: Vec<String> = world.facts().await.into_iter().map(|fact| fact.reason).collect();
    assert!(
        reasons.contains(&"security questions: 3 to register, 3 asked, 2 of your own".to_owned()),
        "{reasons:?}"
    );

    let mut owner = Browser::new(&world.app, "it");
    proven(&world, &mut owner).await;
    let tree = "own:Which tree stands in our yard?";
    let saved = choose(&mut owner, &[CHOSEN[0], CHOSEN[1], (tree, "una quercia")]).await;
    assert_eq!(saved.location(), "/register/methods?done=questions", "{}", saved.body);
    // Whoever answered one that is taken away keeps it; who has fewer than are asked has none, not even on the way.
    let mut browser = Browser::new(&world.app, "en");
    at_the_second_gate(&world, &mut browser).await;
    for (number, there) in [("3", true), ("4", false)] {
        let fields = [("to_register", number), ("to_ask", number), ("own", "")];
        assert_eq!(desk.post("/console/sspr/questions", &fields).await.location(), "/console/sspr");
        let page = browser.get("/reset/questions").await;
        assert_eq!(page.status == StatusCode::OK, there, "{}", page.body);
        let asked = asked(&page);
        assert_eq!(asked.len(), if there { 3 } else { 0 });
        assert_eq!(asked.contains(&"Which tree stands in our yard?".to_owned()), there, "{asked:?}");
    }
    let all = [("answer", "Fido il grande"), ("answer", "Fiat 500"), ("answer", "una quercia")];
    assert_eq!(browser.post("/reset/questions", &all).await.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_both_languages() {
    for language in Language::ALL {
        let world = World::new().await;
        let _agent = TestAgent::link(&world).await;
        policy(&world, 2, &[Method::Mail, Method::Questions]).await;
        let mut browser = Browser::new(&world.app, language.tag());
        proven(&world, &mut browser).await;
        let page = browser.get("/register/methods").await;
        whole(&page, language, ["You have answered no questions", "Non hai risposto a nessuna domanda"]);
        let page = browser.get("/register/questions").await;
        whole(&page, language, ["name of your first pet?", "il tuo primo animale?"]);
        let fault = choose(&mut browser, &CHOSEN[..2]).await;
        whole(&fault, language, ["Choose a question from each", "Scegli una domanda da ogni"]);
        choose(&mut browser, &CHOSEN).await;
        let page = browser.get("/register/methods?done=questions").await;
        whole(&page, language, ["You have answered 5 questions", "Hai risposto a 5 domande"]);
        let page = browser.get("/register/questions").await;
        whole(&page, language, ["stops working when you save", "smettono di valere"]);
        at_the_second_gate(&world, &mut browser).await;
        whole(&browser.get("/reset/questions").await, language, ["as you did when", "come quando le hai"]);
        let fault = browser.post("/reset/questions", &[("answer", "x")]).await;
        whole(&fault, language, ["Answer every question", "Rispondi a ogni domanda"]);
        let fault = browser.post("/reset/questions", &[("answer", "Fiat 600"); 3]).await;
        whole(&fault, language, ["not all right", "non sono tutte giuste"]);
        let tenant = Tenant { writeback_enabled: true, ..world.tenant.clone() };
        assert!(!tenant.gate_policy.allows(Method::Questions), "off until somebody allows it");
    }
}
