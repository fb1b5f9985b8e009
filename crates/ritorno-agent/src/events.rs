//! The event log: one JSON object a line, with Microsoft's numbers, in a file and in the program's own log.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_protocol::clock::Clock;
use ritorno_protocol::event::EventId;
use ritorno_writeback::event::Event;
use serde::Serialize;

use crate::output::moment;

/// One line as written.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    name: &'static str,
    level: &'static str,
    #[serde(flatten)]
    event: &'a Event,
}

/// Where events go. Clones share it.
#[derive(Clone)]
pub(crate) struct EventLog {
    file: Option<Arc<Mutex<File>>>,
    clock: Arc<dyn Clock>,
}

impl EventLog {
    /// Appends to `path`, made with mode 0640 if it is not there.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(crate) fn open(path: Option<&Path>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let open = |path: &Path| {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::options().append(true).create(true).mode(0o640).open(path)
        };
        let file = path.map(open).transpose()?.map(|file| Arc::new(Mutex::new(file)));
        Ok(Self { file, clock })
    }

    /// Logs what is about no request.
    pub(crate) fn note(&self, id: EventId, reason: impl Into<String>) {
        self.write(&Event::new(self.clock.now(), id, reason));
    }

    /// Logs an event.
    pub(crate) fn write(&self, event: &Event) {
        let (id, name) = (event.id.number(), event.id.name());
        let tracking = event.tracking_id.map(|id| id.to_string());
        let anchor = event.anchor.as_ref().map(|anchor| anchor.0.as_str());
        let (dc, reason) = (event.dc.as_deref(), event.reason.as_str());
        if is_error(event.id) {
            tracing::warn!(event = id, name, tracking, anchor, dc, ldap_code = event.ldap_code, "{reason}");
        } else {
            tracing::info!(event = id, name, tracking, anchor, dc, ldap_code = event.ldap_code, "{reason}");
        }
        let Some(file) = &self.file else { return };
        let level = if is_error(event.id) { "error" } else { "information" };
        let line = Line { time: moment(Some(event.at)), name, level, event };
        let written = serde_json::to_vec(&line).map_err(std::io::Error::other).and_then(|mut bytes| {
            bytes.push(b'\n');
            file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
        });
        if let Err(error) = written {
            tracing::error!(%error, "the event log can't be written");
        }
    }
}

/// Whether the number tells of something that went wrong.
const fn is_error(id: EventId) -> bool {
    use EventId as E;
    !matches!(
        id,
        E::PasswordResetStart
            | E::PasswordResetSuccess
            | E::OnboardingStart
            | E::OnboardingSuccess
            | E::ChangePasswordStart
            | E::ChangePasswordSuccess
            | E::AdminResetStart
            | E::AdminResetSuccess
            | E::OffboardingStart
            | E::OffboardingSuccess
            | E::ServiceStarted
            | E::ServiceStopped
            | E::AuthTokenSuccess
            | E::KeyPairCreation
            | E::Heartbeat
    )
}
