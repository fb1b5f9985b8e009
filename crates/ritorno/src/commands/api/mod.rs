//! `ritorno api`: every operation of the API, as the document has it that this very program serves. Nothing here names an operation, so that
//! none is forgotten.

mod arguments;
mod body;
mod call;
mod operation;
mod show;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
pub(crate) use arguments::Call;
use arguments::Given;
use call::{Answered, Client, Failed, Request};
use operation::{Answer, Operation};
use serde_json::Value;

use crate::output::{complain, say};

/// Most entries that the server gives in one page.
const LARGEST_PAGE: &str = "200";

/// Does it.
///
/// # Errors
/// When the command line names what can't be read, or nobody reads what is printed. What the server refuses is told here, and an exit code.
pub(crate) async fn run(call: Call) -> anyhow::Result<ExitCode> {
    let Some((operation, given)) = call.chosen else {
        for one in operation::all() {
            say(format_args!("{:<26} {}", one.name, one.summary))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let server = call.server.context("name the server: --server, or RITORNO_SERVER")?;
    let token = match &call.token_file {
        Some(file) => call::token(file)?,
        None => anyhow::bail!("name the file with the token: --token-file, or RITORNO_TOKEN_FILE"),
    };
    let mut client = Client::new(&server, token, call.ca.as_deref(), call.patience)?;
    let request = Request::of(operation, &given)?;
    match answered(&mut client, operation, &given, request).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Stopped::Failed(failed)) => {
            complain(&anyhow::anyhow!("{failed}"));
            Ok(ExitCode::from(failed.exit_code()))
        }
        Err(Stopped::Here(error)) => Err(error),
    }
}

/// Why it did not go on.
enum Stopped {
    /// The server, or the way to it.
    Failed(Failed),
    /// This end.
    Here(anyhow::Error),
}

impl From<Failed> for Stopped {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Here(error)
    }
}

async fn answered(
    client: &mut Client,
    operation: &Operation,
    given: &Given,
    mut request: Request,
) -> Result<(), Stopped> {
    if given.all {
        if !request.query.iter().any(|(name, _)| name == "limit") {
            request.query.push(("limit".to_owned(), LARGEST_PAGE.to_owned()));
        }
        return whole(client, given, request).await;
    }
    let response = client.send(&request).await?;
    match client.read(response).await? {
        Answered::Nothing => Ok(()),
        Answered::Json(value) if given.table => {
            let rows = match operation.answer {
                Answer::Page => value.get("items").cloned().unwrap_or_default(),
                Answer::List | Answer::Other => value,
            };
            Ok(show::table(rows.as_array().map_or(&[], Vec::as_slice))?)
        }
        Answered::Json(value) => Ok(say(value)?),
        Answered::File(response) => Ok(client.copy(response).await?),
    }
}

/// Every page of a list, one after another: an entry a line, or one table of all.
async fn whole(client: &mut Client, given: &Given, mut request: Request) -> Result<(), Stopped> {
    let mut rows = Vec::new();
    let mut read = 0_usize;
    loop {
        let response = client.send(&request).await?;
        let Answered::Json(mut page) = client.read(response).await? else {
            return Err(Failed::unread("a page of a list was expected").into());
        };
        let items = page.get_mut("items").map(Value::take).unwrap_or_default();
        let Value::Array(items) = items else {
            return Err(Failed::unread("a page of a list was expected").into());
        };
        read += items.len();
        if given.table {
            rows.extend(items);
        } else {
            for item in items {
                say(item)?;
            }
        }
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        if std::io::stderr().is_terminal() {
            call::tell(format_args!("{read} read"));
        }
        request.query.retain(|(name, _)| name != "cursor");
        request.query.push(("cursor".to_owned(), next.to_owned()));
    }
    if given.table {
        show::table(&rows)?;
    }
    Ok(())
}
