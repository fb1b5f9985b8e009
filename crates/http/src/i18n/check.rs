//! What has to be true of the message catalogues. `build.rs` looks, so that a program with a missing message is never built.

use std::collections::{BTreeMap, BTreeSet};

/// The messages of one language: each key, with the names of what goes into it.
pub(crate) type Messages = BTreeMap<String, BTreeSet<String>>;

/// The calls by which templates and code name a message.
const CALLS: [&str; 5] = [".say(\"", ".with(\"", ".with_two(\"", ".count(\"", "key(\""];

/// Reads the catalogue `file` into `found`.
///
/// # Errors
/// A line for each fault: what the parser finds, and keys that are there twice.
pub(crate) fn read(file: &str, text: &str, found: &mut Messages) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    if let Err((_, errors)) = fluent_syntax::parser::parse(text) {
        faults.extend(errors.iter().map(|error| format!("{file}: {error}")));
    }
    let mut key = None;
    for line in text.lines() {
        // A message begins at the start of a line; what belongs to it is indented (Fluent's syntax).
        if let Some((name, _)) =
            line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            if found.insert(name.to_owned(), BTreeSet::new()).is_some() {
                faults.push(format!("{file}: {name} is there twice"));
            }
            key = Some(name.to_owned());
        }
        let parts = line.match_indices('$').filter_map(|(at, _)| line.get(at + 1..)).map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        });
        if let Some(of) = key.as_ref().and_then(|key| found.get_mut(key)) {
            of.extend(parts);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// What `other` lacks or has too much of, compared with `first`: a line for each message.
pub(crate) fn differences(first: (&str, &Messages), other: (&str, &Messages)) -> Vec<String> {
    let ((first_tag, first), (tag, other)) = (first, other);
    let mut faults = Vec::new();
    for (key, parts) in first {
        match other.get(key) {
            None => faults.push(format!("web/locales/{tag} lacks the message '{key}'")),
            Some(own) if own != parts => faults.push(format!(
                "the message '{key}' has {own:?} in web/locales/{tag}, and {parts:?} in web/locales/{first_tag}"
            )),
            Some(_) => {}
        }
    }
    let idle = other.keys().filter(|key| !first.contains_key(*key));
    faults.extend(
        idle.map(|key| format!("web/locales/{first_tag} lacks the message '{key}' of web/locales/{tag}")),
    );
    faults
}

/// The keys that a template or a source file asks for.
pub(crate) fn used(text: &str) -> impl Iterator<Item = &str> {
    CALLS.into_iter().flat_map(move |call| {
        text.match_indices(call).filter_map(move |(at, _)| text.get(at + call.len()..)?.split('"').next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Messages {
        let mut found = Messages::new();
        read("a.ftl", text, &mut found).unwrap();
        found
    }

    #[test]
    fn what_one_language_lacks_is_named() {
        let english =
            messages("one = One\nmany = { $n ->\n    [one] One\n   *[other] { $n } of { $whole }\n}\n");
        assert_eq!(english["many"], BTreeSet::from(["n".to_owned(), "whole".to_owned()]));
        assert_eq!(differences(("en", &english), ("it", &english)), Vec::<String>::new());
        let lacking = messages("many = { $n } di { $whole }\n");
        let told = differences(("en", &english), ("it", &lacking));
        assert_eq!(told, ["web/locales/it lacks the message 'one'"]);
        let told = differences(("en", &lacking), ("it", &english));
        assert_eq!(told, ["web/locales/en lacks the message 'one' of web/locales/it"]);
        let without = messages("one = Uno\nmany = { $n }\n");
        assert_eq!(differences(("en", &english), ("it", &without)).len(), 1);
    }

    #[test]
    fn what_does_not_parse_or_is_there_twice_is_a_fault() {
        let mut found = Messages::new();
        assert_eq!(read("a.ftl", "one = { $n\n", &mut found).unwrap_err().len(), 1);
        let twice = read("b.ftl", "two = 2\ntwo = 2\n", &mut found).unwrap_err();
        assert_eq!(twice, ["b.ftl: two is there twice"]);
    }

    #[test]
    fn keys_are_found_where_they_are_named() {
        let text = r#"{{ t.say("one") }} {{ t.count("two", n) }} let told = key("three");"#;
        assert_eq!(used(text).collect::<BTreeSet<_>>(), BTreeSet::from(["one", "two", "three"]));
    }
}
