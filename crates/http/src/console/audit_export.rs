//! `GET /console/audit/export.csv` and `/console/audit/export.json`: the facts that the page's filter lets through, as a file.

use axum::extract::{Query, State};
use axum::response::Response;
use ritorno_identity::administrator::Action;

use super::session::SignedIn;
use crate::operations::audit_export::{Format, export};
use crate::operations::audit_filter::Asked;
use crate::page::PageError;
use crate::reader::Reader;
use crate::state::AppState;

/// As a table.
pub(super) async fn csv(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    file(state, signed_in, reader, asked, Format::Csv).await
}

/// As lines of JSON.
pub(super) async fn json(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    file(state, signed_in, reader, asked, Format::Json).await
}

async fn file(
    state: AppState,
    signed_in: SignedIn,
    reader: Reader,
    asked: Asked,
    format: Format,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadAudit)?;
    let operator = signed_in.operator(&reader);
    let filter = asked.filter(&state, &operator).await.map_err(PageError::behind)?;
    let Ok(filter) = filter else { return Err(PageError::Request) };
    export(state, &operator, filter, &asked, format).await.map_err(PageError::behind)
}
