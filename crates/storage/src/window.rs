//! The sliding window of a counter, as SQL and as numbers.
//!
//! A window is cut into [`limit::PARTS`] parts, and a counter's row has a number for the newest part in which something was counted and one for each
//! of the parts before it. As many parts as a window can reach into are added up, the oldest of them whole: in no interval as long
//! as the window more is let through than the limit says, and what was counted is forgotten a part later at most. One row, so that one
//! statement counts, whatever the number of servers.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use ritorno_identity::limit::{self, Limit};
use ritorno_protocol::clock::Timestamp;

use crate::error::StoreError;
use crate::row::Row;

/// Parts of a window, as a number of milliseconds may be divided by it.
const PARTS: i64 = limit::PARTS as i64;

/// The columns of the parts, the newest first.
const COLUMNS: [&str; 1 + PARTS as usize] =
    ["counted", "before_1", "before_2", "before_3", "before_4", "before_5", "before_6"];

/// All that is counted in the row as it stands.
pub(crate) const ALL: &str = "counted + before_1 + before_2 + before_3 + before_4 + before_5 + before_6";

/// How long a part is, in milliseconds: at least one.
fn part_ms(window: Duration) -> i64 {
    (i64::try_from(window.as_millis()).unwrap_or(i64::MAX) / PARTS).max(1)
}

/// Where a moment is in a limit's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the part.
    pub(crate) part: i64,
    /// When the part begins.
    pub(crate) begins: Timestamp,
    /// When what is counted in it counts no more.
    pub(crate) ends: Timestamp,
}

impl Place {
    pub(crate) fn of(limit: &Limit, at: Timestamp) -> Self {
        let long = part_ms(limit.window);
        let part = at.unix_ms().div_euclid(long);
        Self { part, begins: moment(part, long), ends: moment(part + 1 + PARTS, long) }
    }
}

fn moment(part: i64, long: i64) -> Timestamp {
    Timestamp::from_unix_ms(part.saturating_mul(long))
}

/// The column `number` of a row in which `$5` is the newest part now. A clock that went back changes nothing.
fn shifted(number: usize) -> String {
    let mut sql = format!("case when $5 <= limits.part then limits.{}", COLUMNS[number]);
    for by in 1..=number {
        let _ = write!(sql, " when $5 - limits.part = {by} then limits.{}", COLUMNS[number - by]);
    }
    sql.push_str(" else 0 end");
    sql
}

/// Counts `$4` in part `$5`, which begins at `$6`, and is forgotten at `$7`.
fn counting() -> String {
    let mut sql = "insert into limits (tenant, name, subject, counted, part, window_start, window_end) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant, name, subject) do update set "
        .to_owned();
    let _ = write!(sql, "{} = {} + $4", COLUMNS[0], shifted(0));
    for (number, column) in COLUMNS.iter().enumerate().skip(1) {
        let _ = write!(sql, ", {column} = {}", shifted(number));
    }
    for (column, new) in [("part", "$5"), ("window_start", "$6"), ("window_end", "$7")] {
        let _ = write!(sql, ", {column} = case when $5 <= limits.part then limits.{column} else {new} end");
    }
    sql
}

/// Counts `$4` if the limit `$8` leaves room for all of them.
pub(crate) static COUNT: LazyLock<String> = LazyLock::new(|| {
    let mut sql = counting();
    sql.push_str(" where $4");
    for number in 0..COLUMNS.len() {
        let _ = write!(sql, " + {}", shifted(number));
    }
    sql.push_str(" <= $8");
    sql
});

/// Counts `$4`, whatever the limit says; gives back how many there are.
pub(crate) static RAISE: LazyLock<String> =
    LazyLock::new(|| format!("{} returning {ALL} as counted", counting()));

/// Notes `$4` in part `$5`, unless what was noted holds at `$8`; gives back what is noted.
pub(crate) const BEGIN: &str = "insert into limits (tenant, name, subject, counted, part, window_start, window_end) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant, name, subject) do update set \
     counted = case when limits.window_end <= $8 then $4 else limits.counted end, \
     part = case when limits.window_end <= $8 then $5 else limits.part end, \
     window_start = case when limits.window_end <= $8 then $6 else limits.window_start end, \
     window_end = case when limits.window_end <= $8 then $7 else limits.window_end end returning counted";

/// Takes `$4` back, the newest first, as far as there are so many.
pub(crate) static GIVE_BACK: LazyLock<String> = LazyLock::new(|| {
    let (mut sets, mut newer) = (String::new(), "0".to_owned());
    for (number, column) in COLUMNS.iter().enumerate() {
        let comma = if number > 0 { ", " } else { "" };
        let _ = write!(
            sets,
            "{comma}{column} = case when $4 <= {newer} then {column} when $4 >= {newer} + {column} then 0 \
             else {newer} + {column} - $4 end"
        );
        let _ = write!(newer, " + {column}");
    }
    format!("update limits set {sets} where tenant = $1 and name = $2 and subject = $3")
});

/// What a row has counted, by part, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    part: i64,
    numbers: [u32; COLUMNS.len()],
}

impl Counted {
    /// Reads it from a row that has all of the columns.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let mut numbers = [0; COLUMNS.len()];
        for (number, column) in numbers.iter_mut().zip(COLUMNS) {
            *number = row.count(column)?;
        }
        Ok(Self { part: row.int("part")?, numbers })
    }

    /// The parts that still count, with their numbers, the oldest first.
    fn live(&self, limit: &Limit, now: Timestamp) -> impl Iterator<Item = (i64, u32)> + use<'_> {
        let oldest = Place::of(limit, now).part - PARTS;
        let parts = (self.part - PARTS..=self.part).zip(self.numbers.iter().rev().copied());
        parts.filter(move |(part, _)| *part >= oldest)
    }

    /// How many count now.
    pub(crate) fn number(&self, limit: &Limit, now: Timestamp) -> u32 {
        self.live(limit, now).fold(0, |all, (_, number)| all.saturating_add(number))
    }

    /// When there is room for one more; none if there is now.
    pub(crate) fn full_until(&self, limit: &Limit, now: Timestamp) -> Option<Timestamp> {
        let mut left = self.number(limit, now);
        if left < limit.most {
            return None;
        }
        for (part, number) in self.live(limit, now) {
            left = left.saturating_sub(number);
            if left < limit.most {
                return Some(moment(part + 1 + PARTS, part_ms(limit.window)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { name: "a", most: 3, window: Duration::from_secs(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1_000)
    }

    #[test]
    fn a_part_is_forgotten_when_no_window_reaches_into_it_any_more() {
        let place = Place::of(&LIMIT, at(125));
        assert_eq!((place.part, place.begins, place.ends), (12, at(120), at(190)));
        // Counted at 129 at the latest, which a window that ends at 189 does not have any more.
        assert!(place.ends >= at(129).plus(LIMIT.window));
        assert_eq!(Place::of(&LIMIT, at(-1)).part, -1);
    }

    #[test]
    fn what_counts_and_until_when() {
        let counted = Counted { part: 12, numbers: [1, 0, 0, 0, 2, 1, 0] };
        assert_eq!(counted.number(&LIMIT, at(125)), 4);
        assert_eq!(counted.full_until(&LIMIT, at(125)), Some(at(150)), "two have to go: parts 7 and 8");
        assert_eq!(counted.number(&LIMIT, at(140)), 3);
        assert_eq!(counted.number(&LIMIT, at(150)), 1);
        assert_eq!(counted.full_until(&LIMIT, at(150)), None);
        assert_eq!(counted.number(&LIMIT, at(190)), 0);
        // The clock went back.
        assert_eq!(counted.number(&LIMIT, at(100)), 4);
    }
}
