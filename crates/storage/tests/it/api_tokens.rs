//! Tokens for programs, and the answers that are kept for them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ritorno_identity::administrator::{Action, Administrator, Role};
use ritorno_identity::api_token::ApiToken;
use ritorno_identity::ids::{AdministratorId, ApiTokenId};
use ritorno_identity::session::Session;
use ritorno_identity::token::{Token, TokenDigest};
use ritorno_storage::{ANSWERS_KEPT, Answer, Asker, Begun, StoreError};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    a_token_holds_until_its_end_and_is_its_tenants,
    a_token_goes_with_its_administrator,
    a_key_is_taken_once_and_its_answer_kept_for_a_day,
    a_session_has_keys_of_its_own_which_go_with_it,
    of_many_servers_one_takes_a_key,
    a_backup_that_comes_back_brings_no_token
);

const END: Duration = Duration::from_secs(3_600);

async fn token(f: &Fixture, owner: &Administrator) -> Result<(ApiToken, TokenDigest)> {
    let token = ApiToken {
        id: ApiTokenId::random(&f.random),
        tenant: owner.tenant,
        administrator: owner.id,
        name: "ticket system".into(),
        scopes: vec![Action::ReadAudit, Action::ReadUsers],
        created_at: NOW,
        expires_at: NOW.plus(END),
        revoked_at: None,
        last_used_at: None,
    };
    let digest = Token::random(&f.random).digest();
    f.store.api_tokens().insert(&token, &digest).await?;
    Ok((token, digest))
}

async fn a_token_holds_until_its_end_and_is_its_tenants(f: &Fixture) -> Result<()> {
    let (tokens, owner) = (f.store.api_tokens(), f.administrator("root").await?);
    let (made, digest) = token(f, &owner).await?;
    let (revoked, dead) = token(f, &owner).await?;
    assert_eq!(tokens.find(f.tenant.id, &digest, NOW).await?.as_ref(), Some(&made));
    let end = NOW.plus(END);
    ensure!(tokens.find(f.tenant.id, &digest, end.minus(Duration::from_millis(1))).await?.is_some());
    assert_eq!(tokens.find(f.tenant.id, &digest, end).await?, None);
    assert_eq!(tokens.find(f.other_tenant().await?, &digest, NOW).await?, None);
    assert_eq!(tokens.find(f.tenant.id, &Token::random(&f.random).digest(), NOW).await?, None);
    ensure!(tokens.revoke(f.tenant.id, revoked.id, NOW).await?);
    ensure!(!tokens.revoke(f.tenant.id, revoked.id, end).await?, "once");
    assert_eq!(tokens.find(f.tenant.id, &dead, NOW).await?, None);
    let listed = tokens.list(f.tenant.id).await?;
    let used = |id| listed.iter().find(|one| one.id == id).and_then(|one| one.last_used_at);
    assert_eq!(used(made.id), Some(end.minus(Duration::from_millis(1))), "when it was used last");
    assert_eq!(used(revoked.id), None);
    assert_eq!(listed.len(), 2);
    Ok(())
}

async fn a_token_goes_with_its_administrator(f: &Fixture) -> Result<()> {
    f.administrator("root").await?;
    let owner = Administrator { role: Role::HelpDesk, ..f.administrator("desk").await? };
    let (made, digest) = token(f, &owner).await?;
    let key = f.store.api_answers().begin(f.tenant.id, made.id, "k", &[1; 32], NOW).await?;
    assert_eq!(key, Begun::First);
    ensure!(f.store.administrators().remove(f.tenant.id, owner.id).await?);
    assert_eq!(f.store.api_tokens().find(f.tenant.id, &digest, NOW).await?, None);
    assert_eq!(f.store.api_tokens().list(f.tenant.id).await?, []);
    let nobodys = Administrator { id: AdministratorId::random(&f.random), ..owner };
    let refused = token(f, &nobodys).await.err().context("a token of nobody")?;
    ensure!(matches!(refused.downcast_ref(), Some(StoreError::Contradiction(_))), "{refused:?}");
    Ok(())
}

async fn a_key_is_taken_once_and_its_answer_kept_for_a_day(f: &Fixture) -> Result<()> {
    let owner = f.administrator("root").await?;
    let (one, other) = (token(f, &owner).await?.0.id, token(f, &owner).await?.0.id);
    let (answers, tenant) = (f.store.api_answers(), f.tenant.id);
    let begin = |token, request: u8, now| async move {
        f.store.api_answers().begin(tenant, token, "k", &[request; 32], now).await
    };
    assert_eq!(begin(one, 1, NOW).await?, Begun::First);
    assert_eq!(begin(one, 1, NOW).await?, Begun::Unanswered);
    assert_eq!(begin(one, 2, NOW).await?, Begun::Another);
    assert_eq!(begin(other, 2, NOW).await?, Begun::First, "each token has keys of its own");
    answers.forget(tenant, other, "k").await?;
    assert_eq!(begin(other, 3, NOW).await?, Begun::First);
    let answer =
        Answer { status: 201, content_type: Some("application/json".into()), body: Some(b"{}".to_vec()) };
    answers.keep(tenant, one, "k", &answer).await?;
    answers.forget(tenant, one, "k").await?;
    assert_eq!(begin(one, 1, NOW).await?, Begun::Answered(answer), "what was answered is not forgotten");
    assert_eq!(begin(one, 2, NOW).await?, Begun::Another);
    let secret = Answer { status: 201, content_type: None, body: None };
    answers.keep(tenant, other, "k", &secret).await?;
    assert_eq!(begin(other, 3, NOW).await?, Begun::Answered(secret));
    // A day later it is another request's, whether or not somebody has swept meanwhile.
    let later = NOW.plus(ANSWERS_KEPT);
    assert_eq!(begin(one, 2, later.minus(Duration::from_millis(1))).await?, Begun::Another);
    assert_eq!(begin(one, 2, later).await?, Begun::First);
    assert_eq!(begin(one, 2, later).await?, Begun::Unanswered);
    ensure!(f.store.purge(later).await? >= 1);
    assert_eq!(begin(other, 4, later).await?, Begun::First);
    Ok(())
}

/// Keys of a session are its own, and go with it.
async fn a_session_has_keys_of_its_own_which_go_with_it(f: &Fixture) -> Result<()> {
    let owner = f.administrator("root").await?;
    let token = token(f, &owner).await?.0.id;
    let (answers, sessions, tenant) = (f.store.api_answers(), f.store.sessions(), f.tenant.id);
    let session = || Session::new(Token::random(&f.random).digest(), tenant, owner.id, NOW);
    let (one, other) = (session(), session());
    for session in [&one, &other] {
        sessions.insert(session).await?;
    }
    assert_eq!(answers.begin(tenant, token, "k", &[1; 32], NOW).await?, Begun::First);
    for session in [&one, &other] {
        assert_eq!(answers.begin(tenant, session.digest, "k", &[1; 32], NOW).await?, Begun::First);
    }
    let answer = Answer { status: 201, content_type: None, body: Some(b"one".to_vec()) };
    answers.keep(tenant, one.digest, "k", &answer).await?;
    assert_eq!(answers.begin(tenant, one.digest, "k", &[1; 32], NOW).await?, Begun::Answered(answer));
    assert_eq!(answers.begin(tenant, one.digest, "k", &[2; 32], NOW).await?, Begun::Another);
    for asker in [Asker::from(other.digest), Asker::from(token)] {
        assert_eq!(answers.begin(tenant, asker, "k", &[1; 32], NOW).await?, Begun::Unanswered);
    }
    let elsewhere = f.other_tenant().await?;
    answers.forget(elsewhere, other.digest, "k").await?;
    assert_eq!(answers.begin(tenant, other.digest, "k", &[1; 32], NOW).await?, Begun::Unanswered);
    answers.forget(tenant, other.digest, "k").await?;
    assert_eq!(answers.begin(tenant, other.digest, "k", &[3; 32], NOW).await?, Begun::First);
    ensure!(sessions.delete(tenant, &one.digest).await?);
    let gone = answers.begin(tenant, one.digest, "k", &[1; 32], NOW).await;
    ensure!(matches!(gone, Err(StoreError::Contradiction(_))), "{gone:?}");
    ensure!(f.store.purge(NOW.plus(ANSWERS_KEPT)).await? >= 1);
    Ok(())
}

async fn of_many_servers_one_takes_a_key(f: &Fixture) -> Result<()> {
    let owner = f.administrator("root").await?;
    let (tenant, token) = (f.tenant.id, token(f, &owner).await?.0.id);
    let stores = [f.store.clone(), f.second().await?];
    let begun = parallel(40, |number| {
        let store = stores[number % 2].clone();
        async move { store.api_answers().begin(tenant, token, "k", &[1; 32], NOW).await }
    })
    .await?;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::First).count(), 1);
    ensure!(begun.iter().all(|begun| matches!(begun, Begun::First | Begun::Unanswered)), "{begun:?}");
    Ok(())
}

async fn a_backup_that_comes_back_brings_no_token(f: &Fixture) -> Result<()> {
    let owner = f.administrator("root").await?;
    let (_, digest) = token(f, &owner).await?;
    f.store.forget_what_is_short_lived().await?;
    assert_eq!(f.store.api_tokens().find(f.tenant.id, &digest, NOW).await?, None);
    Ok(())
}
