//! What happened around one person, and everything under a support code.

use std::fmt;
use std::str::FromStr;

use ritorno_identity::audit::{Actor, Fact};
use ritorno_identity::flow::{Flow, Person};
use ritorno_identity::request::Request;
use ritorno_identity::user::User;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{SupportCode, TenantId, UserId};
use ritorno_storage::StoreError;

use super::audit::heard;
use super::people;
use crate::operator::Operator;
use crate::state::AppState;

/// Something that happened.
pub(crate) enum Entry {
    /// A fact of the audit, with its place.
    Fact(i64, Fact),
    /// A request to the directory.
    Request(Request),
}

/// Where a timeline goes on: before this. Of one moment facts come before requests, since a request is made before it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    at: Timestamp,
    sequence: i64,
    request: String,
}

/// After every id, in whatever order a database compares text: ids begin with a hexadecimal digit.
const AFTER_EVERY_ID: &str = "g";

impl Place {
    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Fact(sequence, fact) => {
                Self { at: fact.at, sequence: *sequence, request: AFTER_EVERY_ID.to_owned() }
            }
            Entry::Request(request) => {
                Self { at: request.created_at, sequence: 0, request: request.id.to_string() }
            }
        }
    }
}

impl Default for Place {
    /// After everything.
    fn default() -> Self {
        let at = Timestamp::from_unix_ms(i64::MAX);
        Self { at, sequence: i64::MAX, request: AFTER_EVERY_ID.to_owned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at.unix_ms(), self.sequence, self.request)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, ' ');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or(());
        let (at, sequence) = (number()?, number()?);
        let request = parts.next().filter(|id| id.len() <= 64).ok_or(())?.to_owned();
        Ok(Self { at: Timestamp::from_unix_ms(at), sequence, request })
    }
}

impl Entry {
    fn key(&self) -> (Timestamp, bool, i64, String) {
        let Place { at, sequence, request } = Place::of(self);
        (at, matches!(self, Self::Fact(..)), sequence, request)
    }
}

/// What happened around a person before that place, latest first; and where it goes on, if there is more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn of_person(
    state: &AppState,
    tenant: TenantId,
    person: UserId,
    before: Place,
    count: u32,
) -> Result<(Vec<Entry>, Option<Place>), StoreError> {
    let (store, most) = (&state.store, count.saturating_add(1));
    let facts = store.audit().about(tenant, person, (before.at, before.sequence), most).await?;
    let requests = store.requests().about(tenant, person, (before.at, &before.request), most).await?;
    let facts = facts.into_iter().map(|(place, fact)| Entry::Fact(place, fact));
    let mut all: Vec<Entry> = facts.chain(requests.into_iter().map(Entry::Request)).collect();
    all.sort_by_cached_key(|entry| std::cmp::Reverse(entry.key()));
    let more = all.len() > count as usize;
    all.truncate(count as usize);
    let next = all.last().filter(|_| more).map(Place::of);
    Ok((all, next))
}

/// Everything under a support code.
pub(crate) struct UnderCode {
    /// The code as it is written.
    pub(crate) code: SupportCode,
    /// The way through the pages, as long as it is kept.
    pub(crate) flow: Option<Flow>,
    /// What was written down, in its order.
    pub(crate) facts: Vec<Fact>,
    /// What was asked of the directory, latest first.
    pub(crate) requests: Vec<Request>,
    /// The person; `None` if it was nobody, or nobody whom the operator is for.
    pub(crate) person: Option<User>,
}

/// Everything under a support code, as it was heard. `None` if there is nothing, or nothing about anybody whom the operator is for.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn under_code(
    state: &AppState,
    operator: &Operator,
    typed: &str,
) -> Result<Option<UnderCode>, StoreError> {
    let (store, tenant) = (&state.store, operator.tenant.id);
    let code = SupportCode(heard(typed));
    let facts = store.audit().by_support_code(tenant, &code).await?;
    let requests = store.requests().by_support_code(tenant, &code).await?;
    let flow = store.flows().by_support_code(tenant, &code).await?;
    if facts.is_empty() && requests.is_empty() && flow.is_none() {
        return Ok(None);
    }
    let of_flow = flow.as_ref().and_then(|flow| match flow.person {
        Person::Known(user) | Person::Withheld { user, .. } => Some(user),
        Person::Stranger => None,
    });
    let of_fact = || {
        facts.iter().find_map(|fact| match fact.actor {
            Actor::User(user) => fact.target.or(Some(user)),
            _ => fact.target,
        })
    };
    let whom = of_flow.or_else(|| requests.first().map(|request| request.user)).or_else(of_fact);
    let person = match whom {
        Some(id) => people::get(state, operator, id).await?,
        None => None,
    };
    // Who is for some people only hears of nobody else, and of no stranger.
    if person.is_none() && !operator.administrator.scope.is_everybody() {
        return Ok(None);
    }
    Ok(Some(UnderCode { code, flow, facts, requests, person }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_way_and_nothing_else_is_one() {
        for place in
            [Place::default(), Place { at: Timestamp::from_unix_ms(7), sequence: 3, request: "0a".into() }]
        {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for wrong in ["", "1", "1 2", "a 2 g", "1 b g", &format!("1 2 {}", "g".repeat(65))] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }
}
