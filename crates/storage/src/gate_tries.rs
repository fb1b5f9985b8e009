//! Tries at a gate for which no code was sent: counted before anything is looked at.

use ritorno_identity::limit::{TRIES_AT_A_GATE, wrong_at_a_gate};
use ritorno_identity::method::Method;
use ritorno_identity::subject::Subject;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{TenantId, UserId};

use crate::db::Db;
use crate::error::StoreError;
use crate::limits::Limits;

/// One try. A stranger's costs the same statements as a person's.
#[derive(Clone, Copy, Debug)]
pub struct GateTry {
    /// The tenant.
    pub tenant: TenantId,
    /// Whose gate it is; `None` for whoever has nothing that could be right.
    pub user: Option<UserId>,
    /// The way through the pages that it belongs to.
    pub flow: Subject,
    /// Whom wrong tries count for.
    pub subject: Subject,
    /// Whether the person succeeded in this browser before: what is wrong elsewhere does not count here.
    pub known_browser: bool,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateTried {
    /// Right, and used up by it.
    Right,
    /// Compared, and wrong: another one's, used before, or none.
    Wrong,
    /// Not compared, and to be told as wrong: what could be right had its wrong tries.
    WornOut,
    /// Not compared: this way through the pages has had its tries.
    Spent,
    /// Not compared: the person's method is stopped for the day.
    Stopped,
}

impl GateTry {
    /// Counts the try for its way through the pages; what it is if it must not be looked at.
    pub(crate) async fn count_here(&self, db: &Db, now: Timestamp) -> Result<Option<GateTried>, StoreError> {
        let counted = Limits(db).count(self.tenant, &TRIES_AT_A_GATE, &self.flow, now).await?;
        Ok((!counted).then_some(GateTried::Spent))
    }

    /// Counts the try, for its way through the pages and for the person; what it is if it must not be looked at.
    pub(crate) async fn count(
        &self,
        db: &Db,
        method: Method,
        now: Timestamp,
    ) -> Result<Option<GateTried>, StoreError> {
        if let Some(spent) = self.count_here(db, now).await? {
            return Ok(Some(spent));
        }
        let limits = Limits(db);
        let wrong = wrong_at_a_gate(method, self.known_browser);
        let counted = limits.count(self.tenant, wrong, &self.subject, now).await?;
        Ok((!counted).then_some(GateTried::Stopped))
    }

    /// The counted try was right: it does not count as a wrong one.
    pub(crate) async fn was_right(&self, db: &Db, method: Method) -> Result<GateTried, StoreError> {
        let wrong = wrong_at_a_gate(method, self.known_browser);
        Limits(db).give_back(self.tenant, wrong, &self.subject).await?;
        Ok(GateTried::Right)
    }
}
