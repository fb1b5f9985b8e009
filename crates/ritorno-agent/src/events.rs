//! The event log, with Microsoft's numbers: in a file, one JSON object or syslog message (RFC 5424) a line, and in the
//! program's own log.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ritorno_protocol::clock::Clock;
use ritorno_protocol::event::EventId;
use ritorno_writeback::event::Event;
use serde::Serialize;

use crate::config::{EventsFormat, Log};
use crate::output::moment;
use crate::state::belongs_with;

mod rfc5424;

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
    file: Option<Arc<EventFile>>,
    clock: Arc<dyn Clock>,
}

/// The file of the event log.
struct EventFile {
    path: PathBuf,
    format: EventsFormat,
    open: Mutex<File>,
}

impl EventLog {
    /// Appends to the configured file, made with mode 0640 if it is not there.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(crate) fn open(log: &Log, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let open = |path: &PathBuf| {
            let open = Mutex::new(append(path)?);
            Ok::<_, std::io::Error>(Arc::new(EventFile {
                path: path.clone(),
                format: log.events_format,
                open,
            }))
        };
        Ok(Self { file: log.events_file.as_ref().map(open).transpose()?, clock })
    }

    /// No file: the program's own log only.
    pub(crate) const fn default_only(clock: Arc<dyn Clock>) -> Self {
        Self { file: None, clock }
    }

    /// Opens the file anew, since somebody has moved it away (logrotate). If it can't be, the old one goes on.
    pub(crate) fn reopen(&self) {
        let Some(file) = &self.file else { return };
        match append(&file.path) {
            Ok(anew) => *file.open.lock().unwrap_or_else(PoisonError::into_inner) = anew,
            Err(error) => self.note(
                EventId::ConfigurationError,
                format!("the event log {} can't be opened anew: {error}", file.path.display()),
            ),
        }
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
        let line = match file.format {
            EventsFormat::Json => {
                let line = Line { time: moment(Some(event.at)), name, level, event };
                serde_json::to_string(&line).map_err(std::io::Error::other)
            }
            EventsFormat::Rfc5424 => Ok(rfc5424::line(event, is_error(event.id))),
        };
        let written = line.and_then(|mut line| {
            line.push('\n');
            file.open.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
        });
        if let Err(error) = written {
            tracing::error!(%error, "the event log can't be written");
        }
    }
}

/// The file, to append to. It belongs to its folder's owner, so that the service can go on with what root began.
fn append(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // The folder is the service's: a link in it would lead root, who may run a command by hand, to give away another file.
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(std::io::Error::other("it is a symbolic link"));
    }
    let file = File::options().append(true).create(true).mode(0o640).open(path)?;
    if let Some(folder) = path.parent() {
        belongs_with(&file, folder)?;
    }
    Ok(file)
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
            | E::CheckRecovered
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system;

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = std::env::temp_dir().join(format!("ritorno-events-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("events.log");
        let log = Log { events_file: Some(file.clone()), ..Log::default() };
        let events = EventLog::open(&log, system::clock()).unwrap();
        events.note(EventId::ServiceStarted, "first");
        let moved = folder.join("events.log.1");
        std::fs::rename(&file, &moved).unwrap();
        events.note(EventId::Heartbeat, "before it is told");
        events.reopen();
        events.note(EventId::ServiceStopped, "after");
        let numbers = |path: &Path| -> Vec<u64> {
            let text = std::fs::read_to_string(path).unwrap();
            let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64();
            text.lines().filter_map(line).collect()
        };
        assert_eq!(numbers(&moved), [31015, 31019]);
        assert_eq!(numbers(&file), [31016]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
