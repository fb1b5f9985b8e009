//! What goes into a statement: text, a whole number, or bytes, each of which may be missing.

use ritorno_identity::ids::{
    AdministratorId, ApiTokenId, CaseId, CorrelationId, FactId, FlowId, LinkId, MailId, NodeId,
};
use ritorno_identity::provisioner::Provisioner;
use ritorno_identity::subject::Subject;
use ritorno_identity::token::TokenDigest;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{AgentId, EpochId, GroupId, KeyId, RequestId, TenantId, UserId};
use serde::Serialize;

/// One bound value.
#[derive(Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

/// The values of a statement, in the order of `$1`, `$2` and so on.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// How many rows one statement adds where many are added: each number is a statement of its own, made once.
pub(crate) const AT_ONCE: [usize; 4] = [64, 16, 4, 1];

/// A statement in the words of each database.
pub(crate) struct Sql<S = &'static str> {
    pub(crate) sqlite: S,
    pub(crate) postgres: S,
}

/// A statement about a list, which is one value: the JSON that is bound to the number in the middle, between `before` and `after`.
macro_rules! about_list {
    ($before:literal, $number:literal, $after:literal) => {
        crate::value::Sql {
            sqlite: concat!($before, "(select value from json_each(", $number, "))", $after),
            postgres: concat!(
                $before,
                "(select jsonb_array_elements_text(",
                $number,
                "::text::jsonb))",
                $after
            ),
        }
    };
}
pub(crate) use about_list;

/// Statements of [`AT_ONCE`] rows of `columns` values each: `head`, the rows, `tail`. SQLite is given no numbers: it takes them for names,
/// and looks through all names for each value.
pub(crate) fn row_statements(head: &str, columns: usize, tail: &str) -> [Sql<String>; AT_ONCE.len()] {
    AT_ONCE.map(|rows| {
        let of = |value: &dyn Fn(usize) -> String| {
            let row = |row: usize| {
                let values: Vec<String> = (1..=columns).map(|column| value(row * columns + column)).collect();
                format!("({})", values.join(", "))
            };
            let rows: Vec<String> = (0..rows).map(row).collect();
            format!("{head} values {} {tail}", rows.join(", "))
        };
        Sql { sqlite: of(&|_| "?".to_owned()), postgres: of(&|number| format!("${number}")) }
    })
}

/// `items` in parts of which each has a statement: its number in [`AT_ONCE`], and the part.
pub(crate) fn parts<T>(mut items: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    std::iter::from_fn(move || {
        let (at, rows) = AT_ONCE.into_iter().enumerate().find(|(_, rows)| *rows <= items.len())?;
        let (part, rest) = items.split_at(rows);
        items = rest;
        Some((at, part))
    })
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have string keys only, so that they always serialise")
}

/// The name of a unit variant, as its type serialises it.
pub(crate) fn name_of<T: Serialize>(value: T) -> String {
    json(&value).trim_matches('"').to_owned()
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}
impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}
impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}
impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.unix_ms()))
    }
}
impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::unix_ms))
    }
}
impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}
impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}
impl From<Option<&[u8]>> for Value {
    fn from(value: Option<&[u8]>) -> Self {
        Self::Bytes(value.map(<[u8]>::to_vec))
    }
}
impl From<KeyId> for Value {
    fn from(value: KeyId) -> Self {
        Self::from(value.0.as_slice())
    }
}
impl From<Subject> for Value {
    fn from(value: Subject) -> Self {
        Self::from(value.0.as_slice())
    }
}
impl From<TokenDigest> for Value {
    fn from(value: TokenDigest) -> Self {
        Self::from(value.0.as_slice())
    }
}

impl From<Provisioner> for Value {
    fn from(value: Provisioner) -> Self {
        Self::Text(Some(value.id().to_string()))
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }
        impl From<Option<$id>> for Value {
            fn from(value: Option<$id>) -> Self {
                Self::Text(value.map(|id| id.to_string()))
            }
        }
    )*};
}
ids!(
    TenantId,
    AgentId,
    UserId,
    GroupId,
    RequestId,
    EpochId,
    AdministratorId,
    ApiTokenId,
    FlowId,
    FactId,
    MailId,
    CorrelationId,
    CaseId,
    LinkId,
    NodeId
);
