//! Lists of tags, as DKIM keys and DMARC policies are written (RFC 6376 section 3.2).

use super::text::shown;

/// Bytes of a record that are read. A key of RSA with 4096 bits has 800.
pub const RECORD_AT_MOST: usize = 4_096;

/// Names and values, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

/// Why a record is no list of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// It is larger than any real one.
    #[error("it has {0} bytes")]
    TooLong(usize),
    /// Something between two semicolons is no `name=value`.
    #[error("'{0}' is no name=value")]
    NoTag(String),
    /// A name is there more than once, so that the whole list counts as nothing.
    #[error("'{0}' is there twice")]
    Twice(String),
}

impl Tags {
    /// Reads a record.
    ///
    /// # Errors
    /// [`TagsError`].
    pub fn read(record: &[u8]) -> Result<Self, TagsError> {
        if record.len() > RECORD_AT_MOST {
            return Err(TagsError::TooLong(record.len()));
        }
        let no_tag = |part: &str| TagsError::NoTag(shown(part.as_bytes()));
        let text = std::str::from_utf8(record).map_err(|_| TagsError::NoTag(shown(record)))?;
        let mut parts: Vec<&str> = text.split(';').map(|part| part.trim_matches(is_space)).collect();
        // The last semicolon is a matter of taste.
        if parts.last() == Some(&"") {
            parts.pop();
        }
        let mut tags: Vec<(String, String)> = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| no_tag(part))?;
            let (name, value) = (name.trim_end_matches(is_space), value.trim_start_matches(is_space));
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !named || !value.chars().all(|c| matches!(c, '!'..='~') || is_space(c)) {
                return Err(no_tag(part));
            }
            if tags.iter().any(|(known, _)| known == name) {
                return Err(TagsError::Twice(name.to_owned()));
            }
            tags.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(tags))
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The place of a tag, from 0.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_strictly() {
        let tags = Tags::read(b"v=DMARC1; p = none ;\trua=mailto:a@b.test;").unwrap();
        assert_eq!(
            (tags.get("p"), tags.get("rua"), tags.get("sp")),
            (Some("none"), Some("mailto:a@b.test"), None)
        );
        assert_eq!((tags.place("v"), tags.place("rua")), (Some(0), Some(2)));
        assert_eq!(Tags::read(b"p=").unwrap().get("p"), Some(""));
        for bad in [&b"v=DMARC1; p"[..], b"=x", b"v=1;;p=none", b"1a=b", b"a=\xff", b"a=\x1b"] {
            assert!(matches!(Tags::read(bad), Err(TagsError::NoTag(_))), "{}", shown(bad));
        }
        assert_eq!(Tags::read(b"p=none; p=reject"), Err(TagsError::Twice("p".into())));
        assert_eq!(Tags::read(&[b'a'; RECORD_AT_MOST + 1]), Err(TagsError::TooLong(RECORD_AT_MOST + 1)));
    }
}
