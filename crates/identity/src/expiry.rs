//! Mails before a password expires: on which days, and for whom on a day.

use std::time::Duration;

use ritorno_protocol::clock::Timestamp;

use crate::sspr;
use crate::tenant::Tenant;
use crate::user::User;

/// The days of a new tenant: two weeks, a week and a day before.
pub const PROPOSED: [u16; 3] = [14, 7, 1];
/// The farthest day.
pub const FARTHEST: u16 = 90;
/// How many days there may be.
pub const DAYS_AT_MOST: usize = 10;

/// Days as a tenant has them: each once, the most first.
///
/// # Errors
/// In words, if there are too many, or one is none from 1 to [`FARTHEST`].
pub fn days(wanted: &[u16]) -> Result<Vec<u16>, String> {
    if let Some(wrong) = wanted.iter().find(|day| !(1..=FARTHEST).contains(*day)) {
        return Err(format!("{wrong} is no number of days from 1 to {FARTHEST}"));
    }
    let mut days = wanted.to_vec();
    days.sort_unstable_by(|a, b| b.cmp(a));
    days.dedup();
    if days.len() > DAYS_AT_MOST {
        return Err(format!("at most {DAYS_AT_MOST} days"));
    }
    Ok(days)
}

/// A time in which one of the days is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The day.
    pub days: u16,
    /// It is due for passwords that expire after this.
    pub after: Timestamp,
    /// And not after this.
    pub until: Timestamp,
}

/// What is due at `now`: each password that will expire is due on one day at most, the nearest that has come. What was missed while no
/// server ran is not made up for, since the nearest says it as well.
pub fn due(days: &[u16], now: Timestamp) -> Vec<Due> {
    let moment = |days: u16| now.plus(Duration::from_secs(u64::from(days) * 86_400));
    let nearer = |at: usize| days.get(at + 1).map_or(now, |days| moment(*days));
    days.iter()
        .enumerate()
        .map(|(at, days)| Due { days: *days, after: nearer(at), until: moment(*days) })
        .collect()
}

/// Whether somebody is told: who may change it by themselves, since the mail leads to the page on which it is done.
pub fn concerns(tenant: &Tenant, user: &User) -> bool {
    sspr::tenant_allows(tenant).is_ok() && sspr::person_allowed(tenant, user).is_ok()
}

/// Where the mail goes: to the mailbox at work, which still opens, and else to another address on file.
pub fn address(user: &User) -> Option<&str> {
    let on_file = [&user.mail, &user.registered_mail, &user.alternate_mail];
    on_file.into_iter().flatten().map(|address| address.trim()).find(|address| !address.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::tests::{person, tenant};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn due_for(expires: Timestamp) -> Vec<u16> {
        let due = due(&PROPOSED, NOW).into_iter();
        due.filter(|due| due.after < expires && expires <= due.until).map(|due| due.days).collect()
    }

    #[test]
    fn one_day_is_due_at_a_time() {
        let in_days = |days: u32| NOW.plus(DAY.saturating_mul(days));
        assert!(due_for(in_days(15)).is_empty());
        assert_eq!(due_for(in_days(14)), [14]);
        assert_eq!(due_for(in_days(8)), [14]);
        assert_eq!(due_for(in_days(7)), [7]);
        assert_eq!(due_for(in_days(1)), [1]);
        assert_eq!(due_for(NOW.plus(Duration::from_millis(1))), [1]);
        // It has expired: whoever signs in is led to the page by that.
        assert!(due_for(NOW).is_empty());
        assert!(due_for(NOW.minus(DAY)).is_empty());
        assert!(due(&[], NOW).is_empty());
    }

    #[test]
    fn days_are_in_order_and_within_bounds() {
        assert_eq!(days(&[1, 14, 7, 7]).unwrap(), PROPOSED);
        assert!(days(&[]).unwrap().is_empty());
        for wrong in [&[0_u16][..], &[91], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            assert!(days(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_those_are_told_who_can_do_something() {
        let tenant = Tenant { writeback_enabled: true, ..tenant() };
        let anna = person();
        assert!(concerns(&tenant, &anna));
        assert!(!concerns(&tenant, &User { enabled: false, ..anna.clone() }));
        assert!(!concerns(&tenant, &User { selected: false, ..anna.clone() }));
        assert!(!concerns(&Tenant { sspr_enabled: false, ..tenant }, &anna));
        let at = |mail: Option<&str>, registered: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let user = User { mail: text(mail), registered_mail: text(registered), ..anna.clone() };
            address(&user).map(str::to_owned)
        };
        assert_eq!(at(Some("a@work.test"), Some("a@home.test")).as_deref(), Some("a@work.test"));
        assert_eq!(at(Some(" "), Some("a@home.test")).as_deref(), Some("a@home.test"));
        assert_eq!(at(None, None), anna.alternate_mail);
    }
}
