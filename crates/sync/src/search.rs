//! What is staged of whom.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::engine::Engine;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::history::object_error;
use crate::object::{Attributes, parent};
use crate::report::ObjectError;

/// One staged object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its connector.
    pub connector: String,
    /// Distinguished name.
    pub dn: String,
    /// `objectGUID`, hyphenated, lower case.
    pub object_guid: String,
    /// The source anchor.
    pub anchor: String,
    /// `sAMAccountName`, where it has one.
    pub account_name: Option<String>,
    /// What the last sync made of it.
    pub standing: Standing,
}

/// What the last sync made of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is a person in the metaverse.
    Joined,
    /// The rules leave it out, by the rule of this name.
    LeftOut(String),
    /// It could not be carried on.
    Faulty(ObjectFault),
    /// The directory has it no more; the next sync takes the person away.
    Gone,
    /// No sync has judged it yet.
    Waiting,
}

const SEARCH: &str = "SELECT name, dn, object_guid, anchor, attributes, present, mv_id, excluded, fault \
    FROM cs_object JOIN connector ON connector.id = connector_id \
    WHERE anchor = ?1 OR object_guid = lower(?1) OR dn LIKE ?2 ESCAPE '\\' \
    OR attributes ->> '$.samaccountname[0]' LIKE ?2 ESCAPE '\\' \
    OR attributes ->> '$.userprincipalname[0]' LIKE ?2 ESCAPE '\\' \
    OR attributes ->> '$.displayname[0]' LIKE ?2 ESCAPE '\\' \
    OR attributes ->> '$.mail[0]' LIKE ?2 ESCAPE '\\' ORDER BY dn LIMIT ?3";

impl Engine {
    /// The first `limit` staged objects with `text` in their DN, account name, userPrincipalName, name to show or mail
    /// address (in any case, for letters of ASCII), or whose anchor or GUID it is.
    ///
    /// # Errors
    /// [`SyncError::Store`].
    pub async fn search(&self, text: &str, limit: u32) -> Result<Vec<Found>, SyncError> {
        let text = text.trim();
        let escaped: String = text
            .chars()
            .flat_map(|c| ['%', '_', '\\'].contains(&c).then_some('\\').into_iter().chain([c]))
            .collect();
        let rows = sqlx::query(SEARCH)
            .bind(text)
            .bind(format!("%{escaped}%"))
            .bind(limit)
            .fetch_all(&mut *self.store.read().await?)
            .await?;
        rows.iter().map(found).collect()
    }
}

/// What the last sync held back, and what the imports did since the last full one, which tells of everybody anew.
const FAULTS: &str = "SELECT dn AS object, fault FROM cs_object WHERE present = 1 AND fault IS NOT NULL \
    UNION SELECT object, fault FROM run_error JOIN run ON run.id = run_id \
    WHERE profile IN ('full-import', 'delta-import') AND run.id >= (SELECT max(id) FROM run AS last \
    WHERE last.connector_id = run.connector_id AND profile = 'full-import' \
    AND outcome IN ('succeeded', 'completed-with-errors')) ORDER BY object LIMIT ?";

const JOINED: &str = "SELECT dn, object_guid FROM cs_object JOIN connector ON connector.id = connector_id \
    WHERE connector.name = ? AND present = 1 AND kind = 'person' AND mv_id IS NOT NULL ORDER BY cs_object.id";

impl Engine {
    /// The first `limit` objects of all connectors that could not be carried on, by DN: those that the last sync held back, and those that
    /// an import left as they were since the last full import.
    ///
    /// # Errors
    /// [`SyncError::Store`] or [`SyncError::Unreadable`].
    pub async fn faults(&self, limit: u32) -> Result<Vec<ObjectError>, SyncError> {
        let rows = sqlx::query(FAULTS).bind(limit).fetch_all(&mut *self.store.read().await?).await?;
        rows.iter().map(object_error).collect()
    }

    /// `objectGUID`, as the directory stores it, of one joined person in each container that has some: of the one that is staged longest. At
    /// most `limit` containers.
    ///
    /// # Errors
    /// [`SyncError::Store`] or [`SyncError::Unreadable`].
    pub async fn one_of_each_container(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<[u8; 16]>, SyncError> {
        let mut connection = self.store.read().await?;
        let mut rows = sqlx::query(JOINED).bind(connector).fetch(&mut *connection);
        let (mut seen, mut chosen) = (BTreeSet::new(), Vec::new());
        while let Some(row) = rows.try_next().await? {
            let dn: String = row.try_get("dn")?;
            let container = parent(&dn).map(str::to_lowercase).unwrap_or_default();
            if chosen.len() < limit && seen.insert(container) {
                let unreadable = |_| SyncError::Unreadable { column: "cs_object.object_guid" };
                let guid: &str = row.try_get("object_guid")?;
                chosen.push(uuid::Uuid::parse_str(guid).map_err(unreadable)?.to_bytes_le());
            }
        }
        Ok(chosen)
    }
}

fn found(row: &SqliteRow) -> Result<Found, SyncError> {
    let unreadable = |column| SyncError::Unreadable { column };
    let attributes: Attributes =
        serde_json::from_str(row.try_get("attributes")?).map_err(|_| unreadable("cs_object.attributes"))?;
    let fault: Option<String> = row.try_get("fault")?;
    let standing = if !row.try_get::<bool, _>("present")? {
        Standing::Gone
    } else if let Some(fault) = fault {
        Standing::Faulty(serde_json::from_str(&fault).map_err(|_| unreadable("cs_object.fault"))?)
    } else if let Some(rule) = row.try_get::<Option<String>, _>("excluded")? {
        Standing::LeftOut(rule)
    } else if row.try_get::<Option<i64>, _>("mv_id")?.is_some() {
        Standing::Joined
    } else {
        Standing::Waiting
    };
    Ok(Found {
        connector: row.try_get("name")?,
        dn: row.try_get("dn")?,
        object_guid: row.try_get("object_guid")?,
        anchor: row.try_get("anchor")?,
        account_name: attributes.text("samaccountname").map(str::to_owned),
        standing,
    })
}
