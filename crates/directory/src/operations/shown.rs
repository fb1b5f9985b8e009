//! After a write: waits until controllers where people sign in show the new password, and asks them to fetch it.

use std::time::Duration;

use ritorno_protocol::outcome::Done;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::milliseconds;
use crate::error::DirectoryError;
use crate::forest::{Directory, Lease, read};
use crate::identity::guid_dn;
use crate::ldap::{Change, LdapError, Modify};
use crate::operations::locate::Person;

/// Longest wait, all controllers together: the person is waiting too.
const WITHIN: Duration = Duration::from_secs(5);
/// Longest time for the write and what follows it.
const ALL_WITHIN: Duration = Duration::from_secs(9);
/// Longest wait for what was written to be read again.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The `nTDSDSA` object of the controller that was written to, and the `pwdLastSet` there; or why it could not be read.
pub(crate) type Written = Result<(String, i64), String>;

impl Lease<'_> {
    /// What was just written over this very connection, if anybody wants to know: another one may lead to another controller.
    pub(crate) async fn written(
        &mut self,
        person: &Person,
        outcome: &Result<Done, DirectoryError>,
    ) -> Option<Written> {
        if outcome.is_err() || !self.is_shown_anywhere() {
            return None;
        }
        let (guid, asked) = (guid_dn(&person.object_guid), ["pwdLastSet"]);
        let read = timeout(READ_WITHIN, read(&mut self.connection, &guid, &asked, READ_WITHIN)).await;
        Some(match read {
            Ok(Ok(entry)) => Ok((self.pdc.service_name.clone(), entry.integer("pwdLastSet").unwrap_or(0))),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it took too long".to_owned()),
        })
    }
}

impl Directory {
    /// Adds to the outcome how long each of the configured controllers took to show the write; what it does not show in time is said, and
    /// changes nothing: the write is done.
    pub(crate) async fn when_shown(
        &self,
        person: &Person,
        outcome: Result<Done, DirectoryError>,
        written: Option<Written>,
    ) -> Result<Done, DirectoryError> {
        let (Ok(mut done), Some(written)) = (outcome.clone(), written) else { return outcome };
        let writer = done.operator.dc.clone().unwrap_or_default();
        let hosts = self.inner.config.show_at.iter().filter(|host| !host.eq_ignore_ascii_case(&writer));
        let hosts: Vec<String> = hosts.cloned().collect();
        if hosts.is_empty() {
            return Ok(done);
        }
        // Whoever waits for the whole gives up after ten seconds, and a write that is done must not become unknown.
        let left = WITHIN.min(ALL_WITHIN.saturating_sub(Duration::from_millis(done.operator.directory_ms)));
        let words = match written {
            Ok(written) => self.shown_by(person, hosts, written, Instant::now() + left).await,
            Err(why) => vec![format!("what was written could not be read again: {why}")],
        };
        let detail = &mut done.operator.detail;
        *detail = std::iter::once(std::mem::take(detail))
            .filter(|text| !text.is_empty())
            .chain(words)
            .collect::<Vec<_>>()
            .join("; ");
        Ok(done)
    }

    /// What is to be told of each of them, by that moment.
    async fn shown_by(
        &self,
        person: &Person,
        hosts: Vec<String>,
        (source, pwd_last_set): (String, i64),
        until: Instant,
    ) -> Vec<String> {
        let (mut words, mut waiting) = (Vec::new(), JoinSet::new());
        for host in hosts {
            let (directory, person, source) = (self.clone(), person.clone(), source.clone());
            waiting.spawn(async move {
                let shown = directory.shown_at(&host, &person, &source, pwd_last_set);
                let late = |_| format!("{host} does not show it in time, or answers too late");
                timeout_at(until, shown).await.unwrap_or_else(late)
            });
        }
        while let Some(said) = waiting.join_next().await {
            words.extend(said);
        }
        words.sort();
        words
    }

    /// What is to be told of one controller.
    async fn shown_at(&self, host: &str, person: &Person, source: &str, pwd_last_set: i64) -> String {
        let since = Instant::now();
        let mut connection = match self.inner.connect_reader(host).await {
            Ok((connection, _)) => connection,
            Err(error) => return format!("{host} was not asked: {}", error.operator().detail),
        };
        // MS-ADTS 3.1.1.3.3.18: the source's nTDSDSA object, a colon, the object. Windows does it for who has the right; Samba knows no
        // such operation (measured with 4.24), and its own replication follows within seconds.
        let order = Change::replace("replicateSingleObject", &format!("{source}:{}", person.dn));
        let asked = connection.modify(&Modify { dn: String::new(), changes: vec![order] }, &[], WITHIN).await;
        let asked = match asked {
            Ok(()) => "it was asked to".to_owned(),
            Err(LdapError::Refused { answer, .. }) => format!("asked to, it answered {}", answer.code),
            Err(error) => return format!("{host} was not asked: {error}"),
        };
        loop {
            let seen = read(&mut connection, &guid_dn(&person.object_guid), &["pwdLastSet"], WITHIN).await;
            match seen {
                Ok(entry) if entry.integer("pwdLastSet") == Some(pwd_last_set) => {
                    connection.close().await;
                    return format!("{host} shows it after {} ms ({asked})", milliseconds(since));
                }
                Err(error) => return format!("{host} could not be read: {error}"),
                Ok(_) if since.elapsed() >= WITHIN => {
                    connection.close().await;
                    return format!("{host} does not show it after {} s ({asked})", WITHIN.as_secs());
                }
                Ok(_) => sleep(PAUSE).await,
            }
        }
    }
}
