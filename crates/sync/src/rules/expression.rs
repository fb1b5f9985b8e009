//! Expressions: MiniJinja's, over the attributes of one object.
//!
//! A variable is an attribute, in any case; of several values the first in order, and `values.NAME` is all of them. An attribute that
//! the object lacks gives the whole expression no value, unless `default` or a condition names another one. Filters: `lower`, `upper`,
//! `trim`, `replace(from, to)`, `before(text)`, `after(text)`, `split(text)`, `join(text)`, `default(other)`.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use super::Subject;

/// Steps that an expression may take: thousands of times what one over a few names needs, and a fraction of a millisecond.
const FUEL: u64 = 20_000;
/// Most characters of a result, as of a userPrincipalName.
const LONGEST: usize = 1_024;
/// Names that an expression can use beside attributes.
const NAMES: [&str; 6] = ["anchor", "dn", "domain_dns", "domain_netbios", "forest", "values"];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("lower", |text: &str| text.to_lowercase());
    environment.add_filter("upper", |text: &str| text.to_uppercase());
    environment.add_filter("trim", |text: &str| text.trim().to_owned());
    environment.add_filter("replace", |text: &str, from: &str, to: &str| text.replace(from, to));
    environment.add_filter("before", |text: &str, at: &str| {
        text.split_once(at).map_or(text, |(before, _)| before).to_owned()
    });
    environment.add_filter("after", |text: &str, at: &str| {
        text.split_once(at).map_or("", |(_, after)| after).to_owned()
    });
    environment
        .add_filter("split", |text: &str, at: &str| text.split(at).map(str::to_owned).collect::<Vec<_>>());
    environment.add_filter("join", |list: Vec<String>, with: &str| list.join(with));
    environment.add_filter("default", |value: Value, other: Value| {
        let empty = value.is_undefined() || value.is_none() || value.as_str() == Some("");
        if empty { other } else { value }
    });
    environment
});

/// One expression, compiled.
#[derive(Clone)]
pub(super) struct Expression {
    text: String,
    compiled: Arc<minijinja::Expression<'static, 'static>>,
}

/// What is wrong with an expression, and where in its text.
#[derive(Debug)]
pub(super) struct ExpressionError {
    pub(super) at: Option<Range<usize>>,
    pub(super) reason: String,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

/// The attributes of an object as MiniJinja asks for them.
#[derive(Debug)]
struct Names<T>(T);

/// Finds the values of a variable; none for an attribute that is not there.
trait Find: fmt::Debug + Send + Sync {
    fn find(&self, name: &str) -> Vec<String>;
}

impl<T: Find + Clone + 'static> Object for Names<T> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if name == "values" {
            return Some(Value::from_object(All(self.0.clone())));
        }
        self.0.find(&name.to_ascii_lowercase()).into_iter().next().map(Value::from)
    }
}

/// `values.NAME`: all values of an attribute.
#[derive(Debug)]
struct All<T>(T);

impl<T: Find + 'static> Object for All<T> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from(self.0.find(&key.as_str()?.to_ascii_lowercase())))
    }
}

/// What a check puts in for an object: each attribute has this value, or none has one.
#[derive(Clone, Debug)]
struct Sample(Option<&'static str>);

impl Find for Sample {
    fn find(&self, _: &str) -> Vec<String> {
        self.0.into_iter().map(str::to_owned).collect()
    }
}

impl Find for Subject {
    fn find(&self, name: &str) -> Vec<String> {
        self.texts(name).into_iter().map(str::to_owned).collect()
    }
}

impl Expression {
    /// Compiles an expression, and tries it so that a filter that does not exist is found now.
    pub(super) fn new(text: &str) -> Result<Self, ExpressionError> {
        let wrong = |error: &Error| ExpressionError {
            at: error.range(),
            reason: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        };
        let compiled =
            ENVIRONMENT.compile_expression_owned(text.to_owned()).map_err(|error| wrong(&error))?;
        for sample in [Sample(Some("a.b@c.test")), Sample(None)] {
            match compiled.eval(Value::from_object(Names(sample))) {
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::UnknownFilter
                            | ErrorKind::UnknownTest
                            | ErrorKind::UnknownFunction
                            | ErrorKind::UnknownMethod
                    ) =>
                {
                    return Err(wrong(&error));
                }
                // What an invented value is not good for may be fine for a real one.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Self { text: text.to_owned(), compiled: Arc::new(compiled) })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The attributes that it uses, in lower case.
    pub(super) fn attributes(&self) -> BTreeSet<String> {
        let used = self.compiled.undeclared_variables(true);
        used.into_iter()
            .map(|name| name.strip_prefix("values.").map_or(name.clone(), str::to_owned))
            .map(|name| name.split('.').next().unwrap_or_default().to_ascii_lowercase())
            .filter(|name| !NAMES.contains(&name.as_str()) && !name.is_empty())
            .collect()
    }

    /// Its value for an object; none if it has none, or an empty one. `Err` says why it can't be had.
    pub(super) fn value(&self, subject: &Subject) -> Result<Option<String>, String> {
        let value = match self.compiled.eval(Value::from_object(Names(subject.clone()))) {
            Ok(value) => value,
            Err(error) if error.kind() == ErrorKind::UndefinedError => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if value.is_undefined() || value.is_none() {
            return Ok(None);
        }
        let text = value.to_string();
        if text.chars().count() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// Whether it holds of an object. What has no value does not.
    pub(super) fn holds(&self, subject: &Subject) -> Result<bool, String> {
        match self.compiled.eval(Value::from_object(Names(subject.clone()))) {
            Ok(value) => Ok(value.is_true()),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}
