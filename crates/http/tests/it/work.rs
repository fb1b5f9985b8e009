//! Work that a browser does before a name is taken, where many were given lately.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use ritorno_identity::gates::GatePolicy;
use ritorno_identity::language::Language;
use ritorno_identity::limit::{FREE_STARTS_FROM_NETWORK, FREE_STARTS_OF_NAME, STARTS, WAITED};
use ritorno_identity::method::Method;
use ritorno_identity::name::SignInName;
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::work::{LEVELS, PIECES, Pressure, VALID, WAIT, zero_bits};
use ritorno_protocol::clock::Clock as _;

use crate::agent::TestAgent;
use crate::both_languages::whole;
use crate::browser::{Answer, Browser};
use crate::known_browser::finish;
use crate::methods::register_app;
use crate::portal::alike;
use crate::register::proven;
use crate::world::World;

const ANNA: &str = "anna.rossi@contoso.test";
const NOBODY: &str = "anna.verdi@contoso.test";

/// The page that asks for work.
struct Asked {
    challenge: String,
    bits: u32,
    wait: u64,
}

impl Asked {
    fn of(page: &Answer) -> Self {
        let after = |mark: &str, end: char| {
            let at = page.body.find(mark).unwrap_or_else(|| panic!("no {mark}: {}", page.body)) + mark.len();
            page.body[at..].chars().take_while(|c| *c != end).collect::<String>()
        };
        assert_eq!((page.status, after("data-pieces=\"", '"')), (StatusCode::OK, PIECES.to_string()));
        Self {
            challenge: after("name=\"challenge\" value=\"", '"'),
            bits: after("data-bits=\"", '"').parse().unwrap(),
            wait: after("Then wait ", ' ').parse().unwrap(),
        }
    }

    /// What a browser computes.
    fn answer(&self) -> String {
        let found = |piece| (0..).find(|number| zero_bits(&self.challenge, piece, *number) >= self.bits);
        let numbers = (0..).map(|piece| found(piece).unwrap().to_string());
        numbers.take(PIECES).collect::<Vec<_>>().join(".")
    }
}

/// Does the work that a page asks for, and gives the name again.
pub(crate) async fn works(browser: &mut Browser, path: &str, name: &str, page: &Answer) -> Answer {
    let asked = Asked::of(page);
    let answer = asked.answer();
    let fields = [("name", name), ("challenge", asked.challenge.as_str()), ("answer", answer.as_str())];
    browser.post(path, &fields).await
}

async fn start(browser: &mut Browser, name: &str) -> Answer {
    browser.post("/reset/start", &[("name", name)]).await
}

async fn again(browser: &mut Browser, name: &str, challenge: &str, answer: &str) -> Answer {
    let fields = [("name", name), ("challenge", challenge), ("answer", answer)];
    browser.post("/reset/start", &fields).await
}

/// Gives a name as often as it costs nothing.
async fn press(world: &World, name: &str) {
    let mut hammer = Browser::new(&world.app, "en");
    for _ in 0..FREE_STARTS_OF_NAME {
        assert_eq!(start(&mut hammer, name).await.status, StatusCode::SEE_OTHER);
    }
}

/// Counts names as others of the tenant gave them.
async fn counted(world: &World, subject: Subject, times: u32) {
    let limits = world.state.store.limits();
    assert!(limits.count_many(world.tenant.id, &STARTS, &subject, times, world.clock.now()).await.unwrap());
}

async fn with_app_first(world: &World) {
    let gate_policy = GatePolicy::new(1, vec![Method::App, Method::Mail], 1, true).unwrap();
    let tenant = Tenant { gate_policy, ..world.tenant.clone() };
    world.state.store.tenants().update(&tenant).await.unwrap();
}

/// An hour of hammering one name stops neither its owner on their usual browser nor in a fresh one.
async fn hammering_costs_whoever_hammers(world: &World) {
    let _agent = TestAgent::link(world).await;
    with_app_first(world).await;
    let mut usual = Browser::new(&world.app, "en");
    proven(world, &mut usual).await;
    let app = register_app(world, &mut usual).await;
    let pass = async |browser: &mut Browser| {
        world.clock.advance(Duration::from_secs(30));
        browser.post("/reset/app", &[("code", &app.code(world))]).await.location().to_owned()
    };
    start(&mut usual, ANNA).await;
    assert_eq!(pass(&mut usual).await, "/reset/password");
    finish(world, &mut usual).await;
    world.clock.advance(STARTS.forgotten_after());

    let (mut hammer, mut bits) = (Browser::new(&world.app, "en"), Vec::new());
    let (mut flows, began) = (0, world.clock.now());
    while bits.len() < 14 {
        let answer = start(&mut hammer, ANNA).await;
        if answer.status == StatusCode::SEE_OTHER {
            flows += 1;
        } else {
            let asked = Asked::of(&answer);
            // Whoever does not work gets nowhere; what they lay in grows dearer for themselves.
            let repeated = Asked::of(&start(&mut hammer, ANNA).await);
            assert!(repeated.bits >= asked.bits && repeated.bits <= asked.bits + 1, "{bits:?}");
            assert_ne!(repeated.challenge, asked.challenge);
            let done = again(&mut hammer, ANNA, &asked.challenge, &asked.answer()).await;
            assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/reset/app"));
            bits.push(asked.bits);
        }
        world.clock.advance(Duration::from_secs(90));
    }
    assert_eq!(flows, FREE_STARTS_OF_NAME);
    assert!(bits.is_sorted() && bits.first() < bits.last(), "{bits:?}");
    // In a browser that nobody knows, Anna gets through by work, also from the network of whoever hammers.
    let mut fresh = Browser::new(&world.app, "en");
    let asked = Asked::of(&start(&mut fresh, ANNA).await);
    let through = again(&mut fresh, ANNA, &asked.challenge, &asked.answer()).await;
    assert_eq!(through.location(), "/reset/app", "{}", through.body);
    assert_eq!(pass(&mut fresh).await, "/reset/password");
    assert!(world.facts().await.iter().any(|fact| fact.reason == "name given, after a proof of work"));

    // For the rest of the hour it is asked for as often as a network may, and then more often.
    let mut stopped = false;
    while world.clock.now().since(began) < Duration::from_secs(3_600) {
        let answers = [start(&mut hammer, ANNA).await, start(&mut hammer, ANNA).await];
        stopped |= answers.iter().any(|answer| answer.status == StatusCode::UNPROCESSABLE_ENTITY);
        world.clock.advance(Duration::from_secs(60));
    }
    assert!(stopped, "so many names of a network are looked at in an hour");
    assert_eq!(
        start(&mut Browser::new(&world.app, "en"), NOBODY).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    // Anna, where she succeeded before, is asked for nothing, and has a new password.
    assert_eq!(start(&mut usual, ANNA).await.location(), "/reset/app");
    assert_eq!(pass(&mut usual).await, "/reset/password");
    finish(world, &mut usual).await;
    // After the hour nobody is asked for anything.
    world.clock.advance(STARTS.forgotten_after());
    assert_eq!(start(&mut Browser::new(&world.app, "en"), ANNA).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_hammering_costs_whoever_hammers() {
    hammering_costs_whoever_hammers(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_hammering_costs_whoever_hammers_on_postgres() {
    hammering_costs_whoever_hammers(&World::postgres().await).await;
}

/// Challenges that are fetched together are not paid at the price of the first, neither when they are fetched nor when they are redeemed.
async fn not_laid_in(world: &World) {
    let _agent = TestAgent::link(world).await;
    press(world, ANNA).await;
    let mut browser = Browser::new(&world.app, "en");
    let mut batch = Vec::new();
    for _ in 0..24 {
        batch.push(Asked::of(&start(&mut browser, ANNA).await));
    }
    let cheapest = batch[0].bits;
    assert_eq!(batch.last().unwrap().bits, cheapest + 2);
    assert!(batch.iter().filter(|asked| asked.bits == cheapest).count() <= 5);
    // It made it no dearer for anybody elsewhere.
    let pepper = &world.state.pepper;
    let name = Subject::of_name(pepper, world.tenant.id, &SignInName::parse(ANNA).unwrap());
    let starts = async || {
        let limits = world.state.store.limits();
        limits.counted(world.tenant.id, &STARTS, &name, world.clock.now()).await.unwrap()
    };
    assert_eq!(starts().await, FREE_STARTS_OF_NAME);
    // The dear ones go on, and by then the cheap ones are worth too little.
    for asked in batch.iter().rev() {
        let before = starts().await;
        let answer = again(&mut browser, ANNA, &asked.challenge, &asked.answer()).await;
        let level = Pressure { name: before + 1, network: 1, tenant: 1 }.level().unwrap();
        let goes_on = asked.bits - cheapest + 2 >= u32::from(level);
        assert_eq!(answer.status == StatusCode::SEE_OTHER, goes_on, "{} bits at level {level}", asked.bits);
        if !goes_on {
            let dearer = Asked::of(&answer);
            assert!(dearer.bits > asked.bits && dearer.challenge != asked.challenge);
            assert_eq!(starts().await, before, "it was not taken");
        }
    }
    assert_eq!(starts().await, FREE_STARTS_OF_NAME + 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_challenges_is_not_paid_at_the_lowest_price() {
    not_laid_in(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_challenges_is_not_paid_at_the_lowest_price_on_postgres() {
    not_laid_in(&World::postgres().await).await;
}

/// A challenge is good once, for one name, for its time, and only by its own work.
async fn good_once(world: &World) {
    let _agent = TestAgent::link(world).await;
    press(world, ANNA).await;
    press(world, NOBODY).await;
    let asked = Asked::of(&start(&mut Browser::new(&world.app, "en"), ANNA).await);
    let answer = asked.answer();
    let other = Asked::of(&start(&mut Browser::new(&world.app, "en"), NOBODY).await);
    let mut browser = Browser::new(&world.app, "en");
    for (challenge, answer) in [
        (&other.challenge, &answer),
        (&other.challenge, &other.answer()),
        (&asked.challenge, &other.answer()),
        (&asked.challenge, &format!("{answer}.0")),
        (&asked.challenge, &"0.0.0.0.0.0.0.0".to_owned()),
        (&asked.challenge, &"no work".to_owned()),
        (&String::new(), &answer),
    ] {
        let refused = Asked::of(&again(&mut browser, ANNA, challenge, answer).await);
        assert_ne!(refused.challenge, *challenge, "another one is asked for");
    }
    // Of many at once one goes on.
    let many = (0..20).map(|_| {
        let (mut browser, challenge, answer) =
            (Browser::new(&world.app, "en"), asked.challenge.clone(), answer.clone());
        async move { again(&mut browser, ANNA, &challenge, &answer).await.status }
    });
    let went_on = join_all(many).await.into_iter().filter(|status| *status == StatusCode::SEE_OTHER).count();
    assert_eq!(went_on, 1);
    let late = Asked::of(&start(&mut browser, NOBODY).await);
    world.clock.advance(VALID);
    let refused = again(&mut browser, NOBODY, &late.challenge, &late.answer()).await;
    assert_ne!(Asked::of(&refused).challenge, late.challenge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_once_for_one_name() {
    good_once(&World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_once_for_one_name_on_postgres() {
    good_once(&World::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_not_compute_waits_instead() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    press(&world, ANNA).await;
    let mut browser = Browser::new(&world.app, "en");
    for _ in 0..WAITED.most {
        let asked = Asked::of(&start(&mut browser, ANNA).await);
        assert_eq!(asked.wait, WAIT.as_secs());
        world.clock.advance(WAIT.saturating_sub(Duration::from_millis(1_500)));
        let early = again(&mut browser, ANNA, &asked.challenge, "").await;
        assert!(early.body.contains("That was too early."), "{}", early.body);
        let left = Asked::of(&early);
        assert_eq!(
            (&left.challenge, left.wait),
            (&asked.challenge, 2),
            "the same one goes on to be waited for"
        );
        world.clock.advance(Duration::from_millis(1_500));
        let through = again(&mut browser, ANNA, &asked.challenge, "").await;
        assert_eq!(through.location(), "/reset/code", "{}", through.body);
    }
    let facts = world.facts().await;
    assert!(facts.iter().any(|fact| fact.reason == "name given, code sent, after waiting"));
    let asked = Asked::of(&start(&mut browser, ANNA).await);
    world.clock.advance(WAIT);
    let too_often = again(&mut browser, ANNA, &asked.challenge, "").await;
    assert_eq!(too_often.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(too_often.body.contains("by waiting several times already"), "{}", too_often.body);
    // Work goes on all the same.
    let asked = Asked::of(&start(&mut browser, ANNA).await);
    assert_eq!(again(&mut browser, ANNA, &asked.challenge, &asked.answer()).await.location(), "/reset/code");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_waited_for_is_used_once() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    press(&world, ANNA).await;
    let mut browser = Browser::new(&world.app, "en");
    let asked = Asked::of(&start(&mut browser, ANNA).await);
    world.clock.advance(WAIT);
    assert_eq!(again(&mut browser, ANNA, &asked.challenge, "").await.location(), "/reset/code");
    for answer in ["", &asked.answer()] {
        let refused = Asked::of(&again(&mut browser, ANNA, &asked.challenge, answer).await);
        assert_ne!(refused.challenge, asked.challenge);
    }
    // A button that is pressed twice cost one of the times.
    let whose = Subject::of_name(&world.state.pepper, world.tenant.id, &SignInName::parse(ANNA).unwrap());
    let here = whose.from_network(&world.state.pepper, world.tenant.id, "0.0.0.0");
    let limits = world.state.store.limits();
    let counted = limits.counted(world.tenant.id, &WAITED, &here, world.clock.now()).await;
    assert_eq!(counted.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_asked_of_every_name() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    let mut seen = Vec::new();
    // Known and with an address, known and withheld, and nobody's; all as long.
    world.person("sara.posta", None).await;
    for name in [ANNA, "sara.posta@contoso.test", NOBODY] {
        let mut steps = Vec::new();
        press(&world, name).await;
        let mut browser = Browser::new(&app, "en");
        let before = counted.statements();
        let page = start(&mut browser, name).await;
        let asked = Asked::of(&page);
        let (body, headers, _) = alike(&page);
        let body = body.replace(&asked.challenge, "CHALLENGE").replace(name, "NAME");
        steps.push((body, headers, counted.statements() - before));
        let numbers = asked.answer();
        for answer in ["0.0.0.0.0.0.0.0", "", &numbers, &numbers] {
            let before = counted.statements();
            let page = again(&mut browser, name, &asked.challenge, answer).await;
            let (body, headers, _) = alike(&page);
            let fresh = page.body.contains("data-pieces").then(|| Asked::of(&page).challenge);
            let body = body.replace(fresh.as_deref().unwrap_or("nothing"), "CHALLENGE").replace(name, "NAME");
            steps.push((body, headers, counted.statements() - before));
        }
        seen.push(steps);
    }
    assert!(seen[0].iter().all(|(_, _, statements)| *statements > 5));
    assert_eq!([&seen[1], &seen[2]], [&seen[0]; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_and_the_tenant_are_asked_too_and_registration_as_well() {
    let world = World::new().await;
    let _agent = TestAgent::link(&world).await;
    let (pepper, tenant) = (&world.state.pepper, world.tenant.id);
    counted(&world, Subject::of_network(pepper, tenant, "0.0.0.0"), FREE_STARTS_FROM_NETWORK).await;
    let mut browser = Browser::new(&world.app, "en");
    for (path, then) in [
        ("/reset/start", ""),
        ("/register/start", ""),
        ("/register/start", "change"),
        ("/register/start", "account"),
    ] {
        let mut fields = vec![("name", ANNA)];
        if !then.is_empty() {
            fields.push(("then", then));
        }
        let page = browser.post(path, &fields).await;
        let asked = Asked::of(&page);
        assert!(page.body.contains(&format!("action=\"{path}\"")), "{}", page.body);
        let goes_along = page.body.contains(&format!("name=\"then\" value=\"{then}\""));
        assert_eq!(goes_along, !then.is_empty(), "{}", page.body);
        let front = match (path, then) {
            ("/reset/start", _) => "/",
            (_, "") => "/register",
            (_, "change") => "/change",
            _ => "/signin",
        };
        assert!(page.body.contains(&format!("data-front=\"{front}\"")), "{}", page.body);
        let answer = asked.answer();
        fields.extend([("challenge", asked.challenge.as_str()), ("answer", answer.as_str())]);
        let next = browser.post(path, &fields).await;
        let wanted = match (path, then) {
            ("/reset/start", _) => "/reset/code",
            (_, "") => "/register/password",
            (_, "change") => "/register/password?then=change",
            _ => "/register/password?then=account",
        };
        assert_eq!(next.location(), wanted, "{}", next.body);
    }
    world.clock.advance(STARTS.forgotten_after());
    counted(&world, Subject::of_tenant(pepper, tenant), 20_000).await;
    let most = Asked::of(&start(&mut browser, NOBODY).await);
    assert_eq!(most.wait, WAIT.as_secs() * u64::from(LEVELS));
    assert_eq!(PIECES << most.bits, 65_536, "it ends there");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_both_languages() {
    for language in Language::ALL {
        let world = World::new().await;
        let _agent = TestAgent::link(&world).await;
        press(&world, ANNA).await;
        let mut browser = Browser::new(&world.app, language.tag());
        let page = start(&mut browser, ANNA).await;
        whole(&page, language, ["It takes some seconds", "Dura qualche secondo"]);
        whole(&page, language, ["Then wait 30 seconds instead", "Allora aspetta 30 secondi"]);
        let mark = "name=\"challenge\" value=\"";
        let challenge = page.body.split(mark).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let early = again(&mut browser, ANNA, &challenge, "").await;
        whole(&early, language, ["That was too early", "Era troppo presto"]);
    }
}
