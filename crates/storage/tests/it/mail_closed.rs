//! That nothing goes out at present.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::mail::Channel;
use ritorno_storage::{Closed, REFUSALS_KEPT, TOLD_EVERY};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(told_once_a_minute_until_something_goes_out);

async fn told_once_a_minute_until_something_goes_out(f: &Fixture) -> Result<()> {
    let (closed, tenant) = (f.store.mail_closed(), f.tenant.id);
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    assert_eq!(closed.now(tenant, Channel::Mail).await?, None);
    assert!(!closed.over(tenant, Channel::Mail).await?);
    for (seconds, words, told) in
        [(0, "535 first", true), (59, "535 second", false), (60, "535 third", true), (90, "535", false)]
    {
        assert_eq!(closed.keep(tenant, Channel::Mail, words, at(seconds)).await?, told, "{seconds}");
    }
    let third = Closed { since: NOW, at: NOW.plus(TOLD_EVERY), words: "535 third".to_owned() };
    assert_eq!(closed.now(tenant, Channel::Mail).await?, Some(third.clone()));
    assert_eq!(closed.now(tenant, Channel::Sms).await?, None);
    let other = f.other_tenant().await?;
    assert!(closed.keep(other, Channel::Mail, "its own", at(61)).await?);
    assert!(closed.over(other, Channel::Mail).await?);
    assert_eq!(closed.now(tenant, Channel::Mail).await?, Some(third));
    assert!(closed.over(tenant, Channel::Mail).await?);
    assert_eq!(closed.now(tenant, Channel::Mail).await?, None);
    // Nobody sent anything any more: it is not told for ever.
    assert!(closed.keep(tenant, Channel::Mail, "535", at(100)).await?);
    f.store.purge(at(100).plus(REFUSALS_KEPT)).await?;
    assert_eq!(closed.now(tenant, Channel::Mail).await?, None);
    Ok(())
}
