//! Counters with a window.

use ritorno_identity::limit::Limit;
use ritorno_identity::subject::Subject;
use ritorno_identity::work::Spent;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// Counters with a window.
pub struct Limits<'a>(pub(crate) &'a Db);

impl Limits<'_> {
    /// Counts one, if the limit is not reached: one statement, so that no number of servers lets one too many through.
    /// `false` if it is reached. The window opens with its first count; when it is over, the next count opens another.
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
        const SQL: &str = "insert into limits (tenant, name, subject, counted, window_start, window_end) \
             values ($1, $2, $3, $4, $5, $6) on conflict (tenant, name, subject) do update set \
             counted = case when limits.window_end <= $5 then $4 else limits.counted + $4 end, \
             window_start = case when limits.window_end <= $5 then $5 else limits.window_start end, \
             window_end = case when limits.window_end <= $5 then $6 else limits.window_end end \
             where limits.counted + $4 <= $7 or limits.window_end <= $5";
        if number > limit.most {
            return Ok(false);
        }
        let values = values![tenant, limit.name, *subject, number, now, now.plus(limit.window), limit.most];
        Ok(self.0.write(SQL, values).await? == 1)
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
        const SQL: &str = "insert into limits (tenant, name, subject, counted, window_start, window_end) \
             values ($1, $2, $3, 1, $4, $5) on conflict (tenant, name, subject) do update set \
             counted = case when limits.window_end <= $4 then 1 else limits.counted + 1 end, \
             window_start = case when limits.window_end <= $4 then $4 else limits.window_start end, \
             window_end = case when limits.window_end <= $4 then $5 else limits.window_end end \
             returning counted";
        let values = values![tenant, limit.name, *subject, now, now.plus(limit.window)];
        let rows = self.0.write_returning(SQL, values).await?;
        rows.first().ok_or(StoreError::Unreadable { column: "counted" })?.count("counted")
    }

    /// Opens a window with `number`, unless one is open: one statement, so that of many at once one opens it. What it was opened with.
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
        const SQL: &str = "insert into limits (tenant, name, subject, counted, window_start, window_end) \
             values ($1, $2, $3, $4, $5, $6) on conflict (tenant, name, subject) do update set \
             counted = case when limits.window_end <= $5 then $4 else limits.counted end, \
             window_start = case when limits.window_end <= $5 then $5 else limits.window_start end, \
             window_end = case when limits.window_end <= $5 then $6 else limits.window_end end \
             returning counted";
        let values = values![tenant, limit.name, *subject, number, now, now.plus(limit.window)];
        let rows = self.0.write_returning(SQL, values).await?;
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
        const SQL: &str = "select counted from limits where tenant = $1 and name = $2 and subject = $3 \
             and window_end > $4";
        let row = self.0.read_one(SQL, values![tenant, limit.name, *subject, now]).await?;
        row.map_or(Ok(0), |row| row.count("counted"))
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

    /// When the window of a limit that is reached is over; `None` if it is not reached. Counts nothing.
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
        const SQL: &str = "select window_end from limits where tenant = $1 and name = $2 and subject = $3 \
             and counted >= $4 and window_end > $5";
        let row = self.0.read_one(SQL, values![tenant, limit.name, *subject, limit.most, now]).await?;
        row.map(|row| row.moment("window_end")).transpose()
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
        const SQL: &str = "update limits set counted = case when counted > $4 then counted - $4 else 0 end \
             where tenant = $1 and name = $2 and subject = $3";
        self.0.write(SQL, values![tenant, limit.name, *subject, number]).await.map(|_| ())
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
