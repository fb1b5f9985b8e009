//! The audit as a file: the facts that a filter lets through, latest first, as a table for a spreadsheet or as lines of JSON.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_storage::{AuditFilter, StoreError};

use super::audit::Names;
use super::audit_filter::Asked;
use crate::operator::Operator;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// Facts read at a time.
const AT_ONCE: u32 = 500;

/// What is told of a fact.
pub(crate) const COLUMNS: [&str; 13] = [
    "at",
    "activity",
    "actor",
    "actor_name",
    "actor_id",
    "target",
    "target_id",
    "from",
    "success",
    "reason",
    "support_code",
    "correlation",
    "request",
];

/// How they are written.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    /// A table for a spreadsheet.
    Csv,
    /// Lines of JSON.
    Json,
}

/// The facts that a filter lets through, piece by piece, however many there are. That somebody took them is written down first, with what
/// they asked for.
///
/// # Errors
/// [`StoreError`], where that can't be written down.
pub(crate) async fn export(
    state: AppState,
    operator: &Operator,
    filter: AuditFilter,
    asked: &Asked,
    format: Format,
) -> Result<Response, StoreError> {
    operator.note(&state, Activity::AuditExported, asked.query(None), None).await?;
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        Format::Json => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let first = match format {
        Format::Csv => {
            // Without this mark a spreadsheet may take it for another alphabet.
            let mut head = String::from("\u{feff}");
            row(&mut head, COLUMNS.into_iter());
            head
        }
        Format::Json => String::new(),
    };
    let pieces = stream::try_unfold(Some((None, first)), move |at| {
        let (state, filter) = (state.clone(), filter.clone());
        async move {
            let Some((before, begun)) = at else { return Ok(None) };
            let piece = piece(&state, &filter, before, begun, format).await;
            // Whoever reads it sees that it broke off: the answer has no end.
            piece.inspect_err(|error| tracing::error!(%error, "an export of the audit broke off"))
        }
    });
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::from_stream(pieces))
        .into_response())
}

/// Where a piece begins: before that place, after that text.
type Next = Option<(Option<i64>, String)>;

async fn piece(
    state: &AppState,
    filter: &AuditFilter,
    before: Option<i64>,
    mut text: String,
    format: Format,
) -> Result<Option<(String, Next)>, StoreError> {
    let found = state.store.audit().find(state.tenant, filter, before, AT_ONCE).await?;
    let last = found.last().map(|(place, _)| *place);
    let facts: Vec<Fact> = found.into_iter().map(|(_, fact)| fact).collect();
    let names = Names::of(state, &facts).await?;
    for fact in &facts {
        line(&mut text, &names, fact, format);
    }
    let whole = facts.len() < AT_ONCE as usize;
    Ok(Some((text, (!whole).then_some((last, String::new())))))
}

/// What is told of a fact, in the order of [`COLUMNS`].
pub(crate) fn values(names: &Names, fact: &Fact) -> [Option<String>; COLUMNS.len()] {
    let (kind, id) = fact.actor.parts();
    let whom = fact.target.map(|id| names.person(id));
    [
        Some(rfc3339(fact.at)),
        Some(fact.activity.name().to_owned()),
        Some(kind.to_owned()),
        names.actor(&fact.actor),
        id,
        whom,
        fact.target.map(|id| id.to_string()),
        fact.from.clone(),
        Some(fact.success.as_str().to_owned()),
        Some(fact.reason.clone()),
        fact.support_code.as_ref().map(|code| code.0.clone()),
        Some(fact.correlation.to_string()),
        fact.request.map(|id| id.to_string()),
    ]
}

fn line(text: &mut String, names: &Names, fact: &Fact, format: Format) {
    let values = values(names, fact);
    match format {
        Format::Csv => row(text, values.iter().map(|value| value.as_deref().unwrap_or_default())),
        Format::Json => {
            let object = COLUMNS.into_iter().map(str::to_owned).zip(values.map(serde_json::Value::from));
            text.push_str(&serde_json::Value::Object(object.collect()).to_string());
            text.push('\n');
        }
    }
}

/// One row (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe before it: reasons and names come from people.
fn row<'a>(text: &mut String, values: impl Iterator<Item = &'a str>) {
    let harmless = values.map(|value| {
        let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if formula { format!("'{value}") } else { value.to_owned() }
    });
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // To memory, of as many columns each time: there is nothing that could fail.
    let written = writer.write_record(harmless).ok().and_then(|()| writer.into_inner().ok());
    text.push_str(&String::from_utf8_lossy(&written.unwrap_or_default()));
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        let mut text = String::new();
        row(&mut text, ["a,b", "say \"x\"", "=cmd|x", "-1", "two\nlines", "", "plain"].into_iter());
        assert_eq!(text, "\"a,b\",\"say \"\"x\"\"\",'=cmd|x,'-1,\"two\nlines\",,plain\r\n");
    }
}
