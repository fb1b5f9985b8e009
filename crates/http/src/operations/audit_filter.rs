//! Which facts of the audit are asked for: what the form on the page sends, what its links carry, and what a program asks for.

use ritorno_identity::audit::{Activity, Success};
use ritorno_protocol::clock::Timestamp;
use ritorno_storage::{AuditFilter, StoreError};
use serde::Deserialize;
use time::macros::format_description;
use time::{Date, Duration};
use uuid::Uuid;

use super::people::find;
use crate::i18n::key;
use crate::operator::Operator;
use crate::state::AppState;

/// What is wrong with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// There is no such activity, or no such end.
    What,
    /// It is no day.
    Day,
    /// Nobody is called so.
    Nobody,
}

impl Wrong {
    /// The key of what the console says.
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::What => key("console-audit-what"),
            Self::Day => key("console-audit-day"),
            Self::Nobody => key("console-people-none"),
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// A support code, as it was heard.
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) activity: String,
    #[serde(default)]
    pub(crate) person: String,
    #[serde(default)]
    pub(crate) success: String,
    /// The first day, in UTC.
    #[serde(default)]
    pub(crate) since: String,
    /// The last day, in UTC.
    #[serde(default)]
    pub(crate) until: String,
    /// Where the page before ended.
    pub(crate) before: Option<i64>,
}

impl Asked {
    /// The filter, or what is wrong with what was typed. Nobody of an unknown name has done anything.
    pub(crate) async fn filter(
        &self,
        state: &AppState,
        operator: &Operator,
    ) -> Result<Result<AuditFilter, Wrong>, StoreError> {
        let mut filter = AuditFilter::default();
        if let Some(name) = typed(&self.activity) {
            let Some(activity) = Activity::from_name(name) else { return Ok(Err(Wrong::What)) };
            filter.activity = Some(activity);
        }
        if let Some(name) = typed(&self.success) {
            let Some(success) = Success::from_name(name) else { return Ok(Err(Wrong::What)) };
            filter.success = Some(success);
        }
        for (text, moment, days) in [(&self.since, &mut filter.since, 0), (&self.until, &mut filter.until, 1)]
        {
            if let Some(text) = typed(text) {
                let Some(day) = day(text, days) else { return Ok(Err(Wrong::Day)) };
                *moment = Some(day);
            }
        }
        if let Some(name) = typed(&self.person) {
            filter.who = who(state, operator, name).await?;
            if filter.who.is_none() {
                return Ok(Err(Wrong::Nobody));
            }
        }
        Ok(Ok(filter))
    }

    /// What a link to the same carries, with the page that begins after `before`.
    pub(crate) fn query(&self, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("activity", &self.activity),
            ("person", &self.person),
            ("success", &self.success),
            ("since", &self.since),
            ("until", &self.until),
        ];
        for (name, value) in fields {
            if let Some(value) = typed(value) {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        query.finish()
    }
}

/// The id of a person or an administrator by name, or the id that was typed, whosever it was: also of somebody who is gone.
async fn who(state: &AppState, operator: &Operator, name: &str) -> Result<Option<String>, StoreError> {
    if let Ok(id) = name.parse::<Uuid>() {
        return Ok(Some(id.to_string()));
    }
    if let Some(user) = find(state, operator, name).await? {
        return Ok(Some(user.id.to_string()));
    }
    let found = state.store.administrators().by_name(operator.tenant.id, name).await?;
    Ok(found.map(|administrator| administrator.id.to_string()))
}

fn typed(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

/// The begin of a day in UTC, as browsers send one (`2026-11-26`), or of one some days later.
fn day(text: &str, later: i64) -> Option<Timestamp> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    let day = day.checked_add(Duration::days(later))?.midnight().assume_utc();
    day.unix_timestamp().checked_mul(1_000).map(Timestamp::from_unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_ends_with_the_next() {
        let begins = Timestamp::from_unix_ms(1_795_651_200_000);
        assert_eq!(day("2026-11-26", 0), Some(begins));
        assert_eq!(day("2026-11-25", 1), Some(begins));
        for wrong in ["26.11.2026", "2026-02-30", "2026-11-26T00:00", "", "9999-12-31x"] {
            assert_eq!(day(wrong, 0), None, "{wrong}");
        }
        assert_eq!(day("9999-12-31", 1), None, "no calendar goes on");
    }

    #[test]
    fn a_link_carries_what_was_asked_for() {
        let asked = Asked { person: " anna rossi&x ".into(), success: "failure".into(), ..Asked::default() };
        assert_eq!(asked.query(Some(7)), "person=anna+rossi%26x&success=failure&before=7");
        assert_eq!(Asked::default().query(None), "");
    }
}
