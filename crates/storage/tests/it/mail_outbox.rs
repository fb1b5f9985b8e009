//! The outbox.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Channel, Letter, Mail, NOTICE_VALID, Template};
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{NodeKey, StoreError};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    taken_in_order_and_forgotten_when_sent,
    comes_again_after_the_lease,
    expired_mail_is_not_sent,
    senders_do_not_share_a_mail,
    other_node_key_opens_nothing,
    a_channel_takes_its_own_alone,
    notices_keep_no_code_waiting,
    what_a_later_version_queued_is_passed_over,
);

const LEASE: Duration = Duration::from_secs(60);

fn mail(f: &Fixture, to: Option<&str>, created_at: Timestamp) -> Mail {
    Mail {
        id: MailId::random(&f.random),
        tenant: f.tenant.id,
        channel: Channel::Mail,
        letter: Letter {
            to: to.map(str::to_owned),
            language: Language::Italian,
            template: Template::Code { code: "12345678".into(), support_code: "00000-00000".into() },
        },
        expires_at: created_at.plus(Duration::from_secs(300)),
        created_at,
        tries: 0,
    }
}

async fn queue(f: &Fixture, mail: &Mail) -> Result<()> {
    Ok(f.store.mail_outbox().queue(mail, &f.node_key, &f.random).await?)
}

async fn taken_in_order_and_forgotten_when_sent(f: &Fixture) -> Result<()> {
    let outbox = f.store.mail_outbox();
    let second = mail(f, None, NOW.plus(Duration::from_secs(1)));
    let first = mail(f, Some("anna@mail.test"), NOW);
    queue(f, &second).await?;
    queue(f, &first).await?;
    let now = NOW.plus(Duration::from_secs(2));
    assert_eq!(outbox.waiting(f.tenant.id, now).await?, 2);
    let taken = outbox.take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, now).await?;
    assert_eq!(taken, [Mail { tries: 1, ..first.clone() }, Mail { tries: 1, ..second.clone() }]);
    for mail in [&first, &second] {
        outbox.done(f.tenant.id, mail.id).await?;
    }
    assert_eq!(outbox.waiting(f.tenant.id, now).await?, 0);
    Ok(())
}

async fn comes_again_after_the_lease(f: &Fixture) -> Result<()> {
    let outbox = f.store.mail_outbox();
    let letter = mail(f, Some("anna@mail.test"), NOW);
    queue(f, &letter).await?;
    assert_eq!(outbox.take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, NOW).await?.len(), 1);
    let before = NOW.plus(LEASE).minus(Duration::from_millis(1));
    assert_eq!(outbox.take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, before).await?, []);
    let again = outbox.take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, NOW.plus(LEASE)).await?;
    assert_eq!(again, [Mail { tries: 2, ..letter }]);
    Ok(())
}

async fn expired_mail_is_not_sent(f: &Fixture) -> Result<()> {
    let letter = mail(f, Some("anna@mail.test"), NOW);
    queue(f, &letter).await?;
    assert_eq!(
        f.store
            .mail_outbox()
            .take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, letter.expires_at)
            .await?,
        []
    );
    assert_eq!(f.store.mail_outbox().waiting(f.tenant.id, letter.expires_at).await?, 0);
    Ok(())
}

async fn senders_do_not_share_a_mail(f: &Fixture) -> Result<()> {
    let mut queued = HashSet::new();
    for _ in 0..30 {
        let letter = mail(f, Some("anna@mail.test"), NOW);
        queue(f, &letter).await?;
        queued.insert(letter.id);
    }
    let stores = [f.store.clone(), f.second().await?];
    let taken = parallel(40, |number| {
        let (store, tenant, key) = (stores[number % 2].clone(), f.tenant.id, f.node_key.clone());
        async move { store.mail_outbox().take(tenant, &key, Channel::Mail, 3, LEASE, NOW).await }
    })
    .await?;
    let mut seen = HashSet::new();
    for mail in taken.into_iter().flatten() {
        ensure!(seen.insert(mail.id), "{} was taken twice", mail.id);
    }
    // A sender that meets another one may come away with less; whoever asks afterwards gets the rest.
    let rest = f.store.mail_outbox().take(f.tenant.id, &f.node_key, Channel::Mail, 30, LEASE, NOW).await?;
    seen.extend(rest.into_iter().map(|mail| mail.id));
    assert_eq!(seen, queued);
    Ok(())
}

async fn other_node_key_opens_nothing(f: &Fixture) -> Result<()> {
    queue(f, &mail(f, Some("anna@mail.test"), NOW)).await?;
    let taken =
        f.store.mail_outbox().take(f.tenant.id, &NodeKey::new([9; 32]), Channel::Mail, 10, LEASE, NOW).await;
    ensure!(matches!(taken, Err(StoreError::NodeKey)), "{taken:?}");
    Ok(())
}

async fn a_channel_takes_its_own_alone(f: &Fixture) -> Result<()> {
    let outbox = f.store.mail_outbox();
    let letter = mail(f, Some("anna@mail.test"), NOW);
    let message = Mail { channel: Channel::Sms, ..mail(f, Some("+393331234567"), NOW) };
    queue(f, &letter).await?;
    queue(f, &message).await?;
    let taken = outbox.take(f.tenant.id, &f.node_key, Channel::Sms, 10, LEASE, NOW).await?;
    assert_eq!(taken, [Mail { tries: 1, ..message }]);
    let taken = outbox.take(f.tenant.id, &f.node_key, Channel::Mail, 10, LEASE, NOW).await?;
    assert_eq!(taken, [Mail { tries: 1, ..letter }]);
    Ok(())
}

async fn notices_keep_no_code_waiting(f: &Fixture) -> Result<()> {
    for _ in 0..500 {
        let notice = Mail { expires_at: NOW.plus(NOTICE_VALID), ..mail(f, Some("anna@mail.test"), NOW) };
        queue(f, &notice).await?;
    }
    let now = NOW.plus(Duration::from_secs(1));
    let code = mail(f, Some("bruno@mail.test"), now);
    queue(f, &code).await?;
    let taken = f.store.mail_outbox().take(f.tenant.id, &f.node_key, Channel::Mail, 16, LEASE, now).await?;
    assert_eq!((taken.len(), &taken[0]), (16, &Mail { tries: 1, ..code }));
    Ok(())
}

async fn what_a_later_version_queued_is_passed_over(f: &Fixture) -> Result<()> {
    let (later, known) = (mail(f, Some("anna@mail.test"), NOW), mail(f, Some("bruno@mail.test"), NOW));
    queue(f, &later).await?;
    queue(f, &known).await?;
    // Wrapped as every letter, and none that this version has.
    let place = [b"letter".as_slice(), later.tenant.0.as_bytes(), later.id.0.as_bytes()].concat();
    let letter = f.node_key.wrap(&place, br#"{"template":"of_a_later_version"}"#, &f.random);
    let update = "update mail_outbox set letter = $1 where id = $2";
    let changed = if f.address.starts_with("sqlite:") {
        let pool = sqlx::SqlitePool::connect(&f.address).await?;
        sqlx::query(update).bind(letter).bind(later.id.to_string()).execute(&pool).await?.rows_affected()
    } else {
        let pool = sqlx::PgPool::connect(&f.address).await?;
        sqlx::query(update).bind(letter).bind(later.id.to_string()).execute(&pool).await?.rows_affected()
    };
    assert_eq!(changed, 1);
    let taken = f.store.mail_outbox().take(f.tenant.id, &f.node_key, Channel::Mail, 16, LEASE, NOW).await?;
    assert_eq!(taken, [Mail { tries: 1, ..known }]);
    Ok(())
}
