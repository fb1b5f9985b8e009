//! Filters of lists (RFC 7644 section 3.4.2.2), read by a library and applied to resources as they are answered.

use ritorno_protocol::clock::Timestamp;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde::Serialize;
use serde_json::{Number, Value};

use super::error::ScimError;

/// The largest filter, in bytes.
const MAXIMUM: usize = 4096;
/// How many resources are read at once while all are looked through.
pub(super) const AT_ONCE: u32 = 250;
/// The most comparisons in one.
const MAXIMUM_TERMS: usize = 64;

/// The attributes that are yes or no.
const BOOLEANS: [&str; 2] = ["active", "primary"];

/// A filter that was understood.
#[derive(Clone, Debug)]
pub(super) struct Wanted(Filter);

impl Wanted {
    /// # Errors
    /// [`ScimError::Filter`].
    pub(super) fn read(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAXIMUM {
            return Err(ScimError::Filter);
        }
        let filter: Filter = text.parse().map_err(|_| ScimError::Filter)?;
        if terms(&filter) > MAXIMUM_TERMS || !is_fit(&filter) {
            Err(ScimError::Filter)
        } else {
            Ok(Self(filter))
        }
    }

    /// The value that `attribute` must have, whatever else the filter says: so that an index finds those that may be wanted.
    pub(super) fn named(&self, attribute: &str) -> Option<&str> {
        let of = |one| match one {
            &Filter::Attr(AttrExp::Comparison(ref path, CompareOp::Eq, CompValue::Str(ref value))) => {
                let is_it = path.sub_attr.is_none() && path.name.eq_ignore_ascii_case(attribute);
                is_it.then_some(value.as_str())
            }
            _ => None,
        };
        self.needed().iter().find_map(of)
    }

    /// The moment before which nothing may have changed last that is wanted, whatever else the filter says: so that an index finds those
    /// that may be.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let of = |one: &Filter| match one {
            Filter::Attr(AttrExp::Comparison(
                path,
                CompareOp::Gt | CompareOp::Ge | CompareOp::Eq,
                CompValue::Str(moment),
            )) => {
                let is_it = |part: &str| part.eq_ignore_ascii_case("lastModified");
                let is_it =
                    path.name.eq_ignore_ascii_case("meta") && path.sub_attr.as_deref().is_some_and(is_it);
                is_it.then(|| Timestamp::from_rfc3339(moment)).flatten()
            }
            _ => None,
        };
        self.needed().iter().filter_map(of).max()
    }

    /// The member whom a group must have, and whether the filter says nothing else.
    pub(super) fn member(&self) -> Option<(&str, bool)> {
        let is_members = |path: &AttrPath| path.name.eq_ignore_ascii_case("members");
        let is_value = |part: &str| part.eq_ignore_ascii_case("value");
        let of = |one| match one {
            &Filter::Attr(AttrExp::Comparison(ref path, CompareOp::Eq, CompValue::Str(ref value))) => {
                let is_it = is_members(path) && path.sub_attr.as_deref().is_none_or(is_value);
                is_it.then_some(value.as_str())
            }
            Filter::ValuePath(path) => match &*path.filter {
                ValFilter::Attr(AttrExp::Comparison(part, CompareOp::Eq, CompValue::Str(value))) => {
                    (is_members(&path.attr) && is_value(&part.name)).then_some(value.as_str())
                }
                _ => None,
            },
            _ => None,
        };
        let needed = self.needed();
        needed.iter().find_map(of).map(|value| (value, needed.len() == 1))
    }

    /// Whether it says anything of an attribute.
    pub(super) fn mentions(&self, attribute: &str) -> bool {
        mentions(&self.0, attribute)
    }

    /// What must all be so.
    fn needed(&self) -> &[Filter] {
        match &self.0 {
            Filter::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        }
    }

    /// Whether `resource` is wanted.
    pub(super) fn has(&self, resource: &impl Serialize) -> bool {
        serde_json::to_value(resource).is_ok_and(|resource| has(&self.0, &resource))
    }
}

/// What was found while all were looked through: how many, and a page of them.
pub(super) struct Found<T> {
    start: i64,
    count: i64,
    pub(super) total: i64,
    pub(super) page: Vec<T>,
}

impl<T> Found<T> {
    /// Nothing yet; the page begins with the one of that number, from 1 on, and has so many at most.
    pub(super) const fn new(start: i64, count: i64) -> Self {
        Self { start, count, total: 0, page: Vec::new() }
    }

    pub(super) fn add(&mut self, found: T) {
        self.total += 1;
        if self.total >= self.start && (self.page.len() as i64) < self.count {
            self.page.push(found);
        }
    }
}

fn mentions(filter: &Filter, attribute: &str) -> bool {
    match filter {
        Filter::Attr(AttrExp::Present(path) | AttrExp::Comparison(path, ..)) => {
            path.name.eq_ignore_ascii_case(attribute)
        }
        Filter::ValuePath(path) => path.attr.name.eq_ignore_ascii_case(attribute),
        Filter::Not(inner) => mentions(inner, attribute),
        Filter::And(all) | Filter::Or(all) => all.iter().any(|one| mentions(one, attribute)),
    }
}

fn terms(filter: &Filter) -> usize {
    match filter {
        Filter::Attr(_) => 1,
        Filter::ValuePath(path) => element_terms(&path.filter),
        Filter::Not(inner) => terms(inner),
        Filter::And(all) | Filter::Or(all) => all.iter().map(terms).sum(),
    }
}

fn element_terms(filter: &ValFilter) -> usize {
    match filter {
        ValFilter::Attr(_) => 1,
        ValFilter::Not(inner) => element_terms(inner),
        ValFilter::And(all) | ValFilter::Or(all) => all.iter().map(element_terms).sum(),
    }
}

/// Whether a filter orders nothing that has no order: yes and no have none (RFC 7644 section 3.4.2.2).
fn is_fit(filter: &Filter) -> bool {
    match filter {
        Filter::Attr(expression) => is_expression_fit(expression),
        Filter::ValuePath(path) => is_ordering_fit(&path.filter),
        Filter::Not(inner) => is_fit(inner),
        Filter::And(all) | Filter::Or(all) => all.iter().all(is_fit),
    }
}

/// The same of a filter of the values of one attribute.
pub(super) fn is_ordering_fit(filter: &ValFilter) -> bool {
    match filter {
        ValFilter::Attr(expression) => is_expression_fit(expression),
        ValFilter::Not(inner) => is_ordering_fit(inner),
        ValFilter::And(all) | ValFilter::Or(all) => all.iter().all(is_ordering_fit),
    }
}

fn is_expression_fit(expression: &AttrExp) -> bool {
    let AttrExp::Comparison(path, operator, value) = expression else { return true };
    let orders = matches!(operator, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le);
    let name = path.sub_attr.as_deref().unwrap_or(&path.name);
    let is_boolean = BOOLEANS.iter().any(|known| known.eq_ignore_ascii_case(name));
    !(orders && (is_boolean || matches!(value, CompValue::True | CompValue::False)))
}

fn has(filter: &Filter, resource: &Value) -> bool {
    match filter {
        Filter::Attr(expression) => holds(expression, resource),
        Filter::ValuePath(path) => {
            let elements = values(&path.attr, resource);
            elements.iter().any(|element| element_has(&path.filter, element))
        }
        Filter::Not(inner) => !has(inner, resource),
        Filter::And(all) => all.iter().all(|one| has(one, resource)),
        Filter::Or(any) => any.iter().any(|one| has(one, resource)),
    }
}

/// Whether one of several values is wanted.
pub(super) fn element_has(filter: &ValFilter, element: &Value) -> bool {
    match filter {
        ValFilter::Attr(expression) => holds(expression, element),
        ValFilter::Not(inner) => !element_has(inner, element),
        ValFilter::And(all) => all.iter().all(|one| element_has(one, element)),
        ValFilter::Or(any) => any.iter().any(|one| element_has(one, element)),
    }
}

fn holds(expression: &AttrExp, resource: &Value) -> bool {
    match expression {
        AttrExp::Present(path) => values(path, resource).into_iter().any(is_something),
        AttrExp::Comparison(path, operator, wanted) => {
            let found = values(path, resource);
            let exact =
                ["id", "externalId", "anchor"].iter().any(|name| path.name.eq_ignore_ascii_case(name));
            match (operator, wanted) {
                // What is not there is null (RFC 7643 section 2.5), and differs from every value.
                (CompareOp::Eq, CompValue::Null) => !found.into_iter().any(is_something),
                (CompareOp::Ne, CompValue::Null) => found.into_iter().any(is_something),
                (CompareOp::Ne, _) => {
                    !found.iter().any(|value| compares(value, &CompareOp::Eq, wanted, exact))
                }
                _ => found.iter().any(|value| compares(value, operator, wanted, exact)),
            }
        }
    }
}

/// What an attribute's path names: of an attribute with several values each of them, and of a complex one without a named part its
/// `value`, if it has one.
fn values<'a>(path: &AttrPath, resource: &'a Value) -> Vec<&'a Value> {
    // The attributes of an extension are below its URN (RFC 7643 section 3.3), those of the core schema are not.
    let home = path.uri.as_deref().and_then(|urn| member(resource, urn)).unwrap_or(resource);
    let each = |value: &'a Value| match value {
        Value::Array(elements) => elements.iter().collect(),
        one => vec![one],
    };
    let found = member(home, &path.name).map(each).unwrap_or_default();
    match path.sub_attr.as_deref() {
        Some(part) => found.into_iter().filter_map(|value| member(value, part)).flat_map(each).collect(),
        None => found,
    }
}

/// Attributes are named in any case (RFC 7643 section 2.1).
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => !parts.is_empty(),
        _ => true,
    }
}

fn compares(value: &Value, operator: &CompareOp, wanted: &CompValue, exact: bool) -> bool {
    match (value, wanted) {
        (Value::Object(_), _) => {
            member(value, "value").is_some_and(|value| compares(value, operator, wanted, exact))
        }
        (Value::Bool(is), CompValue::True | CompValue::False) => {
            matches!(operator, CompareOp::Eq) && *is == matches!(wanted, CompValue::True)
        }
        (Value::Number(is), CompValue::Number(wanted)) => {
            number_order(is, wanted).is_some_and(|order| ordered(operator, order))
        }
        (Value::String(is), CompValue::Str(wanted)) if exact => text_compares(is, operator, wanted),
        (Value::String(is), CompValue::Str(wanted)) => {
            match (Timestamp::from_rfc3339(is), Timestamp::from_rfc3339(wanted)) {
                (Some(is), Some(wanted)) => ordered(operator, is.cmp(&wanted)),
                _ => text_compares(&is.to_lowercase(), operator, &wanted.to_lowercase()),
            }
        }
        _ => false,
    }
}

/// Whole numbers as such, since others lose their last digits (RFC 7643 section 2.3.4).
fn number_order(is: &Number, wanted: &Number) -> Option<std::cmp::Ordering> {
    match (is.as_i64(), wanted.as_i64()) {
        (Some(is), Some(wanted)) => Some(is.cmp(&wanted)),
        _ => is.as_f64()?.partial_cmp(&wanted.as_f64()?),
    }
}

fn text_compares(is: &str, operator: &CompareOp, wanted: &str) -> bool {
    match operator {
        CompareOp::Co => is.contains(wanted),
        CompareOp::Sw => is.starts_with(wanted),
        CompareOp::Ew => is.ends_with(wanted),
        _ => ordered(operator, is.cmp(wanted)),
    }
}

fn ordered(operator: &CompareOp, order: std::cmp::Ordering) -> bool {
    match operator {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use ritorno_protocol::scim::{RITORNO_GROUP_SCHEMA, RITORNO_USER_SCHEMA, USER_SCHEMA};
    use serde_json::json;

    use super::*;

    fn wants(filter: &str) -> bool {
        let anna = json!({
            "schemas": [USER_SCHEMA, RITORNO_USER_SCHEMA],
            "id": "0f8a", "externalId": "AAECaw==", "userName": "Anna@contoso.test", "displayName": "Anna Rossi", "active": true,
            "preferredLanguage": null,
            "emails": [{"value": "anna@contoso.test", "type": "work", "primary": true},
                       {"value": "anna@home.test", "type": "home"}],
            "meta": {"lastModified": "2026-11-27T09:00:00Z"},
            RITORNO_USER_SCHEMA: {"domain": "CONTOSO", "forest": "contoso.test"},
        });
        Wanted::read(filter).unwrap().has(&anna)
    }

    #[test]
    fn a_filter_has_so_many_terms_at_most() {
        let many = |number| vec!["a pr"; number].join(" or ");
        assert!(Wanted::read(&many(MAXIMUM_TERMS)).is_ok());
        assert!(matches!(Wanted::read(&many(MAXIMUM_TERMS + 1)), Err(ScimError::Filter)));
        let within = format!("emails[{}]", vec!["value pr"; MAXIMUM_TERMS + 1].join(" and "));
        assert!(matches!(Wanted::read(&within), Err(ScimError::Filter)));
    }

    #[test]
    fn every_operator_means_what_the_rfc_says() {
        for (filter, expected) in [
            (r#"userName eq "anna@CONTOSO.test""#, true),
            (r#"USERNAME EQ "luca@contoso.test""#, false),
            (r#"userName ne "luca@contoso.test""#, true),
            (r#"displayName co "a R""#, true),
            (r#"displayName sw "anna""#, true),
            (r#"displayName ew "rossi""#, true),
            (r#"displayName ew "anna""#, false),
            (r#"displayName gt "anna""#, true),
            (r#"displayName lt "anna""#, false),
            (r#"meta.lastModified ge "2026-11-27T10:00:00+01:00""#, true),
            (r#"meta.lastModified gt "2026-11-27T10:00:00+01:00""#, false),
            ("displayName pr", true),
            ("nickName pr", false),
            ("preferredLanguage pr", false),
            ("preferredLanguage eq null", true),
            ("active eq true", true),
            ("active eq false", false),
            (r#"externalId eq "AAECaw==""#, true),
            (r#"externalId eq "aaecaw==""#, false),
        ] {
            assert_eq!(wants(filter), expected, "{filter}");
        }
    }

    #[test]
    fn expressions_and_attributes_with_several_values_are_combined() {
        let of = |attribute: &str| format!(r#"{RITORNO_USER_SCHEMA}:{attribute} eq "contoso""#);
        assert!(wants(&of("domain")) && !wants(&of("forest")));
        for (filter, expected) in [
            (r#"emails co "home""#, true),
            (r#"emails.type eq "work""#, true),
            (r#"emails[type eq "work" and value co "home"]"#, false),
            (r#"emails[type eq "home" and value co "home"]"#, true),
            (r#"not (active eq true)"#, false),
            (r#"active eq false or displayName sw "anna" and userName pr"#, true),
            (r#"(active eq false or displayName sw "anna") and nickName pr"#, false),
            (r#"emails ne "luca@contoso.test""#, true),
        ] {
            assert_eq!(wants(filter), expected, "{filter}");
        }
        let core = format!("{USER_SCHEMA}:displayName sw \"anna\"");
        assert!(wants(&core));
    }

    #[test]
    fn numbers_have_an_order_and_booleans_have_none() {
        let group = json!({"displayName": "Sales", "members": [{"value": "7", "type": "User"}],
            RITORNO_GROUP_SCHEMA: {"memberCount": 9_007_199_254_740_993_i64}});
        for (operator, number, expected) in [
            ("eq", "9007199254740993", true),
            ("eq", "9007199254740992", false),
            ("ne", "9007199254740992", true),
            ("gt", "9007199254740992", true),
            ("le", "9007199254740992", false),
            ("lt", "1e300", true),
            ("eq", "\"9007199254740993\"", false),
        ] {
            let filter = format!("{RITORNO_GROUP_SCHEMA}:memberCount {operator} {number}");
            assert_eq!(Wanted::read(&filter).unwrap().has(&group), expected, "{filter}");
        }
        for filter in [
            "active gt false",
            "active le \"true\"",
            "emails[primary ge true]",
            "not (emails.primary lt true)",
        ] {
            assert!(matches!(Wanted::read(filter), Err(ScimError::Filter)), "{filter}");
        }
    }

    #[test]
    fn what_an_index_finds_is_seen_in_a_filter() {
        let read = |filter: &str| Wanted::read(filter).unwrap();
        let both = read("ID eq \"7\" and members[value eq \"8\"]");
        assert_eq!((both.named("id"), both.member()), (Some("7"), Some(("8", false))));
        for filter in ["members.value eq \"8\"", "members eq \"8\"", "members[value eq \"8\"]"] {
            assert_eq!(read(filter).member(), Some(("8", true)), "{filter}");
        }
        let moment = |text: &str| Timestamp::from_rfc3339(text);
        let late = "meta.lastModified gt \"2026-11-27T10:00:00+01:00\"";
        let since = format!("META.lastmodified ge \"2026-11-26T00:00:00Z\" and active eq true and {late}");
        assert_eq!(read(&since).since(), moment("2026-11-27T09:00:00Z"));
        for none in [
            format!("{late} or active eq true"),
            format!("not ({late})"),
            "meta.lastModified lt \"2026-11-27T09:00:00Z\"".into(),
            "meta.created gt \"2026-11-27T09:00:00Z\"".into(),
            "meta.lastModified gt \"2026\"".into(),
        ] {
            assert_eq!(read(&none).since(), None, "{none}");
        }
        for filter in ["id eq \"7\" or active eq true", "not (id eq \"7\")", "id ne \"7\""] {
            assert_eq!(read(filter).named("id"), None, "{filter}");
        }
        assert!(read("not (members pr)").mentions("Members") && !both.mentions("displayName"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}active eq true{}", "not (".repeat(700), ")".repeat(700));
        let long = format!("displayName eq \"{}\"", "a".repeat(MAXIMUM));
        for text in ["", "displayName", "displayName xx \"a\"", "displayName eq anna", &deep, &long] {
            assert!(matches!(Wanted::read(text), Err(ScimError::Filter)), "{text}");
        }
    }
}
