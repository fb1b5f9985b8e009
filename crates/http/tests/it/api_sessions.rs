//! Every operation of the API's document, with every role, over the console's session: fresh, stale, half, ended, another tenant's, and from another
//! site. The operations and whom they are for are those of [`crate::api_matrix`].

use std::collections::BTreeMap;
use std::time::Duration;

use ritorno_identity::administrator::{Administrator, Role, Scope};
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::session::{ABSOLUTE, FRESH, IDLE};

use crate::api_matrix::{By, Expected, HYBRID, Matrix, at, table};
use crate::api_world::{Told, of_ours};
use crate::world::World;

/// Long ago enough that the second factor is asked for anew.
const STALE: Duration = FRESH;
/// Just not.
const BARELY_FRESH: Duration = Duration::from_secs(FRESH.as_secs() - 1);

/// Which roles may, whether it takes a fresh proof, and with what status it ends then.
fn in_person(row: &Expected) -> (&'static [Role], bool, &'static [u16]) {
    match row.by {
        By::Anybody | By::Everybody => (&Role::ALL, false, &[200]),
        // It is about a token.
        By::AnyToken => (&Role::ALL, false, &[404]),
        // In person also what makes the guard stricter takes a cloud-only administrator with a fresh proof, and not a global one.
        By::Roles(_, _, ends) if row.operation == "PUT /api/v1/deletion-guard" => (HYBRID, true, ends),
        By::Roles(roles, _, ends) => (roles, false, ends),
        // What takes another one's eyes takes no fresh proof.
        By::InPerson(roles, ends) => (roles, !row.operation.ends_with("/approval"), ends),
    }
}

async fn matrix(world: World) -> Matrix {
    let matrix = Matrix::of(world).await;
    matrix.world.asks_for_apps(&Role::ALL.map(Role::as_str)).await;
    matrix
}

/// Asks as a page of ours does. Who is revoked is another agent each time.
async fn ask(matrix: &mut Matrix, row: &Expected, cookie: &str) -> Told {
    if row.operation == "DELETE /api/v1/agents/{agent}" {
        let other = matrix.world.enrolled("other-agent").await.0.id.to_string();
        let kept = matrix.values.insert("agent", other).unwrap();
        let told = matrix.ask_so(row, None, of_ours(cookie)).await;
        matrix.values.insert("agent", kept);
        return told;
    }
    matrix.ask_so(row, None, of_ours(cookie)).await
}

async fn every_operation_every_role_every_session(world: World) {
    let mut matrix = matrix(world).await;
    for role in Role::ALL {
        let own = matrix.world.named(role.as_str()).await;
        let fresh = matrix.world.session_of(&own, BARELY_FRESH).await;
        let stale = matrix.world.session_of(&own, STALE).await;
        for row in &table() {
            let (roles, takes_fresh, ends) = in_person(row);
            for (cookie, is_fresh) in [(&stale, false), (&fresh, true)] {
                let told = ask(&mut matrix, row, cookie).await;
                let who = format!("{} fresh={is_fresh}", role.as_str());
                if !roles.contains(&role) {
                    assert_eq!(told.kind(), "forbidden", "{}", at(row, &who, &told));
                } else if takes_fresh && !is_fresh {
                    assert_eq!((told.status.as_u16(), told.kind().as_str()), (403, "fresh-proof"), "{who}");
                    assert_eq!(told.json()["proof"], "/console/second");
                } else {
                    assert!(ends.contains(&told.status.as_u16()), "{}", at(row, &who, &told));
                }
            }
        }
    }
    // Whatever was done was done in person.
    let facts = matrix.world.facts().await;
    assert!(facts.len() > 40, "{}", facts.len());
    for fact in facts {
        assert!(matches!(fact.actor, Actor::Administrator(_)), "{fact:?}");
        assert!(!fact.reason.contains("token"), "{fact:?}");
        assert!(fact.from.is_some() || fact.activity == Activity::EnrolmentTokenMade, "{fact:?}");
    }
}

async fn no_session_that_does_not_hold_opens_anything(world: World) {
    let matrix = matrix(world).await;
    let world = &matrix.world;
    let other = world.other_tenant().await;
    let mut dead = vec![
        ("no cookie".to_owned(), String::new(), "sign-in"),
        ("another cookie".to_owned(), "__Host-flow=x".to_owned(), "sign-in"),
        ("no token in it".to_owned(), "__Host-console=".to_owned(), "sign-in"),
        ("an invented one".to_owned(), format!("__Host-console={}", "A".repeat(43)), "sign-in"),
    ];
    for role in Role::ALL {
        let own = world.named(role.as_str()).await;
        let of = |what: &str| format!("{what} of {}", role.as_str());
        let elsewhere = Administrator { tenant: other, ..own.clone() };
        world.state.store.administrators().insert(&elsewhere).await.unwrap();
        let theirs = world.session_of(&elsewhere, Duration::ZERO).await;
        dead.push((of("another tenant's"), theirs, "sign-in"));
        dead.push((of("a half one"), world.half_session_of(&own).await, "second-factor"));
        let ended = world.session_of(&own, Duration::ZERO).await;
        let digest =
            ritorno_identity::token::Token::from_text(ended.split_once('=').unwrap().1).unwrap().digest();
        assert!(world.state.store.sessions().delete(world.tenant.id, &digest).await.unwrap());
        dead.push((of("an ended one"), ended, "sign-in"));
    }
    for row in &table() {
        for (who, cookie, kind) in &dead {
            let told = matrix.ask_so(row, None, of_ours(cookie)).await;
            if matches!(row.by, By::Anybody) {
                assert!(told.status.is_success(), "{}", at(row, who, &told));
                continue;
            }
            assert_eq!((told.status.as_u16(), told.kind().as_str()), (401, *kind), "{}", at(row, who, &told));
            let member = if *kind == "sign-in" { "sign_in" } else { "proof" };
            let page = if *kind == "sign-in" { "/console/sign-in" } else { "/console/second" };
            assert_eq!(told.json()[member], page, "{told:?}");
        }
    }
    assert!(world.facts().await.is_empty());
}

/// What another site makes a browser send does nothing, whatever is asked; nor does it read.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_makes_a_browser_ask() {
    let matrix = matrix(World::new().await).await;
    let cookie = matrix.world.session(Role::Global.as_str()).await;
    let elsewhere: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")],
        // A browser that says nothing of the site.
        &[("origin", "https://evil.test")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://other.contoso.test"), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
    ];
    let mut refused = 0;
    for row in table().iter().filter(|row| !matches!(row.by, By::Anybody)) {
        for said in elsewhere {
            let headers: BTreeMap<_, _> = said
                .iter()
                .copied()
                .chain([("cookie", cookie.as_str()), ("host", "reset.contoso.test")])
                .collect();
            let reads = row.operation.starts_with("GET ");
            // A link to a page has no site of its own to tell: an address that is typed has none either.
            if reads && !headers.contains_key("sec-fetch-site") {
                continue;
            }
            let told = matrix.ask_so(row, None, headers).await;
            let expected = (403, "cross-site");
            assert_eq!(
                (told.status.as_u16(), told.kind().as_str()),
                expected,
                "{said:?} {}",
                at(row, "", &told)
            );
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
    assert!(matrix.world.facts().await.is_empty(), "nothing was done");
    let typed = BTreeMap::from([("cookie", cookie.as_str()), ("sec-fetch-site", "none")]);
    let row = table().into_iter().find(|row| row.operation == "GET /api/v1/agents").unwrap();
    assert_eq!(matrix.ask_so(&row, None, typed).await.status, 200);
}

/// Who is for some people only sees no others, and nothing about the whole tenant; one of a directory does nothing that takes a cloud-only one.
#[tokio::test(flavor = "multi_thread")]
async fn scopes_and_directories_hold_in_person_too() {
    let matrix = matrix(World::new().await).await;
    let world = &matrix.world;
    let desk = world.named(Role::Authentication.as_str()).await;
    let scope = Scope { domain: Some("fabrikam.test".into()), group: None };
    assert!(world.state.store.administrators().set_scope(world.tenant.id, desk.id, &scope).await.unwrap());
    let cookie = world.session(Role::Authentication.as_str()).await;
    for row in &table() {
        let told = matrix.ask_so(row, None, of_ours(&cookie)).await;
        let expected = match row.by {
            By::Anybody | By::Everybody => "",
            By::AnyToken => "not-found",
            _ if row.operation == "GET /api/v1/people" => "",
            _ if row.operation.contains("{person}") || row.operation.contains("/support-codes/") => {
                "not-found"
            }
            _ => "forbidden",
        };
        assert_eq!(told.kind(), expected, "{}", at(row, "a scoped one", &told));
        assert!(!told.text.contains("anna.rossi"), "{}", at(row, "a scoped one", &told));
    }
    world.administrator("synced", Role::Global, false).await;
    world.asks_for_apps(&["synced"]).await;
    let cookie = world.session("synced").await;
    for row in table().iter().filter(|row| in_person(row).1 && !row.operation.contains("{person}")) {
        let told = matrix.ask_so(row, None, of_ours(&cookie)).await;
        assert_eq!(told.kind(), "forbidden", "{}", at(row, "synced", &told));
        assert!(told.text.contains("cloud-only"), "{}", told.text);
    }
}

/// A session that is used goes on, one that is not ends, and none lasts for ever.
#[tokio::test(flavor = "multi_thread")]
async fn asking_is_using_the_session() {
    let matrix = matrix(World::new().await).await;
    let (world, row) =
        (&matrix.world, table().into_iter().find(|row| row.operation == "GET /api/v1/me").unwrap());
    let (used, left) = (world.session("global").await, world.session("global").await);
    let almost = IDLE - Duration::from_secs(1);
    let mut lasted = Duration::ZERO;
    while lasted + almost < ABSOLUTE {
        world.clock.advance(almost);
        lasted += almost;
        assert_eq!(matrix.ask_so(&row, None, of_ours(&used)).await.status, 200, "{lasted:?}");
    }
    assert_eq!(matrix.ask_so(&row, None, of_ours(&left)).await.kind(), "sign-in");
    world.clock.advance(almost);
    assert_eq!(matrix.ask_so(&row, None, of_ours(&used)).await.kind(), "sign-in");
}

mod sqlite {
    use super::World;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_operation_every_role_every_session() {
        super::every_operation_every_role_every_session(World::new().await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_session_that_does_not_hold_opens_anything() {
        super::no_session_that_does_not_hold_opens_anything(World::new().await).await;
    }
}

mod postgres {
    use super::World;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_operation_every_role_every_session() {
        super::every_operation_every_role_every_session(World::postgres().await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_session_that_does_not_hold_opens_anything() {
        super::no_session_that_does_not_hold_opens_anything(World::postgres().await).await;
    }
}
