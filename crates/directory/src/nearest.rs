//! Which controller an import is read at where the administrator names none: the PDC emulator, if it is in this machine's site or nobody
//! knows which site that is; else the fastest one of this machine's own site, if it is whole and has heard of what the PDC emulator took.
//!
//! Only imports are read here. A person is located, judged and held against the policy at the PDC emulator (`forest.rs`), which lags behind
//! nobody. An import goes on at the controller that it was begun at ([`Directory::connect_again`]), so that the choice is made anew by a
//! full one only, and then stays as it was unless another one is faster by far.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ritorno_protocol::outcome::Fault;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::forest::{Directory, Inner, read};
use crate::ldap::Connection;
use crate::operations::milliseconds;
use crate::own_password::is_refused;
use crate::root_dse::RootDse;
use crate::topology::{Ping, Place, ping_own_domain, places};

/// A controller is not chosen if it lacks something that the PDC emulator took longer ago than this.
const LAGS_AFTER: Duration = Duration::from_secs(5 * 60);
/// And is left if it lacks something that is older than this: twice the longest pause between two replications by schedule inside a site
/// (an hour), after which even an idle domain has passed on what it has.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(2 * 3_600);
/// Update sequence numbers that are remembered: one a minute.
const SAMPLES: usize = 150;
/// Another one has to be faster than half of the chosen one's time, and by so many milliseconds more.
const FASTER_BY: u64 = 20;

/// What is remembered of earlier choices.
#[derive(Default)]
pub(crate) struct Nearest(Mutex<Known>);

#[derive(Default)]
struct Known {
    chosen: Option<String>,
    /// What the PDC emulator's database had reached, and when: the newest last.
    reached: VecDeque<(Instant, i64)>,
    /// Of which database that is.
    invocation: Option<Uuid>,
}

impl Nearest {
    fn known(&self) -> MutexGuard<'_, Known> {
        // The lock guards plain values and no code that panics: a poisoned one is as good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what the PDC emulator's database has reached.
    pub(crate) fn note(&self, invocation: Uuid, usn: i64, now: Instant) {
        let mut known = self.known();
        if known.invocation != Some(invocation) {
            known.invocation = Some(invocation);
            known.reached.clear();
        }
        known.reached.push_back((now, usn));
        if known.reached.len() > SAMPLES {
            known.reached.pop_front();
        }
    }

    /// How long ago the PDC emulator's database had no more than what `cursor` says; `None` if that was before anybody looked.
    fn behind(&self, invocation: Uuid, cursor: i64, now: Instant) -> Option<Duration> {
        let known = self.known();
        let newest = known.reached.iter().rev().find(|(_, usn)| *usn <= cursor)?;
        (known.invocation == Some(invocation)).then(|| now.saturating_duration_since(newest.0))
    }

    /// For how long has been looked.
    fn looked_for(&self, now: Instant) -> Duration {
        let known = self.known();
        known.reached.front().map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(*since))
    }
}

/// A controller that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Measured {
    host: String,
    /// Connecting, protection and ping together.
    milliseconds: u64,
    /// Whether it is in the site that it takes us to be in.
    in_own_site: bool,
}

/// In which order they are tried: those of the own site first, then by time; but the one that was chosen before stays first of its
/// kind unless another one is faster by far.
fn order(mut measured: Vec<Measured>, before: Option<&str>) -> Vec<String> {
    measured.sort_by_key(|one| (!one.in_own_site, one.milliseconds));
    let is_before = |one: &Measured| before.is_some_and(|host| host.eq_ignore_ascii_case(&one.host));
    let best = measured.first().cloned();
    if let Some((best, at)) = best.zip(measured.iter().position(is_before))
        && measured[at].in_own_site == best.in_own_site
        && measured[at].milliseconds <= best.milliseconds.saturating_mul(2).saturating_add(FASTER_BY)
    {
        let stays = measured.remove(at);
        measured.insert(0, stays);
    }
    measured.into_iter().map(|one| one.host).collect()
}

/// The update sequence number of `of`'s database up to which the owner of a `replUpToDateVector` has everything (MS-DRSR 5.166,
/// `UPTODATE_VECTOR_V1_EXT` and `V2_EXT`).
pub(crate) fn cursor_of(vector: &[u8], of: Uuid) -> Option<i64> {
    let number = |at: usize| Some(u32::from_le_bytes(vector.get(at..at + 4)?.try_into().ok()?));
    let size = match number(0)? {
        1 => 24,
        2 => 32,
        _ => return None,
    };
    let cursors = vector.get(16..)?.chunks_exact(size).take(usize::try_from(number(8)?).ok()?);
    cursors
        .filter(|cursor| cursor[..16] == of.to_bytes_le())
        .find_map(|cursor| Some(i64::from_le_bytes(cursor.get(16..24)?.try_into().ok()?)))
}

impl Directory {
    /// A connection for an import by site and latency; to the PDC emulator where no other one is nearer and up to date.
    ///
    /// # Errors
    /// What kept us from the PDC emulator, if no other controller of its domain is known that answers.
    pub(crate) async fn connect_to_nearest(&self) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        match self.connect_to_pdc().await {
            Ok((mut connection, pdc)) => match self.nearer_than(&mut connection, &pdc).await {
                Some(found) => {
                    connection.close().await;
                    Ok(found)
                }
                None => {
                    self.inner.nearest.known().chosen = None;
                    Ok((connection, pdc))
                }
            },
            Err(error @ DirectoryError::NotApplied { fault: Fault::PdcUnreachable { .. }, .. }) => {
                let pdc = self.inner.pdc_name();
                let hosts =
                    self.inner.remembered().into_iter().filter(|host| !host.eq_ignore_ascii_case(&pdc));
                let dns_name = self.inner.config.forest.0.clone();
                self.first_near(hosts.collect(), &dns_name, None).await.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a controller that was chosen by nearness lacks so much of what the PDC emulator took that it is left.
    pub(crate) async fn is_left_behind(&self, connection: &mut Connection, dse: &RootDse) -> bool {
        let Some(pdc) = self.known_pdc().and_then(|pdc| pdc.invocation_id) else { return false };
        let now = Instant::now();
        let nearest = &self.inner.nearest;
        // A young agent has seen too little to judge.
        nearest.looked_for(now) > GIVEN_UP_AFTER
            && self.inner.cursor(connection, &dse.domain, pdc).await.is_some_and(|cursor| {
                nearest.behind(pdc, cursor, now).is_none_or(|behind| behind > GIVEN_UP_AFTER)
            })
    }

    /// Another controller than the PDC emulator, if one in this machine's site is to be read from.
    async fn nearer_than(
        &self,
        connection: &mut Connection,
        pdc: &RootDse,
    ) -> Option<(Connection, Arc<RootDse>)> {
        let inner = &*self.inner;
        let limit = inner.config.timeout;
        let invocation = pdc.invocation_id?;
        let places = places(connection, pdc, limit).await.ok()?;
        inner.remember(places.iter().map(|place| place.host.clone()).collect());
        let dns_name = &inner.config.forest.0;
        let Ping { client_site, site, .. } = ping_own_domain(connection, dns_name, limit).await?;
        if client_site.is_empty() || client_site.eq_ignore_ascii_case(&site) {
            return None;
        }
        inner.note_reached(connection, invocation).await;
        let near = |place: &&Place| {
            place.site.eq_ignore_ascii_case(&client_site) && !place.host.eq_ignore_ascii_case(&pdc.host)
        };
        let hosts: Vec<String> = places.iter().filter(near).map(|place| place.host.clone()).collect();
        self.first_near(hosts, dns_name, Some(invocation)).await
    }

    /// The first of `hosts`, by site and time, that is whole, and not far behind the database `pdc` if that is known.
    async fn first_near(
        &self,
        hosts: Vec<String>,
        dns_name: &str,
        pdc: Option<Uuid>,
    ) -> Option<(Connection, Arc<RootDse>)> {
        let inner = &*self.inner;
        let before = inner.nearest.known().chosen.clone();
        for host in order(self.measure(hosts, dns_name).await, before.as_deref()) {
            let (mut connection, dse) = match inner.connect_reader(&host).await {
                Ok(found) => found,
                // Tried nowhere else: each try counts.
                Err(error) if is_refused(&error) => return None,
                Err(_) => continue,
            };
            let behind = match pdc {
                Some(pdc) => {
                    let cursor = inner.cursor(&mut connection, &dse.domain, pdc).await;
                    cursor.and_then(|cursor| inner.nearest.behind(pdc, cursor, Instant::now()))
                }
                None => Some(Duration::ZERO),
            };
            if dse.synchronized && behind.is_some_and(|behind| behind <= LAGS_AFTER) {
                tracing::info!(forest = %inner.config.forest, dc = %host, "imports are read at the nearest controller");
                inner.nearest.known().chosen = Some(host);
                return Some((connection, dse));
            }
            tracing::info!(forest = %inner.config.forest, dc = %host, ?behind, "nearer, and not known to be up to date");
            connection.close().await;
        }
        None
    }

    /// Pings all of them at once, without signing in.
    async fn measure(&self, hosts: Vec<String>, dns_name: &str) -> Vec<Measured> {
        let mut asking = JoinSet::new();
        for host in hosts {
            let (directory, dns_name) = (self.clone(), dns_name.to_owned());
            asking.spawn(async move {
                let since = Instant::now();
                let mut connection = directory.inner.connector.connect(&host).await.ok()?;
                let ping =
                    ping_own_domain(&mut connection, &dns_name, directory.inner.config.timeout).await?;
                let took = milliseconds(since);
                connection.close().await;
                let in_own_site = ping.site.eq_ignore_ascii_case(&ping.client_site);
                Some(Measured { host, milliseconds: took, in_own_site })
            });
        }
        let mut measured = Vec::new();
        while let Some(answer) = asking.join_next().await {
            // One that panicked has no answer.
            measured.extend(answer.ok().flatten());
        }
        measured
    }
}

impl Inner {
    /// Remembers what the PDC emulator's database has reached, over a connection to it.
    pub(crate) async fn note_reached(&self, connection: &mut Connection, invocation: Uuid) {
        let dse = read(connection, "", &["highestCommittedUSN"], self.config.timeout).await;
        if let Some(usn) = dse.ok().and_then(|dse| dse.integer("highestCommittedUSN")) {
            self.nearest.note(invocation, usn, Instant::now());
        }
    }

    /// Up to where the controller at the other end has what the database `of` took; `None` if that can't be told.
    async fn cursor(&self, connection: &mut Connection, domain: &str, of: Uuid) -> Option<i64> {
        let entry = read(connection, domain, &["replUpToDateVector"], self.config.timeout).await.ok()?;
        entry.first("replUpToDateVector").and_then(|vector| cursor_of(vector, of))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_own_site_comes_first_then_time_and_what_was_chosen_stays() {
        let one =
            |host: &str, milliseconds, in_own_site| Measured { host: host.into(), milliseconds, in_own_site };
        let all =
            || vec![one("far", 1, false), one("slow", 40, true), one("fast", 12, true), one("mid", 30, true)];
        assert_eq!(order(all(), None), ["fast", "mid", "slow", "far"]);
        assert_eq!(order(all(), Some("SLOW")), ["slow", "fast", "mid", "far"], "not slower by far");
        assert_eq!(order(all(), Some("far")), ["fast", "mid", "slow", "far"], "another site's");
        assert_eq!(order(all(), Some("gone")), ["fast", "mid", "slow", "far"]);
        let slower = vec![one("fast", 12, true), one("slow", 45, true)];
        assert_eq!(order(slower, Some("slow")), ["fast", "slow"], "slower by far");
        // Times that go up and down change nothing.
        let mut chosen = "a".to_owned();
        for round in 0..50 {
            let measured = vec![one("a", 5 + round % 7, true), one("b", 5 + (round * 3) % 11, true)];
            chosen = order(measured, Some(&chosen)).swap_remove(0);
            assert_eq!(chosen, "a", "round {round}");
        }
        assert!(order(Vec::new(), Some("a")).is_empty());
    }

    #[test]
    fn how_far_one_is_behind_is_seen_by_what_the_pdc_emulator_had() {
        let (nearest, began) = (Nearest::default(), Instant::now());
        let pdc = Uuid::from_u128(1);
        let at = |minute: u64| began + Duration::from_secs(60 * minute);
        for minute in 0..10 {
            nearest.note(pdc, 100 + i64::try_from(minute).unwrap() * 10, at(minute));
        }
        let behind = |cursor| nearest.behind(pdc, cursor, at(9)).map(|behind| behind.as_secs() / 60);
        assert_eq!(
            (behind(190), behind(189), behind(145), behind(100)),
            (Some(0), Some(1), Some(5), Some(9))
        );
        assert_eq!(behind(99), None, "longer than anybody looked");
        assert_eq!(nearest.looked_for(at(9)), Duration::from_secs(9 * 60));
        assert_eq!(nearest.behind(Uuid::from_u128(2), 500, at(9)), None, "another database's numbers");
        nearest.note(Uuid::from_u128(2), 5, at(10));
        assert_eq!(behind(190), None, "the role has moved");
        for minute in 0..1_000 {
            nearest.note(pdc, 1, at(minute));
        }
        assert_eq!(nearest.known().reached.len(), SAMPLES);
    }

    /// Recorded from Samba 4.24: the second controller's, about the first one.
    const RECORDED: &str = "AgAAAAAAAAABAAAAAAAAAA7lmZNDHEVAv3oE1jJ5g63fEAAAAAAAAACAPtXesZ0B";

    #[test]
    fn a_recorded_vector_is_read() {
        let vector = base64::engine::general_purpose::STANDARD.decode(RECORDED).unwrap();
        let of = Uuid::from_slice_le(&vector[16..32]).unwrap();
        assert_eq!(cursor_of(&vector, of), Some(0x10df));
        assert_eq!(cursor_of(&vector, Uuid::nil()), None);
        let mut first = vector.clone();
        first[0] = 1;
        assert_eq!(cursor_of(&first[..40], of), Some(0x10df), "the older form has no times");
        first[0] = 3;
        assert_eq!(cursor_of(&first, of), None);
    }

    proptest! {
        #[test]
        fn no_vector_panics(vector in proptest::collection::vec(any::<u8>(), 0..120), version in 0u8..4) {
            let of = vector.get(16..32).and_then(|id| Uuid::from_slice_le(id).ok()).unwrap_or_default();
            cursor_of(&vector, of);
            let mut vector = vector;
            vector.splice(..vector.len().min(4), [version, 0, 0, 0]);
            cursor_of(&vector, of);
        }
    }
}
