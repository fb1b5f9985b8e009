//! What `ritorno-agent status` shows: the running agent tells it over a Unix socket in the state folder, mode 0600.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::link::ForestHealth;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// Name of the socket in the state folder.
pub(crate) const SOCKET: &str = "status.sock";

/// How the link is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LinkStatus {
    /// Whether it is up.
    pub(crate) up: bool,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Why it is down.
    pub(crate) reason: Option<String>,
}

/// Everything that is shown of the running agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    /// The program's version.
    pub(crate) version: String,
    /// The journal's epoch.
    pub(crate) epoch: String,
    /// The link.
    pub(crate) link: LinkStatus,
    /// Whether writeback is on here.
    pub(crate) writeback_on: bool,
    /// The forests.
    pub(crate) forests: Vec<ForestHealth>,
}

/// Where the link writes how it is.
#[derive(Debug)]
pub(crate) struct Board(Mutex<LinkStatus>);

impl Board {
    /// Not up yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(LinkStatus { up: false, since: now, reason: Some("starting".into()) }))
    }

    /// It is up.
    pub(crate) fn link_up(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            LinkStatus { up: true, since: now, reason: None };
    }

    /// It is down.
    pub(crate) fn link_down(&self, reason: &str, now: Timestamp) {
        let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if link.up { now } else { link.since };
        *link = LinkStatus { up: false, since, reason: Some(reason.to_owned()) };
    }

    /// How it is.
    pub(crate) fn link(&self) -> LinkStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers whoever may open the socket, until the task is dropped.
///
/// # Errors
/// When the socket can't be made.
pub(crate) async fn serve(path: &Path, now: impl Fn() -> Status) -> anyhow::Result<()> {
    // One that was left behind by a crash is in the way.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let text = serde_json::to_vec(&now())?;
        // Whoever asked may have gone.
        let _ = stream.write_all(&text).await;
    }
}

/// Asks the running agent.
///
/// # Errors
/// When none runs on this state folder.
pub(crate) async fn ask(path: &Path) -> anyhow::Result<Status> {
    let mut stream = UnixStream::connect(path)
        .await
        .context("the agent does not run here: start it with `systemctl start ritorno-agent`")?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await?;
    serde_json::from_slice(&text).context("the running agent is of another version: restart it")
}
