//! Carries statements to whichever link is up, and events to the log.

use std::sync::{Arc, Mutex, PoisonError};

use ritorno_protocol::link::ToRelay;
use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Statement;
use ritorno_writeback::event::Event;
use ritorno_writeback::report::{LinkDown, Reporter};
use tokio::sync::mpsc;

use crate::event_log::EventLog;

/// The way to the relay, while there is one.
#[derive(Debug)]
pub(crate) struct LinkReporter {
    link: Mutex<Option<mpsc::Sender<ToRelay>>>,
    events: Arc<EventLog>,
}

impl LinkReporter {
    /// A reporter without a link.
    pub(crate) const fn new(events: Arc<EventLog>) -> Self {
        Self { link: Mutex::new(None), events }
    }

    /// From now on statements go here, or nowhere.
    pub(crate) fn use_link(&self, link: Option<mpsc::Sender<ToRelay>>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// Queues any frame.
    ///
    /// # Errors
    /// [`LinkDown`], also when the link takes no more.
    pub(crate) fn send(&self, frame: ToRelay) -> Result<(), LinkDown> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().ok_or(LinkDown)?.try_send(frame).map_err(|_| LinkDown)
    }
}

impl Reporter for LinkReporter {
    fn say(&self, statement: Signed<Statement>) -> Result<(), LinkDown> {
        self.send(ToRelay::Statement { statement })
    }

    fn event(&self, event: Event) {
        self.events.write(&event);
    }
}
