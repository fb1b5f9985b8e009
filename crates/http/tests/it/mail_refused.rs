//! What the mail server refuses for good: counted, without whom it was for, and shown with what DNS said of the sender.

use std::time::Duration;

use ritorno_http::mail::arrival::{Sender, look};
use ritorno_http::mail::config::MailConfig;
use ritorno_http::mail::transport::Mailer;
use ritorno_http::mail::work::once;
use ritorno_identity::administrator::Role;
use ritorno_identity::language::Language;
use ritorno_identity::mail::Channel;
use ritorno_protocol::clock::Clock as _;

use crate::agent_api::on_both;
use crate::both_languages::whole;
use crate::browser::Browser;
use crate::mail::{config, queue, server};
use crate::world::{PASSWORD, World};

on_both!(what_the_server_refuses_is_counted_with_its_words);

async fn what_the_server_refuses_is_counted_with_its_words(world: &World) {
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let config = config(&server, server.password);
    world.administrator("root", Role::Global, true).await;
    let page = async |language: Language| {
        let mut browser = Browser::new(&world.app, language.tag());
        browser.post("/console/sign-in", &[("name", "root"), ("password", PASSWORD)]).await;
        browser.get("/console/doctor").await
    };
    let lately = async || {
        let refusals = world.state.store.mail_refusals();
        refusals.lately(world.tenant.id, Channel::Mail, world.clock.now()).await.unwrap()
    };
    whole(&page(Language::English).await, Language::English, ["DNS has not been asked yet", ""]);
    queue(world, Some("refused-anna@mail.test"), Language::English).await;
    queue(world, None, Language::English).await;
    let mailer = Mailer::new(&config).unwrap();
    assert_eq!(once(&world.state, &mailer).await.unwrap(), 2, "the decoy's is gone too, and is no refusal");
    let told = lately().await;
    let words = told.last.unwrap().1;
    assert_eq!(told.count, 1);
    assert!(words.contains("(550)") && words.contains("no such mailbox"), "{words}");
    assert!(!words.contains("anna") && !words.contains('@'), "{words}");

    // A DNS server that nobody runs: what can't be told is no reproach.
    let silent = MailConfig { dns_servers: vec!["127.0.0.1:9".parse().unwrap()], ..config };
    let report = look(&Sender::new(&silent).unwrap()).await;
    world.state.mail_looked.keep(world.clock.now(), report);
    for language in Language::ALL {
        let page = page(language).await;
        whole(
            &page,
            language,
            ["Warning: The mail server refused nothing", "Avviso: Il server di posta non ha rifiutato nulla"],
        );
        whole(
            &page,
            language,
            ["Can&#39;t be told: SPF permits the mail server", "Non si può dire: SPF ammette"],
        );
        for words in
            ["1 refused in the last 24 hours", "no such mailbox", "/console/doctor/manual#mail-refusals"]
        {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        assert!(!page.body.contains("refused-anna"), "{}", page.body);
    }
    world.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(lately().await.count, 0);
}
