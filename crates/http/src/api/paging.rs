//! Lists, a page at a time.

use axum::http::StatusCode;
use ritorno_protocol::bytes::{decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// Most of a list that a page shows.
const AT_MOST: u32 = 200;
/// What it shows unless something else is said.
const USUALLY: u32 = 50;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// What the page before called `next`.
    cursor: Option<String>,
    /// How many to show: 50 unless it is said, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T: ToSchema> {
    /// What it shows.
    pub(super) items: Vec<T>,
    /// The `cursor` of the page after this one; absent from the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl Paging {
    /// How many are shown.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(USUALLY).clamp(1, AT_MOST)
    }

    /// Where the page begins; `None` of the first one.
    ///
    /// # Errors
    /// [`Problem`], if it is no cursor of this list.
    pub(super) fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        self.read(|text| text.parse().ok())
    }

    /// The same of a cursor that takes several words.
    ///
    /// # Errors
    /// [`Problem`], if it is no cursor of this list.
    pub(super) fn place<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        self.read(|text| serde_json::from_str(text).ok())
    }

    fn read<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let text = decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        text.and_then(|text| parse(&text)).map(Some).ok_or_else(|| {
            let detail = "A cursor is what the page before called 'next'.";
            Problem::new(StatusCode::BAD_REQUEST, "cursor", "It is no cursor of this list", detail)
        })
    }
}

/// A cursor that says after what a page begins.
pub(super) fn cursor(at: impl ToString) -> String {
    encode(at.to_string().as_bytes())
}

/// The same of a place that takes several words.
pub(super) fn cursor_at(place: &impl Serialize) -> String {
    encode(&serde_json::to_vec(place).expect("words always serialise"))
}

/// The page of a list of which one more was read than it shows, if there is a page after it; `place` says where the last one stands.
pub(super) fn page_of<R, T: ToSchema>(
    mut read: Vec<R>,
    limit: u32,
    place: impl FnOnce(&R) -> String,
    view: impl FnMut(R) -> T,
) -> Page<T> {
    let more = read.len() > limit as usize;
    read.truncate(limit as usize);
    let next = read.last().filter(|_| more).map(place);
    Page { items: read.into_iter().map(view).collect(), next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_page_after_and_nothing_else_is_one() {
        let view = |word: &'static str| word.to_owned();
        let first = page_of(vec!["a", "b", "c"], 2, |last| cursor(*last), view);
        assert_eq!(first.items, ["a", "b"]);
        let second = Paging { cursor: first.next, limit: Some(0) };
        assert_eq!((second.cursor::<String>().unwrap().as_deref(), second.limit()), (Some("b"), 1));
        assert!(page_of(vec!["c"], 2, |last| cursor(*last), view).next.is_none());
        let place = Paging { cursor: Some(cursor_at(&(7, "x"))), limit: None };
        assert_eq!(place.place::<(u32, String)>().unwrap(), Some((7, "x".to_owned())));
        for wrong in ["", "MQ==", "-", "YQ"] {
            let paging = Paging { cursor: Some(wrong.into()), limit: Some(9_999) };
            assert_eq!(paging.cursor::<u32>().unwrap_err().status, 400, "{wrong}");
            assert_eq!(paging.place::<(u32, String)>().unwrap_err().status, 400, "{wrong}");
            assert_eq!(paging.limit(), AT_MOST);
        }
        assert_eq!(Paging::default().cursor::<u32>().unwrap(), None);
    }
}
