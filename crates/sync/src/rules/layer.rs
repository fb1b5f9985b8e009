//! Layers of rules as TOML, and what is wrong with one: always with its line and column.

use std::fmt;
use std::ops::Range;
use std::str::FromStr as _;

use serde::Deserialize;
use toml::Spanned;

use super::condition::{Condition, FileCondition};
use super::expression::Expression;
use super::{Attribute, FlowRule, Join, Origin, Scoping, Source};

/// Precedence of a rule that names none, in a file and in what the program brings. The lower number wins.
const OWN: u32 = 50;
const BUILT_IN: u32 = 100;

/// One layer of rules.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// What errors call it: the file's path.
    pub name: &'a str,
    /// TOML.
    pub text: &'a str,
}

/// Why a layer can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RulesError {
    /// The layer.
    pub layer: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, column {}: {}", self.layer, self.line, self.column, self.reason)
    }
}

/// What is wrong, and where in the layer's text.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Range<usize>,
    pub(super) reason: String,
}

impl Wrong {
    pub(super) fn named(self, layer: Layer<'_>) -> RulesError {
        let before = layer.text.get(..self.at.start).unwrap_or(layer.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        RulesError {
            layer: layer.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            reason: self.reason,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    disable: Vec<Spanned<String>>,
    #[serde(default)]
    leave_out: Vec<FileScoping>,
    #[serde(default)]
    keep_only: Vec<FileScoping>,
    #[serde(default)]
    join: Vec<FileJoin>,
    #[serde(default)]
    flow: Vec<FileFlow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileScoping {
    name: Spanned<String>,
    connector: Option<String>,
    when: Vec<Spanned<FileCondition>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJoin {
    name: Spanned<String>,
    connector: Option<String>,
    precedence: Option<u32>,
    key: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFlow {
    name: Spanned<String>,
    connector: Option<String>,
    precedence: Option<u32>,
    to: Spanned<String>,
    from: Option<String>,
    constant: Option<String>,
    expression: Option<Spanned<String>>,
    #[serde(default)]
    when: Vec<Spanned<FileCondition>>,
}

/// What a layer holds.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) disable: Vec<Spanned<String>>,
    pub(super) scoping: Vec<Scoping>,
    pub(super) joins: Vec<Join>,
    pub(super) flows: Vec<FlowRule>,
    /// The names of its rules, with their places.
    pub(super) names: Vec<Spanned<String>>,
}

pub(super) fn read(text: &str, built_in: bool) -> Result<Read, Wrong> {
    let file: File = toml::from_str(text)
        .map_err(|error| Wrong { at: error.span().unwrap_or(0..0), reason: error.message().to_owned() })?;
    let usual = if built_in { BUILT_IN } else { OWN };
    let mut read = Read { disable: file.disable, ..Read::default() };
    let all = file.leave_out.into_iter().map(|written| (written, false));
    for (written, keep_only) in all.chain(file.keep_only.into_iter().map(|written| (written, true))) {
        if written.when.is_empty() {
            return Err(Wrong {
                at: written.name.span(),
                reason: "no condition in 'when': it would concern everybody".to_owned(),
            });
        }
        let origin = origin(&written.name, written.connector, 0);
        read.names.push(written.name);
        read.scoping.push(Scoping { origin, keep_only, when: conditions(written.when, text)? });
    }
    for written in file.join {
        let origin = origin(&written.name, written.connector, written.precedence.unwrap_or(usual));
        read.names.push(written.name);
        read.joins.push(Join { origin, key: compile(&written.key, text)? });
    }
    for written in file.flow {
        let to = Attribute::from_str(written.to.get_ref())
            .map_err(|reason| Wrong { at: written.to.span(), reason })?;
        let source = match (written.from, written.constant, written.expression) {
            (Some(attribute), None, None) => Source::Direct(attribute),
            (None, Some(text), None) => Source::Constant(text),
            (None, None, Some(expression)) => Source::Expression(compile(&expression, text)?),
            _ => {
                return Err(Wrong {
                    at: written.name.span(),
                    reason: "a flow has exactly one of 'from', 'constant' and 'expression'".to_owned(),
                });
            }
        };
        let origin = origin(&written.name, written.connector, written.precedence.unwrap_or(usual));
        read.names.push(written.name);
        read.flows.push(FlowRule { origin, to, source, when: conditions(written.when, text)? });
    }
    Ok(read)
}

fn origin(name: &Spanned<String>, connector: Option<String>, precedence: u32) -> Origin {
    Origin { name: name.get_ref().clone(), connector: connector.map(|name| name.to_lowercase()), precedence }
}

fn conditions(written: Vec<Spanned<FileCondition>>, text: &str) -> Result<Vec<Condition>, Wrong> {
    written
        .into_iter()
        .map(|written| {
            let span = written.span();
            Condition::new(written.into_inner(), &span, text)
        })
        .collect()
}

/// Compiles an expression that stands in `text`.
pub(super) fn compile(expression: &Spanned<String>, text: &str) -> Result<Expression, Wrong> {
    Expression::new(expression.get_ref()).map_err(|error| {
        let span = expression.span();
        // The text as it stands, without its quotes. If nothing in it is escaped, a place in one is a place in the other.
        let raw = text.get(span.clone()).unwrap_or_default();
        let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
        let same = raw.get(quotes..raw.len().saturating_sub(quotes)) == Some(expression.get_ref().as_str());
        let at = match error.at {
            Some(within) if same => span.start + quotes + within.start..span.end,
            _ => span,
        };
        Wrong { at, reason: format!("the expression can't be used: {}", error.reason) }
    })
}
