//! Whom no token helps, and what a token takes back.

use ritorno_identity::administrator::Role;
use ritorno_identity::audit::{Activity, Actor};
use ritorno_identity::mail::Template;
use ritorno_identity::method::Method;
use ritorno_identity::registration::AddressChange;
use ritorno_identity::user::User;

use crate::api_world::{Call, Told, call, every_scope};
use crate::world::World;

const REASON: Option<&str> = Some(r#"{"reason":"ticket 4711"}"#);
const CODE: Option<&str> = Some(r#"{"code":"BCDF-GHJK"}"#);
const CASE: &str = "00000000-0000-4000-8000-000000000001";

async fn send(world: &World, token: &str, method: &str, path: &str, body: Option<&str>) -> Told {
    call(&world.app, method, path, &Call { token: Some(token), body, ..Call::default() }).await
}

/// Somebody new, who registered an address.
async fn registered(world: &World, account: &str) -> User {
    let user = world.person(account, None).await;
    let users = world.state.store.users();
    let address = format!("{account}@mail.test");
    assert!(users.set_registered_mail(world.tenant.id, user.id, None, Some(&address)).await.unwrap());
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_helps_themselves_or_an_administrator_by_a_token() {
    let world = World::new().await;
    let (own, other) = (registered(&world, "own").await, registered(&world, "other").await);
    for (name, user) in [("root", &own), ("desk", &other)] {
        world.administrator(name, Role::Global, true).await;
        let (id, administrators) = (world.named(name).await.id, world.state.store.administrators());
        assert!(administrators.set_person(world.tenant.id, id, Some(user.id)).await.unwrap());
    }
    let (_, token) = world.token("root", every_scope()).await;
    for user in [&own, &other] {
        let at = |rest: &str| format!("/api/v1/people/{}/{rest}", user.id);
        for (method, path, body) in [
            ("DELETE", at("methods/mail"), None),
            ("DELETE", at("methods/app"), None),
            ("GET", at("help-desk/case"), None),
            ("POST", at("help-desk/codes"), REASON),
            ("POST", at("help-desk/approvals"), REASON),
            ("POST", at(&format!("help-desk/cases/{CASE}/check")), CODE),
            ("POST", at(&format!("help-desk/cases/{CASE}/pass")), None),
        ] {
            let told = send(&world, &token, method, &path, body).await;
            assert_eq!((told.status.as_u16(), told.kind().as_str()), (403, "not-helped"), "{method} {path}");
        }
        let now = world.state.store.users().get(world.tenant.id, user.id).await.unwrap().unwrap();
        assert!(now.registered_mail.is_some(), "nothing was taken back");
    }
    assert!(world.letters().await.is_empty() && world.facts().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_takes_back_the_person_hears_of() {
    let world = World::new().await;
    world.administrator("root", Role::Global, true).await;
    let (made, token) = world.token("root", every_scope()).await;
    let user = registered(&world, "giulia.verdi").await;
    let path = format!("/api/v1/people/{}/methods/mail", user.id);
    let told = send(&world, &token, "DELETE", &path, None).await;
    assert_eq!((told.status.as_u16(), told.text.as_str()), (204, ""));
    let now = world.state.store.users().get(world.tenant.id, user.id).await.unwrap().unwrap();
    assert_eq!(now.registered_mail, None);
    let letters = world.letters().await;
    assert!(
        letters.iter().any(|letter| letter.to.as_deref() == Some("giulia.verdi@mail.test")),
        "also the address that went is told"
    );
    for letter in &letters {
        assert!(
            matches!(&letter.template, Template::AddressChanged { change: AddressChange::Removed, .. }),
            "{letter:?}"
        );
    }
    let facts = world.facts().await;
    let [fact] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((fact.activity, fact.target), (Activity::MethodRevoked, Some(user.id)));
    assert_eq!(fact.actor, Actor::Administrator(made.administrator));
    assert_eq!(fact.reason, format!("{}; by the token '{}' {}", Method::Mail.as_str(), made.name, made.id));
    // There is nothing more to be taken back.
    assert_eq!(send(&world, &token, "DELETE", &path, None).await.kind(), "not-found");
    assert!(world.letters().await.is_empty());

    // A registered number is seen, masked, and taken back as an address is.
    let users = world.state.store.users();
    assert!(users.set_registered_mobile(user.tenant, user.id, None, Some("+393331234567")).await.unwrap());
    let person = format!("/api/v1/people/{}", user.id);
    let seen = send(&world, &token, "GET", &person, None).await;
    assert!(seen.text.contains("\"sms\":true") && !seen.text.contains("3331234567"), "{}", seen.text);
    let told = send(&world, &token, "DELETE", &format!("{person}/methods/sms"), None).await;
    assert_eq!(told.status.as_u16(), 204, "{}", told.text);
    assert_eq!(users.get(user.tenant, user.id).await.unwrap().unwrap().registered_mobile, None);
}
