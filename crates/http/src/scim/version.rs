//! Versions of resources, and what a request says of them (RFC 7644 section 3.14, RFC 9110 section 13.1).

use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::error::ScimError;

/// Which versions of a resource a request is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whichever stands.
    Any,
    /// One of these. A version that is none of this service's is not among them, so that the list may be empty.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Lets a request through to the version that stands.
    ///
    /// # Errors
    /// [`ScimError::Version`] if it is meant for other ones.
    pub fn check(&self, version: i64) -> Result<(), ScimError> {
        match self {
            Self::OneOf(versions) if !versions.contains(&version) => Err(ScimError::Version),
            Self::Any | Self::OneOf(_) => Ok(()),
        }
    }
}

/// What `If-Match` says, in one or several lists.
pub fn if_match(headers: &HeaderMap) -> Expected {
    listed(headers, header::IF_MATCH).unwrap_or(Expected::Any)
}

/// Whether `If-None-Match` names this version: who asks has it already.
pub fn has_it(headers: &HeaderMap, version: i64) -> bool {
    listed(headers, header::IF_NONE_MATCH).is_some_and(|known| known.check(version).is_ok())
}

/// The answer to who has it already, with what a whole one would say of its version (RFC 9110 section 15.4.5).
pub fn not_modified(etag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// A version as a resource and its headers have it.
pub(super) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The versions that a header names; none if it is not there.
fn listed(headers: &HeaderMap, name: HeaderName) -> Option<Expected> {
    let mut versions = Vec::new();
    let mut is_there = false;
    for value in headers.get_all(name) {
        is_there = true;
        for one in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if one == "*" {
                return Some(Expected::Any);
            }
            // Earlier clients leave out the quotation marks.
            versions.extend(one.strip_prefix("W/").unwrap_or(one).trim_matches('"').parse::<i64>().ok());
        }
    }
    is_there.then_some(Expected::OneOf(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn each_version_of_a_list_is_meant() {
        let of = |values: &[&'static str]| if_match(&said(header::IF_MATCH, values));
        assert_eq!(of(&[]), Expected::Any);
        assert_eq!(of(&["W/\"1\", \"*\""]), Expected::OneOf(vec![1]));
        assert_eq!(of(&["W/\"1\", *"]), Expected::Any);
        assert_eq!(of(&["W/\"1\",\"2\"", "3"]), Expected::OneOf(vec![1, 2, 3]));
        assert!(of(&["W/\"1\",\"2\""]).check(2).is_ok() && of(&["W/\"1\",\"2\""]).check(3).is_err());
        assert!(of(&["\"another's\""]).check(1).is_err() && of(&[""]).check(1).is_err());
        assert!(has_it(&said(header::IF_NONE_MATCH, &["\"7\", W/\"8\""]), 8));
        assert!(!has_it(&HeaderMap::new(), 8) && has_it(&said(header::IF_NONE_MATCH, &["*"]), 8));
    }
}
