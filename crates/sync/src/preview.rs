//! What would flow of one object, and why. Nothing is changed.

use std::collections::BTreeSet;

use ritorno_protocol::ids::SourceAnchor;
use sqlx::Row as _;

use crate::anchor;
use crate::connector::Connector;
use crate::engine::Engine;
use crate::error::SyncError;
use crate::fault::ObjectFault;
use crate::group::{self, Group};
use crate::metaverse;
use crate::object::{Attributes, Kind};
use crate::person::{self, Person};
use crate::resource::Resource;
use crate::rules::{self, Attribute, Flowed, Verdict};
use crate::search::Found;

/// What would flow of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What the rules say of it now.
    pub judged: Judged,
    /// Whether the next import gives the object its anchor in the directory.
    pub anchor_due: bool,
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
    /// It is a group.
    Group,
    /// It is left out, by the rule of this name.
    LeftOut(String),
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
            "SELECT o.attributes, o.present, o.mv_id, o.connector_id, o.kind, (SELECT t.dn FROM cs_object t WHERE t.anchor = o.anchor AND t.id <> o.id \
             AND t.connector_id = o.connector_id AND (t.present = 1 OR t.mv_id IS NOT NULL) LIMIT 1) AS twin, e.confirmed, \
             (SELECT m.anchor FROM mv_object m WHERE m.id = o.mv_id) AS known FROM cs_object o \
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
        let confirmed: Option<Resource> = row
            .try_get::<Option<String>, _>("confirmed")?
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|_| SyncError::Unreadable { column: "export_object.confirmed" })?;
        let anchor = SourceAnchor(found.anchor.clone());
        let twin = row.try_get("twin")?;
        let present: bool = row.try_get("present")?;
        if Kind::named(row.try_get("kind")?) == Kind::Group {
            let group = Group::of(connector, &found.dn, &anchor, &attributes);
            let (judged, wanted) = match group {
                Ok(Ok(group)) => (Judged::Group, Some(Resource::Group(group)).filter(|_| present)),
                Ok(Err(reason)) => (Judged::LeftOut(reason.to_owned()), None),
                Err(fault) => (Judged::Faulty(fault), None),
            };
            let export = next_export(&judged, wanted.as_ref(), confirmed.as_ref());
            return Ok(Preview { judged, anchor_due: false, twin, flows: Vec::new(), export });
        }
        let mut groups = BTreeSet::new();
        for name in connector.rules.groups() {
            let mut store = self.store.read().await?;
            if group::everybody_in(&mut store, row.try_get("connector_id")?, &name)
                .await?
                .contains(&found.object_guid)
            {
                groups.insert(name);
            }
        }
        let subject = rules::subject(connector, &found.dn, &anchor, &attributes, groups);
        let verdict = rules::judge(connector, &found.object_guid, &anchor, &subject);
        let (judged, person) = match verdict {
            Ok(Verdict::InScope(own)) => {
                let connector_id = row.try_get("connector_id")?;
                let mut all = match row.try_get::<Option<i64>, _>("mv_id")? {
                    Some(mv_id) => metaverse::contributions(&mut *self.store.read().await?, mv_id).await?,
                    None => Vec::new(),
                };
                all.retain(|(of, _)| *of != connector_id);
                all.push((connector_id, *own));
                person::order(&mut all);
                (Judged::Person, person::merged(&all, 0).map(|merged| merged.person))
            }
            Ok(Verdict::OutOfScope(exclusion)) => (Judged::LeftOut(exclusion.0), None),
            Err(fault) => (Judged::Faulty(fault), None),
        };
        let wanted = person.clone().map(Resource::Person).filter(|_| present);
        let export = next_export(&judged, wanted.as_ref(), confirmed.as_ref());
        let confirmed = confirmed.and_then(|resource| match resource {
            Resource::Person(person) => Some(person),
            Resource::Group(_) => None,
        });
        let own = rules::flows(connector, &subject).unwrap_or_default();
        let flows = person.map(|person| flows(&own, &attributes, &person, confirmed.as_ref()));
        // Who is known by another account's anchor keeps that one, and this account needs none.
        let known: Option<String> = row.try_get("known")?;
        let anchor_due = connector.fill_anchors
            && present
            && judged == Judged::Person
            && attributes.bytes(anchor::ATTRIBUTE).is_none()
            && known.is_none_or(|known| known == found.anchor);
        Ok(Preview { judged, anchor_due, twin, flows: flows.unwrap_or_default(), export })
    }
}

fn next_export(judged: &Judged, wanted: Option<&Resource>, confirmed: Option<&Resource>) -> NextExport {
    match (wanted, confirmed) {
        (Some(wanted), Some(there)) if wanted == there => NextExport::Nothing,
        (Some(_), Some(_)) => NextExport::Update,
        (Some(_), None) => NextExport::Add,
        // A fault leaves the object as it is.
        (None, Some(_)) if !matches!(judged, Judged::Faulty(_)) => NextExport::Remove,
        (None, _) => NextExport::Nothing,
    }
}

fn flows(own: &[Flowed], attributes: &Attributes, person: &Person, confirmed: Option<&Person>) -> Vec<Flow> {
    let anchored = attributes.bytes(anchor::ATTRIBUTE).is_some();
    let fixed: [(&'static str, &str); 8] = [
        ("anchor", if anchored { "mS-DS-ConsistencyGuid" } else { "objectGUID" }),
        ("objectGuid", "objectGUID"),
        ("objectSid", "objectSid"),
        ("accountName", "sAMAccountName"),
        ("domain", "the connector's netbios_name"),
        ("forest", "the connector's name"),
        ("enabled", "userAccountControl"),
        ("passwordExpires", "msDS-UserPasswordExpiryTimeComputed"),
    ];
    let mut sources: Vec<(&'static str, String)> =
        fixed.into_iter().map(|(attribute, from)| (attribute, from.to_owned())).collect();
    let values = |person: &Person| serde_json::to_value(person).expect("a person becomes JSON");
    let (now, there) = (values(person), confirmed.map(values));
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    for attribute in Attribute::ALL {
        let flow = own.iter().find(|flow| flow.to == attribute);
        // Another account of the same person may count more.
        let flow = flow.filter(|flow| text(&now[attribute.name()]).as_deref() == Some(flow.value.as_str()));
        let from = flow.map_or_else(|| "no rule for this object".to_owned(), |flow| flow.from.clone());
        sources.push((attribute.name(), from));
    }
    sources
        .into_iter()
        .map(|(attribute, from)| Flow {
            attribute,
            from,
            value: text(&now[attribute]),
            in_tenant: there.as_ref().and_then(|there| text(&there[attribute])),
        })
        .collect()
}
