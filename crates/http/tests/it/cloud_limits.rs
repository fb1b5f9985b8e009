//! What a stranger learns at the door of people whose directory is the tenant itself, and what stops whoever tries passwords.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use ritorno_http::portal::register::ANSWERED_AFTER;
use ritorno_identity::administrator::Role;
use ritorno_identity::audit::Activity;
use ritorno_identity::limit::PASSWORDS_TRIED_ANYWHERE;
use ritorno_identity::subject::Subject;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;

use crate::agent_api::on_both;
use crate::browser::Browser;
use crate::cloud::{CARLA, CARLAS_MAIL, FIRST, check, person, reset, sign_in, to_password, with_domain};
use crate::portal::alike;
use crate::world::{PASSWORD, World};

on_both!(
    known_and_unknown_names_look_alike,
    tries_are_counted_before_they_are_compared,
    hammering_from_elsewhere_does_not_stop_a_known_browser,
    where_a_password_is_judged_is_the_domains_choice,
    one_known_browser_uses_up_nothing_of_another,
    the_help_desk_lifts_what_stops_passwords,
    whoever_was_disabled_meanwhile_is_like_a_wrong_password,
);

const NOBODY: &str = "nobody.here@cloud.contoso.test";
const NO_PASSWORD: &str = "nuova@cloud.contoso.test";
const DISABLED: &str = "spenta@cloud.contoso.test";

async fn known_and_unknown_names_look_alike(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    person(world, NO_PASSWORD, "nuova@mail.test").await;
    let disabled = person(world, DISABLED, "spenta@mail.test").await;
    world.state.store.users().update(&User { enabled: false, ..disabled }, 1).await.unwrap();
    reset(world, FIRST).await;
    let counted = world.state.store.counted();
    let app = ritorno_http::router(ritorno_http::AppState { store: counted.clone(), ..world.state.clone() });
    for start in ["/register/start", "/reset/start"] {
        let mut seen = Vec::new();
        for name in [CARLA, NOBODY, NO_PASSWORD, DISABLED] {
            let mut browser = Browser::new(&app, "en");
            let before = counted.statements();
            let named = browser.post(start, &[("name", name)]).await;
            let mut steps = vec![(alike(&named), counted.statements() - before)];
            if start == "/register/start" {
                let before = counted.statements();
                steps.push((alike(&browser.get("/register/password").await), counted.statements() - before));
                let (before, began) = (counted.statements(), tokio::time::Instant::now());
                let wrong = browser.post("/register/check", &[("password", "not hers at all")]).await;
                let (took, slack) = (began.elapsed(), Duration::from_millis(500));
                assert!(took >= ANSWERED_AFTER && took < ANSWERED_AFTER + slack, "{name}: {took:?}");
                assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
                steps.push((alike(&wrong), counted.statements() - before));
            }
            assert!(steps.iter().all(|(_, statements)| *statements > 1));
            seen.push((name, steps));
        }
        for (name, steps) in &seen[1..] {
            assert_eq!(steps, &seen[0].1, "{start}: {name}");
        }
    }
}

/// How many passwords were compared, and how many were not.
async fn compared(world: &World) -> (usize, usize) {
    let facts = world.facts().await;
    let tries: Vec<_> = facts
        .iter()
        .filter(|fact| fact.activity == Activity::SignIn && fact.success.as_str() == "failure")
        .collect();
    let not = tries.iter().filter(|fact| fact.reason.contains("not compared")).count();
    (tries.len() - not, not)
}

async fn tries_are_counted_before_they_are_compared(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let mut named = Browser::new(&world.app, "en");
    to_password(&mut named, CARLA).await;
    let named = named.cookie("__Host-register");
    let tries = join_all((0..40).map(async |_| {
        let mut browser = Browser::new(&world.app, "en");
        browser.set_cookie("__Host-register", &named);
        check(&mut browser, "not hers at all").await.status
    }));
    let tries = tries.await;
    assert_eq!(tries.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count(), 5);
    assert_eq!(tries.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count(), 35);
    assert_eq!(compared(world).await, (5, 35));
    // Not even the right one is looked at there; an hour and a sixth later it is.
    let mut browser = Browser::new(&world.app, "en");
    world.clock.advance(Duration::from_secs(3_599));
    to_password(&mut browser, CARLA).await;
    assert_eq!(check(&mut browser, FIRST).await.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(Duration::from_secs(601));
    sign_in(&mut browser, CARLA, FIRST).await;
    // A right password is no try.
    for _ in 0..6 {
        sign_in(&mut Browser::new(&world.app, "en"), CARLA, FIRST).await;
    }
}

async fn hammering_from_elsewhere_does_not_stop_a_known_browser(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let mut hers = Browser::new(&world.app, "en");
    sign_in(&mut hers, CARLA, FIRST).await;
    hers.post("/sign-out", &[]).await;
    // From her own network, even.
    join_all((0..8).map(async |_| {
        let mut browser = Browser::new(&world.app, "en");
        to_password(&mut browser, CARLA).await;
        check(&mut browser, "not hers at all").await;
    }))
    .await;
    let mut elsewhere = Browser::new(&world.app, "en");
    to_password(&mut elsewhere, CARLA).await;
    assert_eq!(check(&mut elsewhere, FIRST).await.status, StatusCode::TOO_MANY_REQUESTS);
    sign_in(&mut hers, CARLA, FIRST).await;
    hers.post("/sign-out", &[]).await;
    // There it ends too, later.
    let mut tries = Vec::new();
    to_password(&mut hers, CARLA).await;
    for _ in 0..11 {
        tries.push(check(&mut hers, "not hers at all").await.status);
    }
    assert_eq!(tries.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count(), 10);
}

async fn where_a_password_is_judged_is_the_domains_choice(world: &World) {
    let tenant = with_domain(world, |_| ()).await;
    let _agent = crate::agent::TestAgent::link(world).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    // A password in the clear is taken for names of the tenant's own people only, and a sealed one for the others only.
    let mut browser = Browser::new(&world.app, "en");
    let page = crate::register::to_password(&mut browser, crate::register::ANNA).await;
    let clear = check(&mut browser, crate::register::CURRENT).await;
    assert_eq!(clear.location(), "/register/password", "{}", clear.body);
    assert_eq!(compared(world).await, (0, 0));
    to_password(&mut browser, CARLA).await;
    let sealed = page.seal_current(world, &page.context(), crate::register::CURRENT);
    assert_eq!(browser.post_json("/register/verify", &sealed).await.status, StatusCode::CONFLICT);
    // A person who comes from a directory has none here, whatever their domain. No agent can bring one (`scim_match.rs`), and no domain
    // is taken that has one; that it holds even so does not depend on either.
    let hybrid = world.person("ibrida", Some("ibrida@mail.test")).await;
    let renamed = User { user_principal_name: "ibrida@cloud.contoso.test".into(), ..hybrid };
    world.state.store.users().update(&renamed, 1).await.unwrap();
    to_password(&mut browser, "ibrida@cloud.contoso.test").await;
    assert_eq!(check(&mut browser, FIRST).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(tenant.cloud_domains.len(), 1);
}

/// What a browser has that was given a name, and in which its owner succeeded.
const KNOWN: [&str; 2] = ["__Host-register", "__Host-known"];

/// How many of so many wrong passwords at once are compared in this browser, where the name was given.
async fn wrong(world: &World, browser: &Browser, cookies: &[&str], tries: usize) -> usize {
    let cookies: Vec<_> = cookies.iter().map(|name| (*name, browser.cookie(name))).collect();
    let tries = join_all((0..tries).map(async |_| {
        let mut tab = Browser::new(&world.app, "en");
        for (name, value) in &cookies {
            tab.set_cookie(name, value);
        }
        check(&mut tab, "not hers at all").await.status
    }));
    tries.await.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count()
}

async fn one_known_browser_uses_up_nothing_of_another(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let mut browsers = [Browser::new(&world.app, "en"), Browser::new(&world.app, "en")];
    for browser in &mut browsers {
        world.clock.advance(Duration::from_secs(1));
        sign_in(browser, CARLA, FIRST).await;
        browser.post("/sign-out", &[]).await;
        to_password(browser, CARLA).await;
    }
    let [lost, hers] = &mut browsers;
    // When the browser's number is used up, what is left is the network's.
    assert_eq!(wrong(world, lost, &KNOWN, 17).await, 15);
    assert_eq!(wrong(world, hers, &KNOWN, 9).await, 9);
    assert_eq!(check(hers, FIRST).await.location(), "/account");
}

async fn the_help_desk_lifts_what_stops_passwords(world: &World) {
    with_domain(world, |_| ()).await;
    person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let (mut known, mut unknown) = (Browser::new(&world.app, "en"), Browser::new(&world.app, "en"));
    sign_in(&mut known, CARLA, FIRST).await;
    known.post("/sign-out", &[]).await;
    world.administrator("desk", Role::HelpDesk, true).await;
    let mut desk = Browser::new(&world.app, "en");
    desk.post("/console/sign-in", &[("name", "desk"), ("password", PASSWORD)]).await;
    for _ in 0..2 {
        for (browser, cookies) in [(&mut known, &KNOWN[..]), (&mut unknown, &KNOWN[..1])] {
            to_password(browser, CARLA).await;
            wrong(world, browser, cookies, 16).await;
            assert_eq!(check(browser, FIRST).await.status, StatusCode::TOO_MANY_REQUESTS);
        }
        desk.post("/console/people/lift", &[("name", CARLA)]).await;
        for browser in [&mut known, &mut unknown] {
            assert_eq!(check(browser, FIRST).await.location(), "/account");
            browser.post("/sign-out", &[]).await;
        }
        unknown = Browser::new(&world.app, "en");
    }
}

async fn whoever_was_disabled_meanwhile_is_like_a_wrong_password(world: &World) {
    with_domain(world, |_| ()).await;
    let carla = person(world, CARLA, CARLAS_MAIL).await;
    reset(world, FIRST).await;
    let users = world.state.store.users();
    let mut browser = Browser::new(&world.app, "en");
    to_password(&mut browser, CARLA).await;
    let stored = users.get(world.tenant.id, carla.id).await.unwrap().unwrap();
    users.update(&User { enabled: false, ..stored.clone() }, stored.version).await.unwrap();
    // From everywhere there were very many.
    let subject = Subject::of_user(&world.state.pepper, world.tenant.id, carla.id);
    let subject = subject.after_lifts(&world.state.pepper, world.tenant.id, 0);
    let (limits, now) = (world.state.store.limits(), world.clock.now());
    limits.count_many(world.tenant.id, &PASSWORDS_TRIED_ANYWHERE, &subject, 20, now).await.unwrap();
    let began = tokio::time::Instant::now();
    let answer = check(&mut browser, FIRST).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(began.elapsed() >= ANSWERED_AFTER + Duration::from_secs(4), "{:?}", began.elapsed());
    // It was counted: four are left, right or not.
    for number in 1..6 {
        let expected =
            if number < 5 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(check(&mut browser, FIRST).await.status, expected, "{number}");
    }
}
