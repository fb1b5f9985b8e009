//! One file for each operation.

pub(crate) mod anchor;
pub(crate) mod attempts;
mod change;
pub(crate) mod changes;
mod count;
pub(crate) mod effective_policy;
pub(crate) mod health;
mod judge;
pub(crate) mod locate;
pub(crate) mod members;
mod memberships;
pub(crate) mod password_version;
pub(crate) mod prepare;
pub(crate) mod remedy;
pub(crate) mod reset;
pub(crate) mod rights;
mod shown;
pub(crate) mod state;
mod twin;
mod unlock;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod watermark;

use std::time::Duration;

use ritorno_protocol::outcome::{Done, Fault};
use tokio::time::Instant;

use crate::error::{DirectoryError, operator};
use crate::ldap::Page;

/// What is asked for is not there, or may not be seen (RFC 4511 section 4.1.9).
const NO_SUCH_OBJECT: u32 = 32;

/// `userAccountControl` bits (MS-ADTS 2.2.16).
mod account_control {
    pub(super) const DISABLED: i64 = 0x2;
    pub(super) const LOCKED: i64 = 0x10;
    pub(super) const INTERDOMAIN_TRUST: i64 = 0x800;
    pub(super) const WORKSTATION_TRUST: i64 = 0x1000;
    pub(super) const SERVER_TRUST: i64 = 0x2000;
    pub(super) const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;
    pub(super) const PASSWORD_EXPIRED: i64 = 0x80_0000;
}

/// Pages in a row that may hold nothing: a controller gives such pages while it looks for what matches, and not for ever.
const EMPTY_PAGES: usize = 1_000;

/// Whether the pages of a search get anywhere.
#[derive(Default)]
struct Pages {
    empty: usize,
}

impl Pages {
    /// Counts a page.
    fn count(&mut self, host: &str, page: &Page) -> Result<(), DirectoryError> {
        self.empty = if page.entries.is_empty() { self.empty + 1 } else { 0 };
        if self.empty < EMPTY_PAGES {
            return Ok(());
        }
        let detail = format!("a search gave {EMPTY_PAGES} pages in a row with nothing in them");
        Err(DirectoryError::fault(Fault::DirectoryUnavailable, host, detail))
    }
}

/// A negative count of 100 ns, as AD keeps intervals (MS-ADTS 3.1.1.3.4.2); zero and 'never' have none.
fn interval(value: Option<i64>) -> Option<Duration> {
    let value = value.filter(|value| *value < 0 && *value != i64::MIN)?;
    Some(Duration::from_nanos(value.unsigned_abs().saturating_mul(100)))
}

/// What was done, with the time that it took at the directory.
pub(crate) fn done(
    dc: &str,
    since: Instant,
    unlocked: bool,
    must_change: bool,
    history_enforced: bool,
    detail: &str,
) -> Done {
    let mut operator = operator(dc, detail);
    operator.ldap_code = Some(0);
    operator.directory_ms = milliseconds(since);
    Done { unlocked, must_change, history_enforced, operator }
}

/// Adds the time that an operation took at the directory to its error.
pub(crate) fn timed(mut error: DirectoryError, since: Instant) -> DirectoryError {
    error.operator_mut().directory_ms = milliseconds(since);
    error
}

pub(crate) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ldap::Entry;

    #[test]
    fn empty_pages_end_some_time() {
        let (mut pages, empty) = (Pages::default(), Page::default());
        let full = Page { entries: vec![Entry::default()], ..Page::default() };
        for _ in 1..EMPTY_PAGES {
            pages.count("dc1", &empty).unwrap();
        }
        pages.count("dc1", &full).unwrap();
        for _ in 1..EMPTY_PAGES {
            pages.count("dc1", &empty).unwrap();
        }
        assert!(matches!(pages.count("dc1", &empty), Err(DirectoryError::NotApplied { .. })));
    }
}
