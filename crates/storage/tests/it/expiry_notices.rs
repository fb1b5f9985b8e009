//! Who was told that their password expires.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::expiry::{Due, due};
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Letter, Mail, NOTICE_VALID, Template};
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::UserId;

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    each_day_is_told_once,
    people_who_are_disabled_or_whose_password_stays_are_never_due,
    of_many_servers_one_tells,
    they_come_in_pages_and_of_one_tenant,
);

const DAY: Duration = Duration::from_secs(86_400);
const DAYS: [u16; 3] = [14, 7, 1];

fn in_days(days: u32) -> Timestamp {
    NOW.plus(DAY.saturating_mul(days))
}

async fn add(f: &Fixture, name: &str, expires: Option<Timestamp>) -> Result<User> {
    let user = User { password_expires_at: expires, ..f.person(name) };
    f.store.users().insert(&user).await?;
    Ok(user)
}

/// Everybody who is due at `now`, with the day.
async fn all_due(f: &Fixture, now: Timestamp) -> Result<Vec<(UserId, u16)>> {
    let mut found = Vec::new();
    for due in due(&DAYS, now) {
        let people = f.store.expiry_notices().due(f.tenant.id, &due, None, 100).await?;
        found.extend(people.into_iter().map(|user| (user.id, due.days)));
    }
    Ok(found)
}

fn mail(f: &Fixture, now: Timestamp) -> Mail {
    let template =
        Template::PasswordExpires { display_name: "Anna".into(), at_ms: 0, page: "https://x".into() };
    let letter = Letter { to: Some("anna@mail.test".into()), language: Language::Italian, template };
    Mail::new(f.tenant.id, letter, NOTICE_VALID, now, &f.random)
}

async fn tell(f: &Fixture, user: &User, expires: Timestamp, days: u16, now: Timestamp) -> Result<bool> {
    let (notices, mail) = (f.store.expiry_notices(), mail(f, now));
    Ok(notices.tell((user.id, expires), days, &mail, &f.node_key, &f.random).await?)
}

async fn each_day_is_told_once(f: &Fixture) -> Result<()> {
    let expires = in_days(20);
    let mut anna = add(f, "anna", Some(expires)).await?;
    let stored = f.store.users().get(f.tenant.id, anna.id).await?;
    assert_eq!(stored.and_then(|user| user.password_expires_at), Some(expires));
    let mut told = 0;
    // An hour at a time, until it has expired.
    for hour in 0..(24 * 22) {
        let now = NOW.plus(Duration::from_secs(3_600 * hour));
        for (id, days) in all_due(f, now).await? {
            assert_eq!(id, anna.id);
            assert!(tell(f, &anna, expires, days, now).await?);
            assert!(!tell(f, &anna, expires, days, now).await?, "twice on one day");
            assert_eq!(all_due(f, now).await?, []);
            told += 1;
        }
    }
    assert_eq!((told, f.store.mail_outbox().waiting(f.tenant.id, NOW).await?), (3, 3));
    // A new password, and it begins anew.
    anna.password_expires_at = Some(in_days(60));
    let stored = f.store.users().update(&anna, 1).await?;
    assert_eq!(stored, ritorno_storage::Updated::Done { version: 2 });
    assert_eq!(all_due(f, in_days(50)).await?, [(anna.id, 14)]);
    // Nobody runs for a week: the day that was missed stays missed.
    assert_eq!(all_due(f, in_days(54)).await?, [(anna.id, 7)]);
    assert!(tell(f, &anna, in_days(60), 7, in_days(54)).await?);
    assert!(!tell(f, &anna, in_days(60), 14, in_days(54)).await?);
    Ok(())
}

async fn people_who_are_disabled_or_whose_password_stays_are_never_due(f: &Fixture) -> Result<()> {
    add(f, "never", None).await?;
    let gone = User { enabled: false, password_expires_at: Some(in_days(3)), ..f.person("disabled") };
    f.store.users().insert(&gone).await?;
    for days in 0..5 {
        assert_eq!(all_due(f, in_days(days)).await?, []);
    }
    // Many at once, as the synchronisation adds them.
    let many: Vec<User> = (0..20)
        .map(|n| User { password_expires_at: Some(in_days(n)), ..f.person(&format!("p{n}")) })
        .collect();
    assert_eq!(f.store.users().insert_many(&many).await?.len(), 20);
    assert_eq!(all_due(f, NOW).await?.len(), 14);
    // Whoever is removed leaves nothing.
    let anna = add(f, "anna", Some(in_days(1))).await?;
    assert!(tell(f, &anna, in_days(1), 1, NOW).await?);
    assert!(f.store.users().delete(f.tenant.id, anna.id).await?);
    Ok(())
}

async fn of_many_servers_one_tells(f: &Fixture) -> Result<()> {
    let anna = add(f, "anna", Some(in_days(1))).await?;
    let store = f.second().await?;
    let mails: Vec<Mail> = (0..20).map(|_| mail(f, NOW)).collect();
    let told = parallel(20, |n| {
        let (store, mail, key, id) = (store.clone(), mails[n].clone(), f.node_key.clone(), anna.id);
        async move {
            let random = crate::fixture::Numbers::new();
            store.expiry_notices().tell((id, in_days(1)), 1, &mail, &key, &random).await
        }
    })
    .await?;
    assert_eq!(told.into_iter().filter(|told| *told).count(), 1);
    assert_eq!(f.store.mail_outbox().waiting(f.tenant.id, NOW).await?, 1);
    store.close().await;
    Ok(())
}

async fn they_come_in_pages_and_of_one_tenant(f: &Fixture) -> Result<()> {
    for n in 0..7 {
        add(f, &format!("p{n}"), Some(in_days(1))).await?;
    }
    let due = Due { days: 1, after: NOW, until: in_days(1) };
    let (notices, mut last, mut seen) = (f.store.expiry_notices(), None, 0);
    loop {
        let page = notices.due(f.tenant.id, &due, last, 3).await?;
        let Some(user) = page.last() else { break };
        last = Some(user.id);
        seen += page.len();
    }
    assert_eq!(seen, 7);
    let other = f.other_tenant().await?;
    assert_eq!(notices.due(other, &due, None, 100).await?, []);
    Ok(())
}
