//! `GET /console/audit/export.csv` and `/console/audit/export.json`: the facts that the page's filter lets through, latest first, as
//! a table for a spreadsheet or as lines of JSON. They are read and sent piece by piece, however many there are.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use ritorno_identity::administrator::Action;
use ritorno_identity::audit::{Activity, Fact};
use ritorno_storage::AuditFilter;

use super::audit::Names;
use super::audit_filter::Asked;
use super::session::SignedIn;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;
use crate::time_text::rfc3339;

/// Facts read at a time.
const AT_ONCE: u32 = 500;

const COLUMNS: [&str; 13] = [
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

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Json,
}

/// As a table.
pub(super) async fn csv(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    export(state, signed_in, reader, asked, Format::Csv).await
}

/// As lines of JSON.
pub(super) async fn json(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    export(state, signed_in, reader, asked, Format::Json).await
}

async fn export(
    state: AppState,
    signed_in: SignedIn,
    reader: Reader,
    asked: Asked,
    format: Format,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadAudit)?;
    let tenant = &signed_in.tenant;
    let Ok(filter) = asked.filter(&state, &signed_in, tenant).await? else { return Err(PageError::Request) };
    signed_in.note(&state, &reader, Activity::AuditExported, asked.query(None), None).await?;
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
) -> Result<Option<(String, Next)>, ritorno_storage::StoreError> {
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

fn line(text: &mut String, names: &Names, fact: &Fact, format: Format) {
    let (kind, id) = fact.actor.parts();
    let (_, actor) = names.who(&fact.actor);
    let whom = fact.target.map(|id| names.person(id));
    let values = [
        Some(rfc3339(fact.at)),
        Some(fact.activity.name().to_owned()),
        Some(kind.to_owned()),
        actor,
        id,
        whom,
        fact.target.map(|id| id.to_string()),
        fact.from.clone(),
        Some(fact.success.as_str().to_owned()),
        Some(fact.reason.clone()),
        fact.support_code.as_ref().map(|code| code.0.clone()),
        Some(fact.correlation.to_string()),
        fact.request.map(|id| id.to_string()),
    ];
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
