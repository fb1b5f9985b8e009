//! Mails before a password expires, over a simulated month.

use std::time::Duration;

use ritorno_http::expiry_mails::once;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Channel, Letter, Template};
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Clock as _;

use crate::world::World;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// Every letter in the outbox, as if it had been sent.
async fn taken(world: &World) -> Vec<Letter> {
    let outbox = world.state.store.mail_outbox();
    let mails = outbox
        .take(world.tenant.id, &world.state.node_key, Channel::Mail, 100, HOUR, world.clock.now())
        .await
        .unwrap();
    for mail in &mails {
        outbox.done(mail.tenant, mail.id).await.unwrap();
    }
    mails.into_iter().map(|mail| mail.letter).collect()
}

async fn people_are_told_on_their_days_in_their_language(world: &World) {
    let (store, start) = (&world.state.store, world.clock.now());
    let tenant = store.tenants().get(world.tenant.id).await.unwrap().unwrap();
    assert_eq!(tenant.expiry_days, [14, 7, 1], "as a new tenant has it");
    let off = Tenant { expiry_days: Vec::new(), ..tenant.clone() };
    assert!(store.tenants().update(&off).await.unwrap());
    let expires = start.plus(DAY.saturating_mul(20));
    let set = async |name: &str, alter: &dyn Fn(&mut User)| {
        let mut user = world.person(name, Some("own@mail.test")).await;
        user.password_expires_at = Some(expires);
        alter(&mut user);
        store.users().update(&user, 1).await.unwrap();
        user
    };
    let anna = set("anna", &|user| user.language = Some(Language::Italian)).await;
    set("disabled", &|user| user.enabled = false).await;
    set("never", &|user| user.password_expires_at = None).await;
    set("far", &|user| user.password_expires_at = Some(expires.plus(DAY.saturating_mul(1_000)))).await;
    let outside = set("outside", &|user| user.mail = None).await;
    // Switched off.
    world.clock.advance(DAY.saturating_mul(19));
    assert_eq!(once(&world.state).await.unwrap(), 0);
    assert!(store.tenants().update(&tenant).await.unwrap());
    // Whoever has no mailbox at work gets it at another address.
    assert_eq!(once(&world.state).await.unwrap(), 2);
    let letters = taken(world).await;
    let to = |letters: &[Letter]| {
        let mut to: Vec<String> = letters.iter().filter_map(|letter| letter.to.clone()).collect();
        to.sort();
        to
    };
    assert_eq!(to(&letters), ["anna@contoso.test", "own@mail.test"]);
    assert_eq!(once(&world.state).await.unwrap(), 0, "once for each day");
    let hers = letters.iter().find(|letter| letter.to.as_deref() == Some("anna@contoso.test")).unwrap();
    assert_eq!(hers.language, Language::Italian);
    let Template::PasswordExpires { at_ms, page, .. } = &hers.template else { panic!("{:?}", hers.template) };
    assert_eq!((*at_ms, page.ends_with("/change")), (expires.unix_ms(), true), "{page}");

    // She changes it; the other one's expires, and no mail comes after that.
    let again = expires.plus(DAY.saturating_mul(90));
    let changed = User { password_expires_at: Some(again), ..anna };
    store.users().update(&changed, 2).await.unwrap();
    let removed = store.users().delete(world.tenant.id, outside.id).await.unwrap();
    assert!(removed);
    let mut days = Vec::new();
    for _ in 0..(24 * 100) {
        world.clock.advance(HOUR);
        let told = once(&world.state).await.unwrap();
        for letter in taken(world).await {
            assert_eq!(letter.to.as_deref(), Some("anna@contoso.test"));
            days.push(again.since(world.clock.now()).as_secs().div_ceil(86_400));
        }
        assert!(told <= 1);
    }
    assert_eq!(days, [14, 7, 1]);

    // A mail that can't be sent in time is not sent when it has happened.
    let (within, now) = (world.clock.now().plus(HOUR), world.clock.now());
    let soon = User { password_expires_at: Some(within), ..changed };
    store.users().update(&soon, 3).await.unwrap();
    assert_eq!(once(&world.state).await.unwrap(), 1);
    let outbox = store.mail_outbox();
    let mails =
        outbox.take(world.tenant.id, &world.state.node_key, Channel::Mail, 100, HOUR, now).await.unwrap();
    assert_eq!(mails.iter().map(|mail| mail.expires_at).collect::<Vec<_>>(), [within]);
    outbox.done(mails[0].tenant, mails[0].id).await.unwrap();

    // Whom self-service is not for is not sent to its page.
    let nobody = Tenant { sspr_enabled: false, ..tenant };
    assert!(store.tenants().update(&nobody).await.unwrap());
    let soon = User { password_expires_at: Some(within.plus(HOUR)), ..soon };
    store.users().update(&soon, 4).await.unwrap();
    assert_eq!(once(&world.state).await.unwrap(), 0);
    assert_eq!(taken(world).await.len(), 0);
}

#[tokio::test]
async fn people_are_told_on_their_days_in_their_language_on_sqlite() {
    people_are_told_on_their_days_in_their_language(&World::new().await).await;
}

#[tokio::test]
async fn people_are_told_on_their_days_in_their_language_on_postgres() {
    people_are_told_on_their_days_in_their_language(&World::postgres().await).await;
}
