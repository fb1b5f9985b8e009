//! A mail server that takes nothing of ours: that is nobody's fault to whom something goes.

use std::time::Duration;

use ritorno_http::mail::config::MailConfig;
use ritorno_http::mail::transport::Mailer;
use ritorno_http::mail::work::{LEASE, once};
use ritorno_identity::administrator::Role;
use ritorno_identity::language::Language;
use ritorno_identity::mail::Channel;
use ritorno_protocol::clock::Clock as _;

use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::mail::{config, queue, server};
use crate::world::{PASSWORD, World};

on_both!(a_wrong_password_keeps_mails_until_it_is_mended);

const TITLE: [&str; 2] = ["The mail server takes mail", "Il server di posta accetta messaggi"];

async fn a_wrong_password_keeps_mails_until_it_is_mended(world: &World) {
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let file = std::env::temp_dir().join(format!("ritorno-mail-closed-{}", world.tenant.id));
    std::fs::write(&file, "not the password\n").unwrap();
    let config = MailConfig { password_file: Some(file.clone()), ..config(&server, server.password) };
    let mailer = Mailer::new(&config).unwrap();
    world.administrator("root", Role::Global, true).await;
    let page = async |language: Language| {
        let mut browser = Browser::new(&world.app, language.tag());
        browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        browser.get("/console/doctor").await
    };
    let closed = async || world.state.store.mail_closed().now(world.tenant.id, Channel::Mail).await.unwrap();
    let refused = async || {
        let refusals = world.state.store.mail_refusals();
        refusals.lately(world.tenant.id, Channel::Mail, world.clock.now()).await.unwrap().count
    };
    let address = format!("http-it-closed-{}@mail.test", world.tenant.id);
    let (before, since) = (server.newest().unwrap(), world.clock.now());
    queue(world, Some(&address), Language::English).await;
    queue(world, Some(&address), Language::Italian).await;
    for _ in 0..2 {
        assert_eq!(once(&world.state, &mailer).await.unwrap(), 0, "a wrong password gave a mail up");
        world.clock.advance(LEASE);
    }
    let told = closed().await.expect("it is told");
    assert!(told.words.contains("(535)") && told.since == since && told.at == since, "{told:?}");
    assert_eq!(refused().await, 0);
    for language in Language::ALL {
        let page = page(language).await;
        whole(&page, language, TITLE);
        assert!(page.body.contains("(535)") && page.body.contains("/console/doctor/manual#mail-closed"));
    }
    // Every half minute it is tried, and once a minute it is told.
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 0);
    assert_eq!(closed().await.unwrap().at, since.plus(Duration::from_secs(60)));

    // The file gets the right one; nothing is restarted.
    std::fs::write(&file, format!("{}\n", server.password)).unwrap();
    world.clock.advance(LEASE);
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 2);
    assert_eq!(closed().await, None);
    let came = tokio::task::spawn_blocking(move || server.to(&address, before).unwrap()).await.unwrap();
    assert_eq!(came.len(), 2, "{came:?}");
    assert!(came.iter().all(|message| message.code(8) == Some("01234567")));
    let waiting = world.state.store.mail_outbox().waiting(world.tenant.id, world.clock.now()).await.unwrap();
    assert_eq!(waiting, 0);

    // What the server refuses of the addressee is theirs, and says nothing of the others.
    queue(world, Some("refused-anna@mail.test"), Language::English).await;
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 1);
    assert_eq!((refused().await, closed().await), (1, None));
    // And a file that is gone is the way out's.
    std::fs::remove_file(&file).unwrap();
    queue(world, Some("refused-anna@mail.test"), Language::English).await;
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 0);
    assert!(closed().await.unwrap().words.contains("password_file"), "{:?}", closed().await);
    assert_eq!(refused().await, 1);
}
