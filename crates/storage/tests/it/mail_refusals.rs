//! What was refused on its way out.

use std::time::Duration;

use anyhow::Result;
use ritorno_identity::ids::MailId;
use ritorno_identity::mail::Channel;
use ritorno_storage::{REFUSALS_KEPT, Refused};

use crate::fixture::{Fixture, NOW, on_both};

on_both!(counted_for_a_day_by_channel_and_tenant);

async fn counted_for_a_day_by_channel_and_tenant(f: &Fixture) -> Result<()> {
    let refusals = f.store.mail_refusals();
    let (tenant, second) = (f.tenant.id, NOW.plus(Duration::from_secs(1)));
    assert_eq!(refusals.lately(tenant, Channel::Mail, NOW).await?, Refused::default());
    let id = MailId::random(&f.random);
    refusals.keep(tenant, id, Channel::Mail, "550 unknown", NOW).await?;
    refusals.keep(tenant, MailId::random(&f.random), Channel::Mail, "554 spam", second).await?;
    // A sender whose lease ran out says it once more.
    refusals.keep(tenant, id, Channel::Mail, "550 unknown", second).await?;
    refusals.keep(tenant, MailId::random(&f.random), Channel::Sms, "no such number", second).await?;
    let spam = Some((second, "554 spam".to_owned()));
    let both = Refused { count: 2, last: spam.clone() };
    assert_eq!(refusals.lately(tenant, Channel::Mail, second).await?, both);
    assert_eq!(refusals.lately(tenant, Channel::Sms, second).await?.count, 1);
    let other = f.other_tenant().await?;
    assert_eq!(refusals.lately(other, Channel::Mail, second).await?, Refused::default());
    let a_day_after = NOW.plus(REFUSALS_KEPT);
    assert_eq!(refusals.lately(tenant, Channel::Mail, a_day_after).await?, Refused { count: 1, last: spam });
    f.store.purge(a_day_after).await?;
    assert_eq!(refusals.lately(tenant, Channel::Mail, second).await?.count, 1, "the older one is deleted");
    assert_eq!(refusals.lately(tenant, Channel::Mail, second.plus(REFUSALS_KEPT)).await?, Refused::default());
    Ok(())
}
