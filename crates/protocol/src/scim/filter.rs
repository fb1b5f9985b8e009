//! The one form of filter that is understood.

use super::MAX_TEXT_BYTES;

/// A filter of the one form that a provisioner needs to find what it made: `attribute eq "value"` (RFC 7644 section
/// 3.4.2.2). Attribute names and the operator are compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualityFilter {
    /// The attribute's path, as written.
    pub attribute: String,
    /// The value that it must have.
    pub value: String,
}

/// A filter that is not of the form `attribute eq "value"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only filters of the form: attribute eq \"value\" are supported")]
pub struct UnsupportedFilter;

impl std::fmt::Display for EqualityFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} eq {}", self.attribute, serde_json::Value::from(self.value.as_str()))
    }
}

impl std::str::FromStr for EqualityFilter {
    type Err = UnsupportedFilter;

    fn from_str(filter: &str) -> Result<Self, UnsupportedFilter> {
        if filter.len() > MAX_TEXT_BYTES {
            return Err(UnsupportedFilter);
        }
        let mut parts = filter.trim().splitn(3, ' ');
        let (Some(attribute), Some(operator), Some(value)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(UnsupportedFilter);
        };
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '$');
        if attribute.is_empty() || !attribute.chars().all(is_path) || !operator.eq_ignore_ascii_case("eq") {
            return Err(UnsupportedFilter);
        }
        let value = serde_json::from_str(value).map_err(|_| UnsupportedFilter)?;
        Ok(Self { attribute: attribute.to_owned(), value })
    }
}
