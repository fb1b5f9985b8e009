//! Reading with bounds: no text, list or page is longer than the protocol's limits, and the schema is named.

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

use super::group::{GROUP_SCHEMA, MAX_MEMBERS, Member};
use super::{
    ERROR_SCHEMA, Email, LIST_RESPONSE_SCHEMA, MAX_OPERATIONS, MAX_PAGE, MAX_TEXT_BYTES, MAX_VALUES,
    Operation, PATCH_OP_SCHEMA, PhoneNumber, USER_SCHEMA,
};

fn bounded<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(E::custom(format_args!("a text of more than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(text)
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    bounded(String::deserialize(deserializer)?)
}

/// An absent and a null value mean the same (RFC 7643 section 2.5).
pub(super) fn text_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(bounded).transpose()
}

/// Reads at most `MAX` values and refuses the list at the first one too many.
struct Bounded<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Bounded<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list of at most {MAX} values")
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::custom(format_args!("more than {MAX} values")));
            }
            list.push(value);
        }
        Ok(list)
    }
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Bounded::<T, MAX>(std::marker::PhantomData))
}

pub(super) fn emails<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Email>, D::Error> {
    list::<D, Email, MAX_VALUES>(deserializer)
}

pub(super) fn phone_numbers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PhoneNumber>, D::Error> {
    list::<D, PhoneNumber, MAX_VALUES>(deserializer)
}

/// `true` or `false`, also as a text in any case.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Switch;

    impl Visitor<'_> for Switch {
        type Value = bool;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("true or false")
        }

        fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
            match text {
                text if text.eq_ignore_ascii_case("true") => Ok(true),
                text if text.eq_ignore_ascii_case("false") => Ok(false),
                _ => Err(E::custom("neither true nor false")),
            }
        }
    }

    deserializer.deserialize_any(Switch)
}

pub(super) fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Member>, D::Error> {
    list::<D, Member, MAX_MEMBERS>(deserializer)
}

pub(super) fn operations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Operation>, D::Error> {
    list::<D, Operation, MAX_OPERATIONS>(deserializer)
}

pub(super) fn page<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    list::<D, T, MAX_PAGE>(deserializer)
}

/// The `schemas` attribute, which must name `schema`; URNs are compared without case (RFC 8141 section 3.1).
fn schemas<'de, D: Deserializer<'de>>(
    deserializer: D,
    schema: &'static str,
) -> Result<Vec<String>, D::Error> {
    let schemas = list::<D, String, MAX_VALUES>(deserializer)?;
    if !schemas.iter().any(|one| one.eq_ignore_ascii_case(schema)) {
        return Err(D::Error::custom(format_args!("schemas does not hold {schema}")));
    }
    Ok(schemas)
}

pub(super) fn user_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    schemas(deserializer, USER_SCHEMA)
}

pub(super) fn group_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    schemas(deserializer, GROUP_SCHEMA)
}

pub(super) fn list_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    schemas(deserializer, LIST_RESPONSE_SCHEMA)
}

pub(super) fn error_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    schemas(deserializer, ERROR_SCHEMA)
}

pub(super) fn patch_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    schemas(deserializer, PATCH_OP_SCHEMA)
}
