//! People, withheld people and strangers cost the same number of statements.

use anyhow::{Result, ensure};
use ritorno_identity::code::{CodeDigest, Method, StoredCode, Tried};
use ritorno_identity::flow::Person;
use ritorno_identity::ids::MailId;
use ritorno_identity::language::Language;
use ritorno_identity::limit::CODES_SENT;
use ritorno_identity::mail::{Channel, Letter, Mail, Template};
use ritorno_identity::name::SignInName;
use ritorno_protocol::outcome::SsprCode;
use ritorno_storage::Attempt;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(nobody_is_told_apart_by_the_number_of_statements);

async fn nobody_is_told_apart_by_the_number_of_statements(f: &Fixture) -> Result<()> {
    let anna = f.person("anna");
    f.store.users().insert(&anna).await?;
    let mut costs = Vec::new();
    for (typed, person) in [
        ("anna@contoso.test", Person::Known(anna.id)),
        ("anna@contoso.test", Person::Withheld { user: anna.id, code: SsprCode::NotProperlyConfigured }),
        ("nobody@contoso.test", Person::Stranger),
    ] {
        costs.push(to_the_gate(f, typed, person).await?);
    }
    ensure!(costs[0] > 5, "the statements were counted");
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0], costs[2]);
    Ok(())
}

/// From the name to a wrong code, as the pages do it; gives the number of statements.
async fn to_the_gate(f: &Fixture, typed: &str, person: Person) -> Result<u64> {
    let store = f.store.counted();
    assert_eq!(store.statements(), 0);
    let found = store.users().by_sign_in_name(f.tenant.id, &SignInName::parse(typed)?).await?;
    assert_eq!(found.is_some(), person != Person::Stranger);
    let flow = f.flow(person);
    store.flows().insert(&flow).await?;
    ensure!(store.limits().count(f.tenant.id, &CODES_SENT, &flow.subject, NOW).await?);
    let digest = CodeDigest::of_nothing(&f.random);
    let code = StoredCode::new(f.tenant.id, flow.id, Method::Mail, digest, NOW);
    store.codes().put(&code).await?;
    let mail = Mail {
        channel: Channel::Mail,
        id: MailId::random(&f.random),
        tenant: f.tenant.id,
        letter: Letter {
            to: flow.user().map(|_| "anna@mail.test".to_owned()),
            language: Language::English,
            template: Template::Code { code: "12345678".into(), support_code: flow.support_code.0.clone() },
        },
        expires_at: code.expires_at,
        created_at: NOW,
        tries: 0,
    };
    store.mail_outbox().queue(&mail, &f.node_key, &f.random).await?;
    ensure!(store.flows().advance(&flow, &flow.code_sent(NOW)?).await?);
    let wrong = Attempt {
        tenant: f.tenant.id,
        flow: flow.id,
        method: Method::Mail,
        typed: CodeDigest::of_nothing(&f.random),
        subject: flow.subject,
        known_browser: false,
    };
    assert_eq!(store.codes().attempt(&wrong, NOW).await?, Tried::Wrong { left: 4 });
    Ok(store.statements())
}
