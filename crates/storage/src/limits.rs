//! Counters with a sliding window.

use ritorno_identity::limit::Limit;
use ritorno_identity::subject::Subject;
use ritorno_identity::work::Spent;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;
use crate::window::{self, Counted, Place};

/// Counters with a sliding window: nowhere in an interval as long as it is more counted than the limit says.
pub struct Limits<'a>(pub(crate) &'a Db);

impl Limits<'_> {
    /// Counts one, if the limit is not reached: one statement, so that no number of servers lets one too many through.
    /// `false` if it is reached. What was counted is forgotten when the window is over, or a sixth of it later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.count_many(tenant, limit, subject, 1, now).await
    }

    /// Counts `number` at once, if all of them fit below the limit: one statement. `false`, and none is counted, if they do not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_many(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        number: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if number > limit.most {
            return Ok(false);
        }
        let Place { part, begins, ends } = Place::of(limit, now);
        let values = values![tenant, limit.name, *subject, number, part, begins, ends, limit.most];
        Ok(self.0.write(window::COUNT.as_str(), values).await? == 1)
    }

    /// Counts one, whatever the limit says, and tells how many there are now: one statement, so that of many at once each has a number of
    /// its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn raise(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let Place { part, begins, ends } = Place::of(limit, now);
        let values = values![tenant, limit.name, *subject, 1_u32, part, begins, ends];
        let rows = self.0.write_returning(window::RAISE.as_str(), values).await?;
        rows.first().ok_or(StoreError::Unreadable { column: "counted" })?.count("counted")
    }

    /// Notes `number` for as long as the window is, unless one is noted: one statement, so that of many at once one is. What is noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        number: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let Place { part, begins, ends } = Place::of(limit, now);
        let values = values![tenant, limit.name, *subject, number, part, begins, ends, now];
        let rows = self.0.write_returning(window::BEGIN, values).await?;
        rows.first().ok_or(StoreError::Unreadable { column: "counted" })?.count("counted")
    }

    /// How many are counted. Counts nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counted(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let row = self.row(tenant, limit, subject).await?;
        Ok(row.map_or(0, |counted| counted.number(limit, now)))
    }

    async fn row(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
    ) -> Result<Option<Counted>, StoreError> {
        const SQL: &str = "select * from limits where tenant = $1 and name = $2 and subject = $3";
        let row = self.0.read_one(SQL, values![tenant, limit.name, *subject]).await?;
        row.as_ref().map(Counted::read).transpose()
    }

    /// Notes that a challenge was answered: one statement. `false` if it had been before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spend(&self, tenant: TenantId, spent: Spent, until: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "insert into spent_challenges (tenant, challenge, expires_at) values ($1, $2, $3) \
             on conflict (tenant, challenge) do nothing";
        Ok(self.0.write(SQL, values![tenant, spent.0.as_slice(), until]).await? == 1)
    }

    /// When a limit that is reached lets one more through; `None` if it is not reached. Counts nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reached_until(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = self.row(tenant, limit, subject).await?;
        Ok(row.and_then(|counted| counted.full_until(limit, now)))
    }

    /// Takes one count back: what was counted beforehand turned out not to be what the limit is for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_back(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
    ) -> Result<(), StoreError> {
        self.give_many_back(tenant, limit, subject, 1).await
    }

    /// Takes `number` counts back, as far as there are so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_many_back(
        &self,
        tenant: TenantId,
        limit: &Limit,
        subject: &Subject,
        number: u32,
    ) -> Result<(), StoreError> {
        let values = values![tenant, limit.name, *subject, number];
        self.0.write(window::GIVE_BACK.as_str(), values).await.map(|_| ())
    }

    /// Forgets what was counted: the help desk lifts a stop. `false` if nothing was counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lift(&self, tenant: TenantId, limit: &Limit, subject: &Subject) -> Result<bool, StoreError> {
        const SQL: &str = "delete from limits where tenant = $1 and name = $2 and subject = $3";
        Ok(self.0.write(SQL, values![tenant, limit.name, *subject]).await? == 1)
    }
}
