//! Mails through a real SMTP server that demands STARTTLS and a password.

use std::time::Duration;

use ritorno_http::mail::config::{MailConfig, MailTls};
use ritorno_http::mail::transport::Mailer;
use ritorno_http::mail::work::{LEASE, once, work};
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Channel, Letter, Mail, Template};
use ritorno_lab::mail::MailServer;
use ritorno_protocol::clock::Clock as _;

use crate::world::World;

pub(crate) fn server() -> MailServer {
    let server = ritorno_lab::Lab::open().unwrap().mail().unwrap();
    server.start().unwrap();
    server
}

pub(crate) fn config(server: &MailServer, password: &str) -> MailConfig {
    let name = format!("ritorno-mail-{}-{}", std::process::id(), password.len());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, format!("{password}\n")).unwrap();
    MailConfig {
        host: server.address.to_string(),
        port: Some(server.smtp_port),
        tls: MailTls::Starttls,
        ca_file: Some(server.ca_pem.clone()),
        user: Some(server.user.into()),
        password_file: Some(file),
        from: "Ritorno <ritorno@contoso.test>".into(),
        dkim_selector: None,
        sends_from: Vec::new(),
        dns_servers: Vec::new(),
    }
}

pub(crate) async fn queue(world: &World, to: Option<&str>, language: Language) {
    let now = world.clock.now();
    let template = Template::Code { code: "01234567".into(), support_code: "ABCDE-12345".into() };
    let mail = Mail {
        channel: Channel::Mail,
        id: MailId::random(&*world.state.random),
        tenant: world.tenant.id,
        letter: Letter { to: to.map(str::to_owned), language, template },
        expires_at: now.plus(Duration::from_secs(300)),
        created_at: now,
        tries: 0,
    };
    let outbox = world.state.store.mail_outbox();
    outbox.queue(&mail, &world.state.node_key, &*world.state.random).await.unwrap();
}

async fn waiting(world: &World) -> i64 {
    world.state.store.mail_outbox().waiting(world.tenant.id, world.clock.now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn code_arrives_in_the_readers_language() {
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let world = World::new().await;
    let mailer = Mailer::new(&config(&server, server.password)).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(work(world.state.clone(), mailer, async move {
        let _ = stopped.await;
    }));
    let after = server.newest().unwrap();
    queue(&world, None, Language::English).await;
    queue(&world, Some("http-it-code@mail.test"), Language::Italian).await;
    world.state.mail_wake.notify_one();
    let message = tokio::task::spawn_blocking(move || {
        server.wait_for("http-it-code@mail.test", after, Duration::from_secs(20)).unwrap()
    })
    .await
    .unwrap();
    assert_eq!(message.subject, "Il codice per reimpostare la password");
    assert_eq!(message.language, "it");
    assert_eq!(message.code(8), Some("01234567"));
    let text = message.text.unwrap();
    assert!(text.lines().any(|line| line.trim() == "01234567"), "{text}");
    assert!(text.contains("Contoso"), "{text}");
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(waiting(&world).await, 0, "the decoy's mail is gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_not_taken_waits_and_expires() {
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let world = World::new().await;
    queue(&world, Some("http-it-wait@mail.test"), Language::English).await;
    // A port that nobody listens on, and authorities that did not sign the server's certificate.
    let nowhere = MailConfig { port: Some(9), ..config(&server, server.password) };
    let untrusted = MailConfig { ca_file: None, ..config(&server, server.password) };
    for config in [nowhere, untrusted] {
        assert_eq!(once(&world.state, &Mailer::new(&config).unwrap()).await.unwrap(), 0);
        assert_eq!(waiting(&world).await, 1);
        world.clock.advance(LEASE);
    }
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(waiting(&world).await, 0);
    let mailer = Mailer::new(&config(&server, server.password)).unwrap();
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 0);
}

#[test]
fn configuration_errors_name_their_key() {
    let config = MailConfig {
        host: "mail.test".into(),
        port: None,
        tls: MailTls::Tls,
        ca_file: None,
        user: Some("ritorno".into()),
        password_file: None,
        from: "ritorno@contoso.test".into(),
        dkim_selector: None,
        sends_from: Vec::new(),
        dns_servers: Vec::new(),
    };
    assert_eq!(config.port(), 465);
    let told = |config: &MailConfig| Mailer::new(config).unwrap_err().to_string();
    assert_eq!(told(&config), "[mail] user and password_file go together");
    let missing = MailConfig { password_file: Some("/nonexistent/password".into()), ..config.clone() };
    assert!(told(&missing).starts_with("[mail] password_file: /nonexistent/password: "));
    for bad in ["", "a..b", "a b", "*", &"a".repeat(64)] {
        let selector = MailConfig { user: None, dkim_selector: Some(bad.into()), ..config.clone() };
        assert!(told(&selector).starts_with("[mail] dkim_selector: "), "{bad}");
    }
    let from = MailConfig { user: None, from: "nobody".into(), ..config };
    assert_eq!(told(&from), "[mail] from: 'nobody' is not a mail address");
}
