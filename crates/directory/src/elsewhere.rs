//! Another writable controller in place of the PDC emulator, where the administrator allows it and the PDC emulator can't be reached.
//!
//! Controllers tell each other what they took, but a password that was set here is known to the PDC emulator only when that is back, and
//! until then two controllers can have taken two passwords. That is why it is off unless somebody asked for it.

use std::sync::Arc;
use std::time::Duration;

use ritorno_protocol::outcome::{Done, Fault};
use tokio::time::Instant;

use crate::choice::SEARCH_WITHIN;
use crate::error::DirectoryError;
use crate::forest::{Directory, Lease, read};
use crate::ldap::Connection;
use crate::own_password::is_refused;
use crate::root_dse::RootDse;
use crate::topology::is_read_only;

/// For so long the same controller is used without trying the PDC emulator first, so that one request stays at one controller.
const STAYS_FOR: Duration = Duration::from_secs(15);

/// A controller that is written to for the time being.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    dse: Arc<RootDse>,
    /// For operators: in whose place, and why.
    note: Arc<str>,
    since: Instant,
}

/// A connection to write on, and in whose place it is.
pub(crate) struct ForWriting {
    pub(crate) connection: Connection,
    pub(crate) dse: Arc<RootDse>,
    pub(crate) note: Option<Arc<str>>,
}

impl Directory {
    /// A connection to the PDC emulator; else, where that is allowed, to another writable controller.
    ///
    /// # Errors
    /// What kept us from the PDC emulator, with every other one that was tried.
    pub(crate) async fn connect_for_writing(&self) -> Result<ForWriting, DirectoryError> {
        let allowed = self.inner.config.write_elsewhere;
        let staying = self.elsewhere().filter(|place| allowed && place.since.elapsed() < STAYS_FOR);
        if let Some(place) = staying
            && let Ok(connection) = self.inner.connect(&place.dse.host).await
        {
            return Ok(ForWriting { connection, dse: place.dse, note: Some(place.note) });
        }
        match self.connect_to_pdc().await {
            Ok((connection, dse)) => {
                self.keep_elsewhere(None);
                Ok(ForWriting { connection, dse, note: None })
            }
            Err(DirectoryError::NotApplied { fault: Fault::PdcUnreachable { name }, operator })
                if allowed =>
            {
                let why = operator.detail.clone();
                let error = DirectoryError::NotApplied {
                    fault: Fault::PdcUnreachable { name: name.clone() },
                    operator,
                };
                self.connect_elsewhere(&name, &why, error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn connect_elsewhere(
        &self,
        pdc: &str,
        why: &str,
        mut error: DirectoryError,
    ) -> Result<ForWriting, DirectoryError> {
        let since = Instant::now();
        let mut tried = Vec::new();
        for host in self.inner.candidates().into_iter().filter(|host| !host.eq_ignore_ascii_case(pdc)) {
            if since.elapsed() > SEARCH_WITHIN {
                tried.push(format!("{host}: not tried any more"));
                continue;
            }
            match self.writable(&host).await {
                Ok((connection, dse)) => {
                    let note = format!("in place of the PDC emulator {pdc}, which can't be reached: {why}");
                    tracing::warn!(forest = %self.inner.config.forest, dc = %dse.host, "writing {note}");
                    let place = Elsewhere { dse: Arc::clone(&dse), note: note.into(), since: Instant::now() };
                    let note = Some(Arc::clone(&place.note));
                    self.keep_elsewhere(Some(place));
                    return Ok(ForWriting { connection, dse, note });
                }
                Err(refused) if is_refused(&refused) => return Err(refused),
                Err(refused) => tried.push(format!("{host}: {}", refused.operator().detail)),
            }
        }
        let tried = if tried.is_empty() { "no other is known".to_owned() } else { tried.join("; ") };
        let operator = error.operator_mut();
        operator.detail = format!("{}; in its place: {tried}", operator.detail);
        Err(error)
    }

    /// A connection to `host`, if it is a controller of our domain that takes writes.
    async fn writable(&self, host: &str) -> Result<(Connection, Arc<RootDse>), DirectoryError> {
        let (mut connection, dse) = self.inner.connect_reader(host).await?;
        let limit = self.inner.config.timeout;
        let settings = read(&mut connection, &dse.service_name, &["objectClass", "msDS-isRODC"], limit).await;
        if is_read_only(&settings.map_err(|error| DirectoryError::read(&error))?) {
            let detail = "it is a read-only domain controller";
            return Err(DirectoryError::fault(Fault::DirectoryUnavailable, host, detail));
        }
        Ok((connection, dse))
    }

    /// Where writes go in place of the PDC emulator now, and why; `None` if that is not allowed or nobody can.
    pub(crate) async fn probe_elsewhere(&self) -> Option<(String, String)> {
        if !self.inner.config.write_elsewhere {
            return None;
        }
        let found = self.connect_for_writing().await.ok()?;
        found.connection.close().await;
        found.note.map(|note| (found.dse.host.clone(), note.to_string()))
    }
}

impl Lease<'_> {
    /// Says in the outcome at whose place it was written.
    pub(crate) fn noted(&self, outcome: Result<Done, DirectoryError>) -> Result<Done, DirectoryError> {
        let Some(note) = &self.note else { return outcome };
        let with = |detail: &mut String| {
            *detail = if detail.is_empty() { note.to_string() } else { format!("{detail}; {note}") };
        };
        match outcome {
            Ok(mut done) => {
                with(&mut done.operator.detail);
                Ok(done)
            }
            Err(mut error) => {
                with(&mut error.operator_mut().detail);
                Err(error)
            }
        }
    }
}
