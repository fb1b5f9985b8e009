//! A text in which a message's number and text are put.

/// The parts of a message.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) number: &'a str,
    pub(super) text: &'a str,
}

/// Whether the template has both parts.
pub(super) fn has_both(templates: &[&str]) -> bool {
    ["{number}", "{text}"].into_iter().all(|part| templates.iter().any(|template| template.contains(part)))
}

/// The template with the parts in it, each escaped. What a part itself contains is never taken for a place.
pub(super) fn fill(template: &str, parts: Parts<'_>, escape: fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() + parts.text.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let (part, after) = if let Some(after) = from.strip_prefix("{number}") {
            (escape(parts.number), after)
        } else if let Some(after) = from.strip_prefix("{text}") {
            (escape(parts.text), after)
        } else {
            let (brace, after) = from.split_at(1);
            (brace.to_owned(), after)
        };
        filled.push_str(&part);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// For the inside of a JSON string (RFC 8259 section 7).
pub(super) fn json(part: &str) -> String {
    let quoted = serde_json::Value::from(part).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// For a form.
pub(super) fn form(part: &str) -> String {
    url::form_urlencoded::byte_serialize(part.as_bytes()).collect()
}

/// For any place of an address: a space is `%20`, since `+` means one in forms alone (RFC 3986 section 2.1).
pub(super) fn address_part(part: &str) -> String {
    form(part).replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts<'_> = Parts { number: "+39333{text}", text: "a \"b\"\\ {number}\nè & =" };

    #[test]
    fn parts_are_escaped_and_never_filled_themselves() {
        let filled = fill(r#"{"to": ["{number}"], "x": {}, "body": "{text}"}"#, PARTS, json);
        let read: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!((&read["to"][0], &read["body"]), (&PARTS.number.into(), &PARTS.text.into()), "{filled}");
        let filled = fill("to={number}&text={text}&x={", PARTS, form);
        let read: Vec<(String, String)> =
            url::form_urlencoded::parse(filled.as_bytes()).into_owned().collect();
        assert_eq!(read[0], ("to".into(), PARTS.number.into()));
        assert_eq!(read[1], ("text".into(), PARTS.text.into()));
        assert_eq!(read[2], ("x".into(), "{".into()));
        let filled = fill("{number}/{text}", Parts { number: "+39", text: "a b+c" }, address_part);
        assert_eq!(filled, "%2B39/a%20b%2Bc");
    }

    #[test]
    fn both_parts_have_to_be_somewhere() {
        assert!(has_both(&["https://x.test/{number}", "{text}"]));
        assert!(!has_both(&["https://x.test/{number}"]) && !has_both(&["{text}", "{ number }"]));
    }
}
