//! The server's signing keys: certificates in the clear, private halves wrapped by the node key. The root key, which
//! certifies them, is never in the database.

use ritorno_identity::audit::Fact;
use ritorno_protocol::certificate::{KeyCertificate, OLD_SIGNING_KEY_ACCEPTED};
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::{KeyId, TenantId};
use ritorno_protocol::key::SigningKey;
use ritorno_protocol::random::Random;
use ritorno_protocol::signed::Signed;

use crate::audit::appended;
use crate::db::Db;
use crate::error::StoreError;
use crate::node_key::NodeKey;
use crate::value::{json, values};

/// The server's signing keys.
pub struct SigningKeys<'a>(pub(crate) &'a Db);

impl SigningKeys<'_> {
    /// Adds a key, and the fact about it if there is one. `content` is what `certificate` says, verified by the caller, who holds the root's public half.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if the key or its sequence is there already; other [`StoreError`]s.
    pub async fn insert(
        &self,
        certificate: &Signed<KeyCertificate>,
        content: &KeyCertificate,
        private: &SigningKey,
        key: &NodeKey,
        random: &dyn Random,
        fact: Option<&Fact>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into signing_keys (tenant, key_id, sequence, certificate, wrapped, not_before, \
             not_after) values ($1, $2, $3, $4, $5, $6, $7)";
        let id = content.key.id();
        let sequence =
            i64::try_from(content.sequence).map_err(|_| StoreError::Unreadable { column: "sequence" })?;
        let values = values![
            content.tenant,
            id,
            sequence,
            json(certificate),
            key.wrap(&place(content.tenant, id), &private.to_bytes(), random),
            content.not_before,
            content.not_after,
        ];
        let statements = std::iter::once((SQL, values)).chain(fact.map(appended));
        self.0.write_whole(statements.collect()).await.map(|_| ())
    }

    /// The key to sign with: the latest that is valid at `now` and has been since `since`, and its certificate.
    ///
    /// # Errors
    /// [`StoreError::NodeKey`] if the node key does not open it; other [`StoreError`]s.
    pub async fn current(
        &self,
        tenant: TenantId,
        key: &NodeKey,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(SigningKey, Signed<KeyCertificate>)>, StoreError> {
        const SQL: &str = "select key_id, certificate, wrapped from signing_keys \
             where tenant = $1 and not_before <= $2 and not_after > $3 order by sequence desc limit 1";
        let Some(row) = self.0.read_one(SQL, values![tenant, since, now]).await? else { return Ok(None) };
        let plain = key.unwrap(&place(tenant, KeyId(row.digest("key_id")?)), &row.bytes("wrapped")?)?;
        let private =
            SigningKey::from_bytes(&plain).map_err(|_| StoreError::Unreadable { column: "wrapped" })?;
        Ok(Some((private, row.json("certificate")?)))
    }

    /// The certificate with the highest sequence, in force or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self, tenant: TenantId) -> Result<Option<Signed<KeyCertificate>>, StoreError> {
        const SQL: &str =
            "select certificate from signing_keys where tenant = $1 order by sequence desc limit 1";
        self.0.read_one(SQL, values![tenant]).await?.map(|row| row.json("certificate")).transpose()
    }

    /// Every certificate that agents need now, latest first: the current key's, those of replaced keys for 24 hours after
    /// they ended, and one that begins later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn certificates(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<Signed<KeyCertificate>>, StoreError> {
        const SQL: &str = "select certificate from signing_keys where tenant = $1 and not_after > $2 \
             order by sequence desc";
        let rows = self.0.read(SQL, values![tenant, now.minus(OLD_SIGNING_KEY_ACCEPTED)]).await?;
        rows.iter().map(|row| row.json("certificate")).collect()
    }
}

/// What a wrapped key is bound to.
fn place(tenant: TenantId, id: KeyId) -> Vec<u8> {
    [b"signing key".as_slice(), tenant.0.as_bytes(), &id.0].concat()
}
