//! One request, and what came of it.

use std::fmt::Display;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode};
use ritorno_protocol::random::array;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::arguments::Given;
use super::body;
use super::operation::{Operation, Place};
use crate::config::public_url;
use crate::system;

/// How long a server may take to accept a connection, and to say something more.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const SILENT_AT_MOST: Duration = Duration::from_secs(60);
/// How long to wait where the server says 'later', and not when.
const LATER: Duration = Duration::from_secs(1);
/// Largest answer that is looked at as a whole, in bytes.
const MAXIMUM_ANSWER: usize = 64 * 1024 * 1024;
/// What the server remembers a request by.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The token in a file that nobody else may read.
///
/// # Errors
/// When others may, or it can't be read.
pub(super) fn token(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = file.display().to_string();
    let mode = std::fs::metadata(file).with_context(|| shown.clone())?.permissions().mode();
    ensure!(mode & 0o077 == 0, "{shown}: others may read it ({:03o}): chmod 600", mode & 0o777);
    let text = Zeroizing::new(std::fs::read_to_string(file).with_context(|| shown.clone())?);
    let token = Zeroizing::new(text.trim().to_owned());
    ensure!(!token.is_empty(), "{shown}: there is nothing in it");
    Ok(token)
}

/// Says something beside what is printed.
pub(super) fn tell(line: impl Display) {
    // If standard error is closed, nobody can be told.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What is asked.
pub(super) struct Request {
    method: Method,
    segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<body::Sent>,
}

/// What was answered.
pub(super) enum Answered {
    Nothing,
    Json(Value),
    /// Something that is copied as it is.
    File(Response),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// The server was not reached, or stopped in the middle.
    #[error("the server can't be reached: {0}")]
    Unreached(String),
    /// It refused.
    #[error("{line}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// In one line.
        line: String,
    },
    /// What it answered is none of the API.
    #[error("the server did not answer as the API does: {0}")]
    Unread(String),
}

impl Failed {
    pub(super) fn unread(why: &str) -> Self {
        Self::Unread(why.to_owned())
    }

    /// What a script tells them apart by; the manual has the list.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Unreached(_) => 3,
            Self::Refused { status, .. } => match status.as_u16() {
                401 | 403 => 4,
                404 | 410 => 5,
                429 | 503 => 7,
                400..500 => 6,
                _ => 8,
            },
            Self::Unread(_) => 8,
        }
    }
}

/// A problem as the API tells it (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    r#type: String,
    title: String,
    detail: String,
}

impl Request {
    /// Of that operation, with what was typed.
    ///
    /// # Errors
    /// When it can't be sent as it was typed.
    pub(super) fn of(operation: &'static Operation, given: &Given) -> anyhow::Result<Self> {
        let mut request = Self {
            method: operation.method.parse()?,
            segments: operation.path.split('/').skip(1).map(str::to_owned).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        };
        for (parameter, value) in &given.parameters {
            match parameter.place {
                Place::Path => {
                    ensure!(
                        !["", ".", ".."].contains(&value.as_str()),
                        "{}: '{value}' is none",
                        parameter.shown
                    );
                    let mark = format!("{{{}}}", parameter.name);
                    request
                        .segments
                        .iter_mut()
                        .filter(|one| **one == mark)
                        .for_each(|one| one.clone_from(value));
                }
                Place::Query => request.query.push((parameter.name.clone(), value.clone())),
                Place::Header => {
                    let header = HeaderValue::from_str(value).with_context(|| parameter.name.clone())?;
                    request.headers.push((parameter.name.parse()?, header));
                }
            }
        }
        // A request whose answer is lost may be sent again.
        let takes_key = operation.parameters.iter().any(|one| one.name == IDEMPOTENCY_KEY);
        if takes_key && !given.parameters.iter().any(|(one, _)| one.name == IDEMPOTENCY_KEY) {
            let key = array::<16>(&*system::random())
                .iter()
                .fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
            request.headers.push((IDEMPOTENCY_KEY.parse()?, HeaderValue::from_str(&key)?));
        }
        if let Some(described) = &operation.body {
            request.body = body::of(described, given)?;
        }
        Ok(request)
    }
}

/// The way to one server, with one token.
pub(super) struct Client {
    http: reqwest::Client,
    server: Url,
    authorization: HeaderValue,
    patience: Duration,
}

impl Client {
    /// To the server at that address.
    ///
    /// # Errors
    /// When the address is none, or the authority's file can't be used.
    pub(super) fn new(
        server: &str,
        token: Zeroizing<String>,
        ca: Option<&Path>,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let server = match public_url(server) {
            Ok(url) => url,
            Err(reason) => bail!("--server {server}: {reason}"),
        };
        let mut builder = reqwest::Client::builder()
            // A redirect would carry the token to whoever answers there.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENT_AT_MOST)
            .user_agent(concat!("ritorno-api/", env!("CARGO_PKG_VERSION")));
        if server.scheme() == "http" {
            // A proxy would get what must not leave this machine in the clear.
            builder = builder.no_proxy();
        }
        if let Some(file) = ca {
            let shown = file.display().to_string();
            let pem = std::fs::read(file).with_context(|| shown.clone())?;
            let authorities = Certificate::from_pem_bundle(&pem).with_context(|| shown.clone())?;
            ensure!(!authorities.is_empty(), "{shown}: no certificate in it");
            builder = builder.tls_certs_merge(authorities);
        }
        let bearer = Zeroizing::new(format!("Bearer {}", *token));
        let mut authorization =
            HeaderValue::from_str(&bearer).context("the token's file has no token in it")?;
        authorization.set_sensitive(true);
        Ok(Self { http: builder.build()?, server, authorization, patience })
    }

    /// Sends it; again where the server says 'later', as long as patience lasts.
    ///
    /// # Errors
    /// [`Failed`].
    pub(super) async fn send(&mut self, request: &Request) -> Result<Response, Failed> {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(&request.segments);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        loop {
            let mut builder = self
                .http
                .request(request.method.clone(), url.clone())
                .header(AUTHORIZATION, self.authorization.clone())
                .header(ACCEPT, "application/json, application/problem+json, */*;q=0.5");
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            if let Some(body) = &request.body {
                builder = builder.header(CONTENT_TYPE, &body.kind).body(body.bytes.clone());
            }
            let response = builder.send().await.map_err(unreached)?;
            let status = response.status();
            if ![StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status) {
                return Ok(response);
            }
            let wait = later(&response);
            let Some(left) = self.patience.checked_sub(wait) else { return Ok(response) };
            self.patience = left;
            tell(format_args!("answered {}: asking again in {} s", status.as_u16(), wait.as_secs()));
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads what was answered.
    ///
    /// # Errors
    /// [`Failed`], with what the server says.
    pub(super) async fn read(&self, mut response: Response) -> Result<Answered, Failed> {
        let status = response.status();
        if let (true, Some(etag)) = (status.is_success(), response.headers().get(ETAG)) {
            tell(format_args!("etag: {}", String::from_utf8_lossy(etag.as_bytes())));
        }
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
        if status.is_success() && status != StatusCode::NO_CONTENT && kind != "application/json" {
            return Ok(Answered::File(response));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreached)? {
            if body.len() + part.len() > MAXIMUM_ANSWER {
                return Err(Failed::unread("it is too large"));
            }
            body.extend_from_slice(&part);
        }
        if !status.is_success() {
            let line = match serde_json::from_slice::<Problem>(&body) {
                Ok(Problem { r#type, title, detail }) => one_line(&format!("{title}: {detail} ({type})")),
                Err(_) => format!("answered {status}, without saying why"),
            };
            return Err(Failed::Refused { status, line });
        }
        if body.is_empty() {
            return Ok(Answered::Nothing);
        }
        serde_json::from_slice(&body).map(Answered::Json).map_err(|error| Failed::Unread(error.to_string()))
    }

    /// Copies what is answered to standard output, as it comes.
    ///
    /// # Errors
    /// When the server stops, or nobody reads it.
    pub(super) async fn copy(&self, mut response: Response) -> anyhow::Result<()> {
        while let Some(part) = response.chunk().await.context("the server stopped in the middle")? {
            std::io::stdout().lock().write_all(&part)?;
        }
        Ok(std::io::stdout().flush()?)
    }
}

/// How long the server says to wait.
fn later(response: &Response) -> Duration {
    let told = response.headers().get(RETRY_AFTER).and_then(|told| told.to_str().ok());
    told.and_then(|told| told.trim().parse().ok()).map_or(LATER, Duration::from_secs)
}

fn unreached(error: reqwest::Error) -> Failed {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        let deeper_said = deeper.to_string();
        if !said.contains(&deeper_said) {
            said = format!("{said}: {deeper_said}");
        }
        cause = deeper.source();
    }
    Failed::Unreached(one_line(&said))
}

/// Without what would be a command to a terminal.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_by_class() {
        for (status, code) in [
            (401, 4),
            (403, 4),
            (404, 5),
            (400, 6),
            (409, 6),
            (412, 6),
            (422, 6),
            (429, 7),
            (503, 7),
            (500, 8),
            (302, 8),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Failed::Refused { status, line: String::new() }.exit_code(), code, "{status}");
        }
        assert_eq!(Failed::Unreached(String::new()).exit_code(), 3);
    }

    #[test]
    fn what_a_server_says_is_no_command_to_a_terminal() {
        assert_eq!(one_line("a\n b\u{1b}[2J\t c"), "a b[2J c");
    }
}
