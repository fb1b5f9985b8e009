//! Moments as LDAP writes them: GeneralizedTime (RFC 4517 section 3.3.13), in UTC, as servers keep their operational attributes.

use ritorno_protocol::clock::Timestamp;
use time::{Date, Month, PrimitiveDateTime, Time};

/// Reads `20261124021419Z` and `20261124021419.684222Z`. `None` for anything else, such as the `000001010000Z` that stands for a lock
/// by an administrator.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text.strip_suffix('Z')?, ""),
    };
    if whole.len() != 14 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<u16>().ok();
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let month = Month::try_from(small(4)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(6)?).ok()?;
    let time = Time::from_hms(small(8)?, small(10)?, small(12)?).ok()?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    let milliseconds: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(Timestamp::from_unix_ms(seconds * 1000 + milliseconds.parse::<i64>().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        assert_eq!(moment("19700101000001Z"), Some(Timestamp::from_unix_ms(1_000)));
        assert_eq!(moment("20261124021419Z"), Some(Timestamp::from_unix_ms(1_795_486_459_000)));
        assert_eq!(moment("20261124021419.684222Z"), Some(Timestamp::from_unix_ms(1_795_486_459_684)));
        assert_eq!(moment("20261124021419.6Z"), Some(Timestamp::from_unix_ms(1_795_486_459_600)));
        for other in ["000001010000Z", "20261324021419Z", "20261124021419", "20261124021419+0100", "Z", ""] {
            assert_eq!(moment(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}", digits in "[0-9]{0,16}(\\.[0-9]{0,4})?Z") {
            moment(&text);
            moment(&digits);
        }
    }
}
