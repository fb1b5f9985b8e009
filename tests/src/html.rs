//! Just enough of HTML to fill in the portal's own forms. Not for pages of others.

use std::collections::BTreeMap;

/// One form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its attributes, unescaped, names in lower case.
    pub attributes: BTreeMap<String, String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is sent as.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// `hidden`, `text`, `radio`, `submit` and so on; for buttons and selects the element's name.
    pub kind: String,
    /// Whether a radio button or check box is on.
    pub checked: bool,
}

impl Form {
    /// Where it is sent; empty for the page's own address.
    pub fn action(&self) -> &str {
        self.attributes.get("action").map_or("", String::as_str)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What a browser would send if these values were typed: of radio buttons the chosen one, or else the first;
    /// of buttons none that was not pressed.
    pub fn filled(&self, typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut sent: Vec<(String, String)> = Vec::new();
        for field in &self.fields {
            if field.name.is_empty() || matches!(field.kind.as_str(), "submit" | "button") {
                continue;
            }
            if typed.iter().any(|(name, _)| *name == field.name) {
                continue;
            }
            let optional = matches!(field.kind.as_str(), "radio" | "checkbox");
            let another_is_on =
                self.fields.iter().any(|other| other.name == field.name && other.checked && other != field);
            let sent_already = sent.iter().any(|(name, _)| *name == field.name);
            if optional && (sent_already || another_is_on || (field.kind == "checkbox" && !field.checked)) {
                continue;
            }
            sent.push((field.name.clone(), field.value.clone()));
        }
        sent.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        sent
    }
}

/// All forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut open: Option<Form> = None;
    for tag in html.split('<').skip(1) {
        let (name, attributes) = element(tag);
        match name.as_str() {
            "form" => open = Some(Form { attributes, fields: Vec::new() }),
            "/form" => forms.extend(open.take()),
            "input" | "button" | "select" => {
                let Some(form) = &mut open else { continue };
                let get = |key: &str| attributes.get(key).cloned();
                let implied = if name == "input" { "text" } else { &name };
                form.fields.push(Field {
                    name: get("name").unwrap_or_default(),
                    value: get("value").unwrap_or_default(),
                    kind: get("type").unwrap_or_else(|| implied.to_owned()),
                    checked: attributes.contains_key("checked"),
                });
            }
            _ => {}
        }
    }
    forms
}

/// The words of a page, without its tags.
pub fn text(html: &str) -> String {
    let mut out = String::new();
    for (index, part) in html.split('<').enumerate() {
        let words = if index == 0 { part } else { part.split_once('>').map_or("", |(_, words)| words) };
        out.push_str(&unescape(words));
        out.push(' ');
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name and attributes of an element, from behind its `<`.
fn element(tag: &str) -> (String, BTreeMap<String, String>) {
    let end = tag.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(tag.len());
    let name = tag[..end].to_lowercase();
    let mut rest = &tag[end..];
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (name, attributes);
        }
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let key = rest[..end].to_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (raw, left) = match quote {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => {
                    after.split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len()))
                }
            };
            value = unescape(raw);
            rest = left;
        }
        if end == 0 {
            return (name, attributes);
        }
        attributes.insert(key, value);
    }
}

/// Character references as the template engine writes them, decimal, hexadecimal and the five named ones.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let decoded = part.split_once(';').and_then(|(reference, rest)| {
            let c = match reference {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                number => {
                    let digits = number.strip_prefix('#')?;
                    let code = match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => digits.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, rest))
        });
        match decoded {
            Some((c, rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<p>Anna&#39;s page</p><form method="post" action="/a?b=1&amp;c=2" data-x="{&quot;k&quot;:1}">
        <input type=hidden name=state value=abc><input name="name" required>
        <input type="radio" name="method" value="one"><input type="radio" name="method" value="two" checked/>
        <input type="checkbox" name="keep" value="yes"><button name="go" value="1">Go</button></form><form></form>"#;

    #[test]
    fn form_is_read_with_its_fields() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 2);
        assert_eq!(forms[0].action(), "/a?b=1&c=2");
        assert_eq!(forms[0].attributes["data-x"], r#"{"k":1}"#);
        assert_eq!(forms[0].field("state").unwrap().value, "abc");
    }

    #[test]
    fn form_is_filled_in_as_a_browser_would() {
        let sent = forms(PAGE)[0].filled(&[("name", "anna")]);
        let sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(sent, [("state", "abc"), ("method", "two"), ("name", "anna")]);
    }

    #[test]
    fn text_is_without_tags() {
        assert_eq!(text(PAGE), "Anna's page Go");
        assert_eq!(unescape("a &amp b &#x41;&#66; &unknown;"), "a &amp b AB &unknown;");
    }
}
