//! What a domain controller says about itself (MS-ADTS 3.1.1.3.2).

use std::time::Duration;

use ritorno_protocol::policy::Vendor;
use uuid::Uuid;

use crate::identity::Sid;
use crate::ldap::{Connection, Control, Entry, Filter, LdapError, Scope, Search};

/// The policy-hints control (MS-ADTS 3.1.1.3.4.1.27), and the number that it had before.
const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
const POLICY_HINTS_DEPRECATED: &str = "1.2.840.113556.1.4.2066";

/// What a domain controller says about itself, read over an authenticated connection.
#[derive(Clone, Debug)]
pub struct RootDse {
    /// The host name that we connected to.
    pub host: String,
    /// The domain's naming context.
    pub domain: String,
    /// The configuration naming context.
    pub configuration: String,
    /// DN of its `nTDSDSA` object.
    pub service_name: String,
    /// What its own writes are marked with in replication metadata (MS-ADTS 3.1.1.1.9), if it may be read.
    pub invocation_id: Option<Uuid>,
    /// Who made it.
    pub vendor: Vendor,
    /// OIDs of the controls that it knows.
    pub controls: Vec<String>,
    /// Whether the schema has an index on `mS-DS-ConsistencyGuid`.
    pub anchor_indexed: bool,
    /// SIDs of the service account and of all its groups.
    pub own_sids: Vec<Sid>,
    /// Whether it has all of its naming contexts (`isSynchronized`, MS-ADTS 3.1.1.3.2.17): one that was just joined lacks what has
    /// not come yet, and who is not there must not count as gone.
    pub synchronized: bool,
}

impl RootDse {
    /// Reads it over a connection.
    pub(crate) async fn read(connection: &mut Connection, limit: Duration) -> Result<Self, LdapError> {
        let attributes = [
            "defaultNamingContext",
            "configurationNamingContext",
            "schemaNamingContext",
            "dsServiceName",
            "vendorName",
            "supportedControl",
            "tokenGroups",
            "isSynchronized",
        ];
        let entry = crate::forest::read(connection, "", &attributes, limit).await?;
        let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
        let samba = text("vendorName").to_lowercase().contains("samba");
        let anchor = Search {
            base: text("schemaNamingContext"),
            scope: Scope::Subtree,
            filter: Filter::text("lDAPDisplayName", "mS-DS-ConsistencyGuid"),
            attributes: vec!["searchFlags".to_owned()],
        };
        let anchor = connection.search(&anchor, &[], limit).await?.entries;
        // Bit 0 of searchFlags (MS-ADTS 2.2.10) is an index over the whole naming context.
        let indexed = |entry: &Entry| entry.integer("searchFlags").is_some_and(|flags| flags & 1 != 0);
        let settings = text("dsServiceName");
        let own = connection.search(&Search::entry(settings.clone(), &["invocationId"]), &[], limit).await?;
        let invocation_id = own
            .entries
            .first()
            .and_then(|own| own.first("invocationId")?.try_into().ok())
            .map(Uuid::from_bytes_le);
        Ok(Self {
            invocation_id,
            anchor_indexed: anchor.iter().any(indexed),
            host: connection.host().to_owned(),
            domain: text("defaultNamingContext"),
            configuration: text("configurationNamingContext"),
            service_name: settings,
            vendor: if samba { Vendor::Samba } else { Vendor::Windows },
            controls: entry
                .values("supportedControl")
                .iter()
                .map(|oid| String::from_utf8_lossy(oid).into_owned())
                .collect(),
            own_sids: entry.values("tokenGroups").iter().filter_map(|sid| Sid::new(sid)).collect(),
            synchronized: !entry.has("isSynchronized", "FALSE"),
        })
    }

    /// The policy-hints control, if it lists one: critical, so that a reset never loses history and age unseen.
    pub fn hints(&self) -> Option<Control> {
        [POLICY_HINTS, POLICY_HINTS_DEPRECATED]
            .into_iter()
            .find(|oid| self.controls.iter().any(|listed| listed == oid))
            .map(|oid| Control::flags(oid, 1))
    }
}
