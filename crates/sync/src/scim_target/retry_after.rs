//! When a server wants to be asked again (RFC 9110 section 10.2.3).

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long from its answer on, whether it says so in seconds or by a date. A date counts from the answer's own (`Date`), so that a clock that is
/// wrong at either end changes nothing; an answer without one tells nothing by a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let now = httpdate::parse_http_date(text(DATE)?).ok()?;
    // What is over already asks for no wait.
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now = "Fri, 27 Nov 2026 14:00:00 GMT";
        for (asked, date, expected) in [
            ("120", None, Some(120)),
            (" 0 ", Some(now), Some(0)),
            ("Fri, 27 Nov 2026 14:02:00 GMT", Some(now), Some(120)),
            // The two forms of old (RFC 9110 section 5.6.7).
            ("Friday, 27-Nov-26 14:00:07 GMT", Some(now), Some(7)),
            ("Fri Nov 27 14:00:07 2026", Some(now), Some(7)),
            ("Fri, 27 Nov 2026 13:00:00 GMT", Some(now), Some(0)),
            ("Fri, 27 Nov 2026 14:02:00 GMT", None, None),
            ("-1", Some(now), None),
            ("soon", Some(now), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, asked.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{asked}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
