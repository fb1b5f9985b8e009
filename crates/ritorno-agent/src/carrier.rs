//! Carries statements onto whichever link is up, and events into the log.

use std::sync::{Mutex, PoisonError};

use ritorno_protocol::link::ToRelay;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Statement;
use ritorno_writeback::event::Event;
use ritorno_writeback::report::{LinkDown, Reporter};
use tokio::sync::mpsc;

use crate::events::EventLog;

/// The seam between the handler, which outlives links, and the link of the moment.
pub(crate) struct Carrier {
    link: Mutex<Option<mpsc::Sender<ToRelay>>>,
    events: EventLog,
}

impl Carrier {
    /// No link yet.
    pub(crate) const fn new(events: EventLog) -> Self {
        Self { link: Mutex::new(None), events }
    }

    /// From now on statements go there; none means that the link is down.
    pub(crate) fn connect(&self, link: Option<mpsc::Sender<ToRelay>>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// Queues a frame that is no statement.
    ///
    /// # Errors
    /// [`LinkDown`].
    pub(crate) fn send(&self, frame: ToRelay) -> Result<(), LinkDown> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().ok_or(LinkDown)?.try_send(frame).map_err(|_| LinkDown)
    }

    /// The event log.
    pub(crate) const fn events(&self) -> &EventLog {
        &self.events
    }
}

impl Reporter for Carrier {
    fn say(&self, statement: Signed<Statement>) -> Result<(), LinkDown> {
        self.send(ToRelay::Statement { statement })
    }

    fn event(&self, event: Event) {
        self.events.write(&event);
    }
}
