//! Mails and text messages that wait to be sent. A letter is wrapped by the node key, for it can carry a code; it is deleted when it was sent.

use std::time::Duration;

use ritorno_identity::ids::MailId;
use ritorno_identity::mail::{Channel, Letter, Mail};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::TenantId;
use ritorno_protocol::random::Random;

use crate::db::Db;
use crate::error::StoreError;
use crate::node_key::NodeKey;
use crate::row::Row;
use crate::value::{json, name_of, values};
use crate::writer::Statement;

/// Mails that wait to be sent.
pub struct MailOutbox<'a>(pub(crate) &'a Db);

/// Takes the next mails. An index has them in this order, so that the first ones are read, however many wait.
const TAKE: &str = "update mail_outbox set leased_until = $1, tries = tries + 1 where leased_until <= $2 \
     and tenant = $5 and id in (select id from mail_outbox where leased_until <= $2 and expires_at > $2 \
     and channel = $4 and tenant = $5 order by expires_at, created_at, id limit $3) \
     returning id, tenant, letter, tries, created_at, expires_at, channel";

/// The statement that queues a mail.
pub(crate) fn queueing(mail: &Mail, key: &NodeKey, random: &dyn Random) -> Statement {
    const SQL: &str = "insert into mail_outbox (id, tenant, letter, tries, leased_until, created_at, expires_at, channel) \
         values ($1, $2, $3, $4, 0, $5, $6, $7)";
    let letter = key.wrap(&place(mail.tenant, mail.id), json(&mail.letter).as_bytes(), random);
    let channel = name_of(mail.channel);
    (SQL, values![mail.id, mail.tenant, letter, mail.tries, mail.created_at, mail.expires_at, channel])
}

impl MailOutbox<'_> {
    /// Queues a mail. A decoy's costs the same as a person's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn queue(&self, mail: &Mail, key: &NodeKey, random: &dyn Random) -> Result<(), StoreError> {
        let (sql, values) = queueing(mail, key, random);
        self.0.write(sql, values).await.map(|_| ())
    }

    /// Takes up to `count` mails of the tenant that go out by this channel, what expires first before the rest: thousands of notices, which
    /// have a day, keep no code waiting. They are this sender's for the length of the lease; whoever was not told that a mail
    /// was sent gets it again afterwards. One that this version can't read, since a later one queued it, is passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        tenant: TenantId,
        key: &NodeKey,
        channel: Channel,
        count: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Mail>, StoreError> {
        let values = values![now.plus(lease), now, count, name_of(channel), tenant];
        let rows = self.0.write_returning(TAKE, values).await?;
        let mut mails = Vec::with_capacity(rows.len());
        for row in &rows {
            match mail(row, key) {
                Ok(mail) => mails.push(mail),
                Err(error @ StoreError::Unreadable { .. }) => {
                    tracing::warn!(mail = row.text("id")?, %error, "a mail can't be read, and waits until it expires");
                }
                Err(error) => return Err(error),
            }
        }
        mails.sort_by_key(|mail| (mail.expires_at, mail.created_at, mail.id));
        Ok(mails)
    }

    /// Forgets a mail that was sent, or dropped because it is a decoy's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn done(&self, tenant: TenantId, id: MailId) -> Result<(), StoreError> {
        const SQL: &str = "delete from mail_outbox where tenant = $1 and id = $2";
        self.0.write(SQL, values![tenant, id]).await.map(|_| ())
    }

    /// How many mails wait that can still be sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self, tenant: TenantId, now: Timestamp) -> Result<i64, StoreError> {
        const SQL: &str = "select count(*) as waiting from mail_outbox where tenant = $1 and expires_at > $2";
        self.0.read_one(SQL, values![tenant, now]).await?.map_or(Ok(0), |row| row.int("waiting"))
    }
}

/// What a wrapped letter is bound to.
fn place(tenant: TenantId, id: MailId) -> Vec<u8> {
    [b"letter".as_slice(), tenant.0.as_bytes(), id.0.as_bytes()].concat()
}

fn mail(row: &Row, key: &NodeKey) -> Result<Mail, StoreError> {
    let (tenant, id) = (row.parsed("tenant")?, row.parsed("id")?);
    let plain = key.unwrap(&place(tenant, id), &row.bytes("letter")?)?;
    let letter: Letter =
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable { column: "letter" })?;
    Ok(Mail {
        id,
        tenant,
        channel: row.named("channel")?,
        letter,
        expires_at: row.moment("expires_at")?,
        created_at: row.moment("created_at")?,
        tries: row.count("tries")?,
    })
}

#[cfg(test)]
mod tests {
    use ritorno_lab::Lab;

    use super::*;
    use crate::store::Store;

    const INDEX: &str = "mail_outbox_next";

    fn taken() -> Vec<crate::value::Value> {
        values![2_i64, 1_i64, 20_u32, "mail", "t"]
    }

    /// The steps by which the next mails are taken.
    async fn plan(store: &Store, explain: &str, column: &'static str) -> Vec<String> {
        let sql: &str = format!("{explain} {TAKE}").leak();
        let rows = store.db().read(sql, taken()).await.unwrap();
        rows.iter().map(|row| row.text(column).unwrap()).collect()
    }

    #[tokio::test]
    async fn the_next_mails_are_the_first_of_an_index() {
        let folder = std::env::temp_dir().join(format!("ritorno-mail-outbox-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::connect(&format!("sqlite:{}", folder.join("plan.db").display())).await.unwrap();
        let plan = plan(&store, "explain query plan", "detail").await;
        let ends = format!("USING INDEX {INDEX} (channel=? AND tenant=? AND expires_at>?)");
        assert!(plan.iter().any(|step| step.starts_with("SEARCH") && step.ends_with(&ends)), "{plan:?}");
        assert!(plan[0].starts_with("SEARCH") && plan[0].ends_with("(id=?)"), "{plan:?}");
        // They come as the index has them, and no table is gone through.
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN")),
            "{plan:?}"
        );
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgresql_too() {
        let (server, name) =
            (Lab::open().unwrap().postgresql(), format!("mail_outbox_{}", std::process::id()));
        server.start().unwrap();
        let store = Store::connect(&server.fresh_database(&name).unwrap()).await.unwrap();
        let write = async |sql: &'static str| store.db().write(sql, values![]).await.unwrap();
        write(
            "insert into tenants (id, name, root, root_id, languages, sspr_enabled, writeback_enabled, forbid_names, decoy_domains, created_at) \
             values ('t', 't', '', '', '[]', 1, 1, 0, '[]', 1)",
        )
        .await;
        write(
            "insert into mail_outbox (id, tenant, letter, tries, leased_until, created_at, expires_at, channel) \
             select n::text, 't', '', 0, 0, n, 100000 - n, 'mail' from generate_series(1, 20000) as n",
        )
        .await;
        write("analyze mail_outbox").await;
        let plan = plan(&store, "explain", "QUERY PLAN").await;
        assert!(plan.iter().any(|step| step.contains(INDEX)), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("Seq Scan") || step.contains("Sort")), "{plan:?}");
        store.close().await;
        server.sql("postgres", &format!("drop database {name}")).unwrap();
    }
}
