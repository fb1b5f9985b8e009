//! Lists, a page at a time.

use axum::http::StatusCode;
use ritorno_protocol::bytes::{decode, encode};
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
        let Some(text) = &self.cursor else { return Ok(None) };
        let bytes = decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        let read = bytes.and_then(|text| text.parse().ok());
        read.map(Some).ok_or_else(|| {
            let detail = "A cursor is what the page before called 'next'.";
            Problem::new(StatusCode::BAD_REQUEST, "cursor", "It is no cursor of this list", detail)
        })
    }
}

/// A cursor that says where a page begins.
pub(super) fn cursor(at: impl ToString) -> String {
    encode(at.to_string().as_bytes())
}

/// The page of a list that was read from `skip` on, with one more than it shows if there is a page after it.
pub(super) fn page_of<T: ToSchema>(mut items: Vec<T>, skip: u32, limit: u32) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    Page { items, next: more.then(|| cursor(skip.saturating_add(limit))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_page_after_and_nothing_else_is_one() {
        let first = page_of(vec!["a".to_owned(), "b".into(), "c".into()], 0, 2);
        assert_eq!(first.items, ["a", "b"]);
        let second = Paging { cursor: first.next, limit: Some(0) };
        assert_eq!((second.cursor::<u32>().unwrap(), second.limit()), (Some(2), 1));
        assert!(page_of(vec!["c".to_owned()], 2, 2).next.is_none());
        for wrong in ["", "MQ==", "-", "YQ"] {
            let paging = Paging { cursor: Some(wrong.into()), limit: Some(9_999) };
            assert_eq!(paging.cursor::<u32>().unwrap_err().status, 400, "{wrong}");
            assert_eq!(paging.limit(), AT_MOST);
        }
        assert_eq!(Paging::default().cursor::<u32>().unwrap(), None);
    }
}
