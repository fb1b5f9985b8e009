//! What `ritorno-agent status` shows: the running agent tells it over a Unix socket in the state folder, mode 0600.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::status::{LinkStatus, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Name of the socket in the state folder.
pub(crate) const SOCKET: &str = "status.sock";

/// How long an answer may take on this socket.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// How many are answered at the same time; further ones wait in the system's queue.
const ASKED_AT_ONCE: usize = 16;
/// Largest status that is read, in bytes.
const MAXIMUM_STATUS: u64 = 1024 * 1024;

/// Where the link writes how it is.
#[derive(Debug)]
pub(crate) struct Board(Mutex<LinkStatus>);

impl Board {
    /// Not up yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(LinkStatus {
            up: false,
            since: now,
            reason: Some("starting".into()),
            round_trip_ms: None,
        }))
    }

    /// It is up.
    pub(crate) fn link_up(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            LinkStatus { up: true, since: now, reason: None, round_trip_ms: None };
    }

    /// A ping came back.
    pub(crate) fn round_trip(&self, milliseconds: Option<u64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).round_trip_ms = milliseconds;
    }

    /// It is down.
    pub(crate) fn link_down(&self, reason: &str, now: Timestamp) {
        let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if link.up { now } else { link.since };
        *link = LinkStatus { up: false, since, reason: Some(reason.to_owned()), round_trip_ms: None };
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
    let places = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    loop {
        let place = places.clone().acquire_owned().await?;
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely, which passes.
                tracing::warn!(%error, "`ritorno-agent status` was not answered");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let text = serde_json::to_vec(&now())?;
        tokio::spawn(async move {
            let _place = place;
            // Whoever asked may have gone, or may not read: nobody else waits for them.
            let _ = tokio::time::timeout(TOLD_WITHIN, stream.write_all(&text)).await;
        });
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
    let mut bounded = (&mut stream).take(MAXIMUM_STATUS);
    let reading = bounded.read_to_end(&mut text);
    tokio::time::timeout(TOLD_WITHIN, reading).await.context("the running agent does not answer")??;
    serde_json::from_slice(&text).context("the running agent is of another version: restart it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_keeps_nobody_waiting() {
        let folder = std::env::temp_dir().join(format!("ritorno-status-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(SOCKET);
        // More than the socket's buffer takes, so that the answer hangs.
        let reason = "x".repeat(600_000);
        let since = Timestamp::from_unix_ms(0);
        let link = LinkStatus { up: false, since, reason: Some(reason), round_trip_ms: None };
        let now = move || Status {
            version: "1".into(),
            epoch: "e".into(),
            link: link.clone(),
            writeback_on: false,
            forests: Vec::new(),
        };
        let serving = tokio::spawn({
            let path = path.clone();
            async move { serve(&path, now).await }
        });
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut deaf = Vec::new();
        for _ in 1..ASKED_AT_ONCE {
            deaf.push(UnixStream::connect(&path).await.unwrap());
        }
        let began = std::time::Instant::now();
        assert_eq!(ask(&path).await.unwrap().link.reason.map(|reason| reason.len()), Some(600_000));
        assert!(began.elapsed() < TOLD_WITHIN, "it waited for those who don't read");
        serving.abort();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
