//! What the next export would send.

use sqlx::Row as _;

use crate::engine::{Engine, known};
use crate::error::SyncError;
use crate::resource::Resource;

/// One person whom the next export would make, change or remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// userPrincipalName; the anchor where none is known.
    pub name: String,
    /// What it would do.
    pub kind: PendingKind,
}

/// What an export would do for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// Make them.
    Add,
    /// Change these attributes; none if what is there is to be sent again to be sure.
    Update(Vec<String>),
    /// Remove them.
    Delete,
}

impl Engine {
    /// Everything that the next export of `connector` would send: people to be made, changed and removed, at most `limit`.
    ///
    /// # Errors
    /// [`SyncError::UnknownConnector`] or [`SyncError::Store`].
    pub async fn pending(&self, connector: &str, limit: u32) -> Result<Vec<PendingChange>, SyncError> {
        let mut connection = self.store.read().await?;
        let id = known(&mut connection, connector).await?;
        let rows = sqlx::query(
            "SELECT anchor, desired, confirmed FROM export_object \
             WHERE connector_id = ? AND (desired IS NOT confirmed OR unsure = 1) \
             ORDER BY desired IS NULL, confirmed IS NOT NULL, id LIMIT ?",
        )
        .bind(id)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let resource = |column: &'static str| -> Result<Option<Resource>, SyncError> {
                    let json: Option<String> = row.try_get(column)?;
                    json.map(|json| serde_json::from_str(&json))
                        .transpose()
                        .map_err(|_| SyncError::Unreadable { column })
                };
                let (desired, confirmed) = (resource("desired")?, resource("confirmed")?);
                let kind = match (&desired, &confirmed) {
                    (Some(_), None) => PendingKind::Add,
                    (Some(desired), Some(confirmed)) => PendingKind::Update(differences(desired, confirmed)),
                    (None, _) => PendingKind::Delete,
                };
                let name = desired.or(confirmed).map(|resource| resource.name().to_owned());
                let name = match name {
                    Some(name) => name,
                    None => row.try_get("anchor")?,
                };
                Ok(PendingChange { name, kind })
            })
            .collect()
    }
}

fn differences(desired: &Resource, confirmed: &Resource) -> Vec<String> {
    let values = |resource: &Resource| serde_json::to_value(resource).expect("plain values become JSON");
    let (desired, confirmed) = (values(desired), values(confirmed));
    let attributes = desired.as_object().into_iter().flatten();
    attributes
        .filter(|(name, value)| confirmed[name.as_str()] != **value)
        .map(|(name, _)| name.clone())
        .collect()
}
