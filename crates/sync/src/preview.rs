//! What would flow of one object, and why. Nothing is changed.

use ritorno_protocol::ids::SourceAnchor;
use sqlx::Row as _;

use crate::anchor;
use crate::connector::Connector;
use crate::engine::Engine;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::object::Attributes;
use crate::person::Person;
use crate::rules::{Verdict, judge};
use crate::search::Found;

/// What would flow of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What the rules say of it now.
    pub judged: Judged,
    /// DN of another object with the same anchor; a sync joins neither of two newcomers.
    pub twin: Option<String>,
    /// The attributes of the person, each with where it comes from; none if there is no person.
    pub flows: Vec<Flow>,
    /// What the next export would do once a sync has judged the object.
    pub export: NextExport,
}

/// What the rules say of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is a person.
    Person,
    /// It is left out, by the rule of this name.
    LeftOut(&'static str),
    /// It can't be carried on.
    Faulty(ObjectFault),
}

/// One attribute's way to the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its name in the metaverse.
    pub attribute: &'static str,
    /// What it comes from.
    pub from: String,
    /// Its value; `None` if there is none.
    pub value: Option<String>,
    /// What the tenant confirmed last.
    pub in_tenant: Option<String>,
}

/// What an export would do for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextExport {
    /// The tenant has what it should have, or nothing and should have nothing.
    Nothing,
    /// The person would be made.
    Add,
    /// The person would be changed.
    Update,
    /// The person would be removed.
    Remove,
}

impl Engine {
    /// What would flow of an object that [`Engine::search`] found, by the connector's rules as they are now.
    ///
    /// # Errors
    /// [`SyncError::Store`]; [`SyncError::UnknownConnector`] if the object is staged no more.
    pub async fn preview(&self, connector: &Connector, found: &Found) -> Result<Preview, SyncError> {
        let row = sqlx::query(
            "SELECT o.attributes, o.present, (SELECT t.dn FROM cs_object t WHERE t.anchor = o.anchor AND t.id <> o.id \
             AND (t.present = 1 OR t.mv_id IS NOT NULL) LIMIT 1) AS twin, e.confirmed FROM cs_object o \
             JOIN connector c ON c.id = o.connector_id LEFT JOIN export_object e ON e.anchor = o.anchor \
             WHERE c.name = ? AND o.object_guid = ?",
        )
        .bind(&connector.name)
        .bind(&found.object_guid)
        .fetch_optional(&mut *self.store.read().await?)
        .await?
        .ok_or_else(|| SyncError::UnknownConnector(connector.name.clone()))?;
        let attributes: Attributes = serde_json::from_str(row.try_get("attributes")?)
            .map_err(|_| SyncError::Unreadable { column: "cs_object.attributes" })?;
        let confirmed: Option<Person> = row
            .try_get::<Option<String>, _>("confirmed")?
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|_| SyncError::Unreadable { column: "export_object.confirmed" })?;
        let anchor = SourceAnchor(found.anchor.clone());
        let verdict = judge(connector, &found.dn, &found.object_guid, &anchor, &attributes);
        let (judged, person) = match verdict {
            Ok(Verdict::InScope(person)) => (Judged::Person, Some(*person)),
            Ok(Verdict::OutOfScope(exclusion)) => (Judged::LeftOut(exclusion.name()), None),
            Err(fault) => (Judged::Faulty(fault), None),
        };
        let wanted = person.as_ref().filter(|_| row.try_get("present").unwrap_or(false));
        let export = match (wanted, &confirmed) {
            (Some(person), Some(there)) if person == there => NextExport::Nothing,
            (Some(_), Some(_)) => NextExport::Update,
            (Some(_), None) => NextExport::Add,
            // A fault leaves the person as they are.
            (None, Some(_)) if !matches!(judged, Judged::Faulty(_)) => NextExport::Remove,
            (None, _) => NextExport::Nothing,
        };
        let flows = person.map(|person| flows(connector, &attributes, &person, confirmed.as_ref()));
        Ok(Preview { judged, twin: row.try_get("twin")?, flows: flows.unwrap_or_default(), export })
    }
}

fn flows(
    connector: &Connector,
    attributes: &Attributes,
    person: &Person,
    confirmed: Option<&Person>,
) -> Vec<Flow> {
    let anchored = attributes.bytes(anchor::ATTRIBUTE).is_some();
    let named = attributes.text("userprincipalname").is_some();
    let implied = format!("sAMAccountName@{}, which the directory implies", connector.dns_domain);
    let sources: [(&'static str, &str); 14] = [
        ("anchor", if anchored { "mS-DS-ConsistencyGuid" } else { "objectGUID" }),
        ("objectGuid", "objectGUID"),
        ("objectSid", "objectSid"),
        ("userPrincipalName", if named { "userPrincipalName" } else { &implied }),
        ("accountName", "sAMAccountName"),
        ("domain", "the connector's netbios_name"),
        ("forest", "the connector's name"),
        ("displayName", "displayName"),
        ("givenName", "givenName"),
        ("surname", "sn"),
        ("mail", "mail"),
        ("alternateMail", &connector.rules.alternate_mail),
        ("preferredLanguage", "preferredLanguage"),
        ("enabled", "userAccountControl"),
    ];
    let values = |person: &Person| serde_json::to_value(person).expect("a person becomes JSON");
    let (now, there) = (values(person), confirmed.map(values));
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    sources
        .into_iter()
        .map(|(attribute, from)| Flow {
            attribute,
            from: from.to_owned(),
            value: text(&now[attribute]),
            in_tenant: there.as_ref().and_then(|there| text(&there[attribute])),
        })
        .collect()
}
