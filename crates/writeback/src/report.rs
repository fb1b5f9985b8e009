//! The seam to whoever carries statements to the relay and writes the event log.

use ritorno_protocol::signed::Signed;
use ritorno_protocol::statement::Statement;

use crate::event::Event;

/// There is no link to send a statement over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link to the relay is down")]
pub struct LinkDown;

/// Where statements and events go.
pub trait Reporter: Send + Sync {
    /// Queues a statement for the relay. What is not sent now is sent from the journal when the link is back.
    ///
    /// # Errors
    /// [`LinkDown`].
    fn say(&self, statement: Signed<Statement>) -> Result<(), LinkDown>;

    /// Writes a line of the event log.
    fn event(&self, event: Event);
}
