//! How many removals of one provisioner a tenant lets through in 24 hours before they wait for an approval.

use std::fmt;

/// The largest number of each kind that can be said.
pub const MOST: u32 = 1_000_000;

/// The tenant's deletion guard. It counts each provisioner's removals by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalGuard {
    /// People who are removed or disabled, and groups that are removed: 0 to [`MOST`].
    pub removals: u32,
    /// The same as [`RemovalGuard::removals`], as a part of the provisioner's people, in percent: 0 to 100. Whichever is less counts.
    pub percent: Option<u8>,
    /// Members who leave groups and stay themselves: 0 to [`MOST`].
    pub memberships: u32,
}

impl Default for RemovalGuard {
    fn default() -> Self {
        Self { removals: 500, percent: None, memberships: 5_000 }
    }
}

/// How many removals a guard lets through, and why so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// So many.
    pub most: u32,
    /// The percentage, and of how many people, if that is what is less.
    pub part: Option<(u8, u32)>,
}

impl RemovalGuard {
    /// One of these numbers.
    ///
    /// # Errors
    /// What is wrong with them, for whoever typed them.
    pub fn new(removals: u32, percent: Option<u8>, memberships: u32) -> Result<Self, String> {
        if removals > MOST || memberships > MOST {
            return Err(format!("at most {MOST} in 24 hours"));
        }
        if percent.is_some_and(|percent| percent > 100) {
            return Err("a percentage is at most 100".to_owned());
        }
        Ok(Self { removals, percent, memberships })
    }

    /// How many removals it lets through of a provisioner who had so many people.
    #[must_use]
    pub fn threshold(self, people: u32) -> Threshold {
        let part = |percent: u8| {
            let most = u64::from(percent) * u64::from(people) / 100;
            (u32::try_from(most).unwrap_or(u32::MAX), percent)
        };
        match self.percent.map(part) {
            Some((most, percent)) if most < self.removals => {
                Threshold { most, part: Some((percent, people)) }
            }
            _ => Threshold { most: self.removals, part: None },
        }
    }

    /// Whether it may let something through that another one would hold.
    #[must_use]
    pub fn is_looser_than(self, other: Self) -> bool {
        // Without a percentage it is as if everybody might go.
        let percent = |guard: Self| guard.percent.unwrap_or(u8::MAX);
        self.removals > other.removals
            || self.memberships > other.memberships
            || percent(self) > percent(other)
    }
}

/// As the audit and the command line name it.
impl fmt::Display for RemovalGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} removals", self.removals)?;
        if let Some(percent) = self.percent {
            write!(f, ", or {percent} % of the people if that is less")?;
        }
        write!(f, ", and {} members who leave groups", self.memberships)
    }
}

/// As a refusal names it.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(f, "{} removals", self.most),
            Some((percent, people)) => write!(f, "{} removals ({percent} % of {people} people)", self.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_is_less_counts() {
        let of = |removals, percent| RemovalGuard { removals, percent, ..RemovalGuard::default() };
        for (guard, people, most, told) in [
            (of(500, None), 20, 500, "500 removals"),
            (of(500, Some(10)), 20, 2, "2 removals (10 % of 20 people)"),
            (of(500, Some(10)), 19, 1, "1 removals (10 % of 19 people)"),
            (of(500, Some(10)), 9, 0, "0 removals (10 % of 9 people)"),
            (of(500, Some(10)), 5_000, 500, "500 removals"),
            (of(500, Some(10)), u32::MAX, 500, "500 removals"),
            (of(3, Some(100)), 20, 3, "3 removals"),
            (of(0, Some(100)), 20, 0, "0 removals"),
        ] {
            let threshold = guard.threshold(people);
            assert_eq!((threshold.most, threshold.to_string().as_str()), (most, told), "{guard} of {people}");
        }
    }

    #[test]
    fn looser_is_what_lets_more_through_of_anything() {
        let guard = RemovalGuard { removals: 100, percent: Some(10), memberships: 50 };
        assert!(!guard.is_looser_than(guard));
        for looser in [
            RemovalGuard { removals: 101, percent: Some(1), memberships: 1 },
            RemovalGuard { percent: Some(11), ..guard },
            RemovalGuard { percent: None, ..guard },
            RemovalGuard { memberships: 51, removals: 0, ..guard },
        ] {
            assert!(looser.is_looser_than(guard), "{looser}");
        }
        let stricter = RemovalGuard { removals: 99, percent: Some(9), memberships: 0 };
        assert!(!stricter.is_looser_than(guard) && guard.is_looser_than(stricter));
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(RemovalGuard::new(500, None, 5_000), Ok(RemovalGuard::default()));
        assert!(RemovalGuard::new(MOST, Some(100), MOST).is_ok());
        assert!(RemovalGuard::new(MOST + 1, None, 0).is_err());
        assert!(RemovalGuard::new(0, None, MOST + 1).is_err());
        assert!(RemovalGuard::new(0, Some(101), 0).is_err());
    }
}
