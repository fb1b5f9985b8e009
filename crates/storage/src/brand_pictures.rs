//! The logos of the tenants, by their digests.

use ritorno_protocol::ids::TenantId;

use crate::db::Db;
use crate::error::StoreError;
use crate::value::values;

/// The logos of the tenants.
pub struct BrandPictures<'a>(pub(crate) &'a Db);

impl BrandPictures<'_> {
    /// Keeps a picture.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, tenant: TenantId, digest: &str, picture: &[u8]) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into brand_pictures (tenant, digest, picture) values ($1, $2, $3) on conflict do nothing";
        self.0.write(SQL, values![tenant, digest, picture]).await.map(|_| ())
    }

    /// A picture.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, tenant: TenantId, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        const SQL: &str = "select picture from brand_pictures where tenant = $1 and digest = $2";
        self.0.read_one(SQL, values![tenant, digest]).await?.map(|row| row.bytes("picture")).transpose()
    }

    /// Forgets all of a tenant's pictures but these two.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_only(&self, tenant: TenantId, kept: [&str; 2]) -> Result<(), StoreError> {
        const SQL: &str = "delete from brand_pictures where tenant = $1 and digest <> $2 and digest <> $3";
        let [one, other] = kept;
        self.0.write(SQL, values![tenant, one, other]).await.map(|_| ())
    }
}
