//! What a stolen database file tells: no code, no token, no private key.

use anyhow::{Context, Result, ensure};
use ritorno_identity::authenticator::{AppSecret, Step};
use ritorno_identity::code::{Method, OneTimeCode, StoredCode};
use ritorno_identity::device_code::{DeviceCode, UserCode};
use ritorno_identity::flow::Person;
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use ritorno_identity::mail::{Channel, Letter, Mail, Template};
use ritorno_identity::password::PasswordHash;
use ritorno_identity::question::{Answer, Question};
use ritorno_identity::recovery_code::RecoveryCode;
use ritorno_identity::session::Session;
use ritorno_identity::token::Token;
use ritorno_protocol::certificate::KeyRole;
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::signed::Signed;

use crate::fixture::{Fixture, NOW};

#[tokio::test]
async fn stolen_file_holds_no_secret() -> Result<()> {
    let f = Fixture::sqlite("stolen_file_holds_no_secret").await?;
    let (tenant, store) = (f.tenant.id, &f.store);

    let flow = f.flow(Person::Stranger);
    store.flows().insert(&flow).await?;
    let code = OneTimeCode::parse("73519264").context("eight digits are a code")?;
    let digest = code.digest(&f.pepper, tenant, flow.id, Method::Mail);
    store.codes().put(&StoredCode::new(tenant, flow.id, Method::Mail, digest, NOW)).await?;
    let letter = Letter {
        to: Some("control@mail.test".into()),
        language: Language::English,
        template: Template::Code { code: code.expose().to_owned(), support_code: "00000-00000".into() },
    };
    let mail = Mail {
        channel: Channel::Mail,
        id: MailId::random(&f.random),
        tenant,
        letter,
        expires_at: NOW,
        created_at: NOW,
        tries: 0,
    };
    store.mail_outbox().queue(&mail, &f.node_key, &f.random).await?;

    let token = Token::random(&f.random);
    let chiara = f.administrator("Control-Administrator").await?.id;
    store.sessions().insert(&Session::new(token.digest(), tenant, chiara, NOW)).await?;

    let agent = f.agent("dc1");
    store.agents().insert(&agent).await?;
    let user_code = UserCode::random(&f.random);
    let user_digest = user_code.digest(&f.pepper, tenant);
    store.device_codes().insert(&DeviceCode::new(user_digest, tenant, agent.id, NOW)).await?;

    let key = SigningKey::generate(&f.random);
    let content = f.certificate(KeyRole::ServerSigning, key.public(), 1);
    let certificate = Signed::sign(&content, &f.root);
    store.signing_keys().insert(&certificate, &content, &key, &f.node_key, &f.random, None).await?;

    let anna = f.person("anna");
    store.users().insert(&anna).await?;
    let registration = f.registration(Person::Known(anna.id));
    store.registrations().insert(&registration).await?;
    let (apps, app, now) = (store.authenticators(), AppSecret::random(&f.random), NOW);
    apps.propose(tenant, registration.id, &app, &f.node_key, &f.random).await?;
    let other = f.registration(Person::Known(anna.id));
    store.registrations().insert(&other).await?;
    apps.propose(tenant, other.id, &app, &f.node_key, &f.random).await?;
    ensure!(apps.adopt(tenant, other.id, anna.id, (&app, Step(1)), &f.node_key, &f.random, now).await?);
    let paper = RecoveryCode::random(&f.random);
    let digests = std::array::from_fn(|at| {
        let code = if at == 0 { paper.clone() } else { RecoveryCode::random(&f.random) };
        code.digest(&f.pepper, tenant, anna.id)
    });
    ensure!(store.recovery_codes().replace(tenant, anna.id, &digests, now).await?);
    let question = Question::Predefined("first-pet");
    let answer = Answer::parse("Control Pet").context("an answer")?;
    let digest = answer.digest(&f.pepper, tenant, anna.id, &question);
    let hash = PasswordHash::new(&digest, &f.random)?;
    ensure!(store.security_questions().replace(tenant, anna.id, &[(question, hash)], now).await?);

    let mut file = Vec::new();
    for entry in std::fs::read_dir(f.folder().context("a SQLite fixture has a folder")?)? {
        file.extend(std::fs::read(entry?.path())?);
    }
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    ensure!(holds(b"Control-Administrator"), "the search finds what is there");
    ensure!(holds(&token.digest().0), "the search finds bytes as well");
    let spelled = user_code.to_string();
    let bare = spelled.replace('-', "");
    let cookie = token.to_text();
    let (signing, root) = (key.to_bytes(), f.root.to_bytes());
    let (app_text, written) = (app.text().replace(' ', ""), paper.text());
    let bare_paper = written.replace('-', "");
    let secrets: [(&str, &[u8]); 14] = [
        ("app's secret", app.expose()),
        ("app's secret as text", app_text.as_bytes()),
        ("recovery code", written.as_bytes()),
        ("recovery code without its dashes", bare_paper.as_bytes()),
        ("answer", b"control pet"),
        ("answer as it was typed", b"Control Pet"),
        ("digest of an answer", digest.expose().as_bytes()),
        ("one-time code", code.expose().as_bytes()),
        ("address of a letter", b"control@mail.test"),
        ("session token", cookie.as_bytes()),
        ("device code", spelled.as_bytes()),
        ("device code without its dash", bare.as_bytes()),
        ("signing key", &signing),
        ("root key", &root),
    ];
    for (name, secret) in secrets {
        ensure!(!holds(secret), "{name} is in the database file");
    }
    Ok(())
}
