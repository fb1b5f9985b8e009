//! Sessions.

use std::time::Duration;

use anyhow::{Result, ensure};
use ritorno_identity::session::{ABSOLUTE, IDLE, Session, TO_PROVE};
use ritorno_identity::token::Token;

use crate::fixture::{Fixture, NOW, on_both};

on_both!(lasts_while_used, ends_when_told, half_of_one_lasts_minutes_and_nothing_to_a_server_of_before);

async fn lasts_while_used(f: &Fixture) -> Result<()> {
    let (tenant, sessions) = (f.tenant.id, f.store.sessions());
    let session =
        Session::new(Token::random(&f.random).digest(), tenant, f.administrator("Chiara").await?.id, NOW);
    sessions.insert(&session).await?;
    let step = IDLE.saturating_sub(Duration::from_millis(1));
    let mut now = NOW;
    while now.plus(step) < session.expires_at {
        now = now.plus(step);
        let used = sessions.touch(tenant, &session.digest, now).await?;
        assert_eq!(used, Some(Session { last_used_at: now, ..session.clone() }));
    }
    ensure!(now > NOW.plus(ABSOLUTE).minus(IDLE), "it was used to its end");
    assert_eq!(sessions.touch(tenant, &session.digest, session.expires_at).await?, None);

    let idle = Session::new(Token::random(&f.random).digest(), tenant, session.administrator, NOW);
    sessions.insert(&idle).await?;
    assert_eq!(sessions.touch(tenant, &idle.digest, NOW.plus(IDLE)).await?, None);
    Ok(())
}

async fn ends_when_told(f: &Fixture) -> Result<()> {
    let (tenant, sessions) = (f.tenant.id, f.store.sessions());
    let session =
        Session::new(Token::random(&f.random).digest(), tenant, f.administrator("Chiara").await?.id, NOW);
    sessions.insert(&session).await?;
    let other = f.other_tenant().await?;
    assert_eq!(sessions.touch(other, &session.digest, NOW).await?, None);
    // To look which there are is no use of them.
    let half = Session::half(Token::random(&f.random).digest(), tenant, session.administrator, NOW);
    sessions.insert(&half).await?;
    let last = NOW.plus(IDLE).minus(Duration::from_millis(1));
    ensure!(sessions.live(tenant, last).await? == [(session.digest, session.administrator)]);
    ensure!(sessions.live(tenant, NOW.plus(IDLE)).await?.is_empty());
    ensure!(sessions.live(other, NOW).await?.is_empty());
    ensure!(sessions.delete(tenant, &half.digest).await?);
    ensure!(!sessions.delete(other, &session.digest).await?);
    ensure!(sessions.delete(tenant, &session.digest).await?);
    ensure!(!sessions.delete(tenant, &session.digest).await?);
    assert_eq!(sessions.touch(tenant, &session.digest, NOW).await?, None);
    Ok(())
}

async fn half_of_one_lasts_minutes_and_nothing_to_a_server_of_before(f: &Fixture) -> Result<()> {
    let (tenant, sessions) = (f.tenant.id, f.store.sessions());
    let chiara = f.administrator("Chiara").await?.id;
    let half = Session::half(Token::random(&f.random).digest(), tenant, chiara, NOW);
    sessions.insert(&half).await?;
    // Its statement asks for this and for the last use only.
    ensure!(half.expires_at <= NOW);
    f.store.purge(NOW.plus(Duration::from_secs(1))).await?;
    let last = NOW.plus(TO_PROVE).minus(Duration::from_millis(1));
    let touched = sessions.touch(tenant, &half.digest, last).await?;
    assert_eq!(touched, Some(Session { last_used_at: last, ..half.clone() }));
    assert_eq!(sessions.touch(tenant, &half.digest, NOW.plus(TO_PROVE)).await?, None);
    f.store.purge(NOW.plus(TO_PROVE)).await?;
    ensure!(!sessions.delete(tenant, &half.digest).await?, "it was forgotten");

    let others = f.other_tenant().await?;
    for _ in 0..2 {
        sessions.insert(&Session::new(Token::random(&f.random).digest(), tenant, chiara, NOW)).await?;
    }
    assert_eq!((sessions.delete_all(others).await?, sessions.delete_all(tenant).await?), (0, 2));
    Ok(())
}
