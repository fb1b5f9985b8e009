//! Groups (RFC 7643 section 4.2), with what ties one to the directory on premises.

use serde::{Deserialize, Serialize};

use super::bounded::{group_schemas, members, text, text_option};
use super::{Meta, PatchOp};

/// Schema of a group (RFC 7643 section 4.2).
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Schema of what Ritorno adds to a group.
pub const RITORNO_GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:ritorno:2.0:Group";
/// Most members in one body. A larger group gets its members by several PATCHes.
pub const MAX_MEMBERS: usize = 500;

/// A group (RFC 7643 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Schemas in use; [`GROUP_SCHEMA`] must be among them.
    #[serde(deserialize_with = "group_schemas")]
    pub schemas: Vec<String>,
    /// The service provider's own id; absent in what a client creates.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The provisioner's id; here the source anchor.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The name to show.
    #[serde(deserialize_with = "text")]
    pub display_name: String,
    /// Members; at most [`MAX_MEMBERS`] in one body.
    #[serde(default, deserialize_with = "members", skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// The service provider's facts about the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// What ties the group to the directory on premises.
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:ritorno:2.0:Group")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ritorno: Option<RitornoGroup>,
}

/// The extension schema [`RITORNO_GROUP_SCHEMA`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RitornoGroup {
    /// The source anchor: standard base64 of a 16-byte GUID. Immutable.
    #[serde(deserialize_with = "text")]
    pub anchor: String,
    /// `sAMAccountName`.
    #[serde(deserialize_with = "text")]
    pub account_name: String,
    /// NetBIOS name of the domain.
    #[serde(deserialize_with = "text")]
    pub domain: String,
    /// DNS name of the forest's root domain, lower case.
    #[serde(deserialize_with = "text")]
    pub forest: String,
    /// How many members the service provider has of it. Read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_count: Option<u64>,
}

/// One member of a group: a person or another group, by the service provider's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The id.
    #[serde(deserialize_with = "text")]
    pub value: String,
    /// What it is; a person if it is not said.
    #[serde(rename = "type", default)]
    pub kind: MemberKind,
}

/// What a member is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MemberKind {
    /// A person.
    #[default]
    User,
    /// A group.
    Group,
}

/// What a PATCH does to a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChanges {
    /// All members that were there go first.
    pub clear: bool,
    /// These are members afterwards.
    pub add: Vec<Member>,
    /// The ids of members that are none afterwards.
    pub remove: Vec<String>,
}

impl MemberChanges {
    /// The PATCH that does it (RFC 7644 section 3.5.2): one operation for all that is added, one for each that is removed.
    pub fn to_patch(&self) -> PatchOp {
        use super::{Operation, OperationKind, PATCH_OP_SCHEMA};
        let mut operations = Vec::new();
        if self.clear {
            let (op, path) = (OperationKind::Remove, Some("members".to_owned()));
            operations.push(Operation { op, path, value: None });
        }
        for id in &self.remove {
            let path = format!("members[value eq {}]", serde_json::Value::from(id.as_str()));
            operations.push(Operation { op: OperationKind::Remove, path: Some(path), value: None });
        }
        if !self.add.is_empty() {
            let value = serde_json::to_value(&self.add).expect("members become JSON");
            let (op, path) = (OperationKind::Add, Some("members".to_owned()));
            operations.push(Operation { op, path, value: Some(value) });
        }
        PatchOp { schemas: vec![PATCH_OP_SCHEMA.to_owned()], operations }
    }
}

/// Why a PATCH is none of a group's members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMembers {
    /// The path names something else.
    #[error("path '{0}' names nothing of a group that can be changed")]
    Path(String),
    /// The value is no list of members.
    #[error("the value is no list of members")]
    Value,
}

/// Reads one operation on `members`: `add` and `replace` with a list, `remove` of all, of a list (as Microsoft's provisioner sends
/// it), or of `members[value eq "..."]`. Of several about one member the last counts, so that nobody is in both lists.
///
/// # Errors
/// [`NotMembers`].
pub fn read_member_operation(
    changes: &mut MemberChanges,
    operation: &super::Operation,
) -> Result<(), NotMembers> {
    use super::{EqualityFilter, OperationKind};
    let path = operation.path.as_deref().unwrap_or_default();
    let list = || -> Result<Vec<Member>, NotMembers> {
        let value = operation.value.clone().ok_or(NotMembers::Value)?;
        let list = if value.is_array() { value } else { serde_json::Value::Array(vec![value]) };
        super::bounded::members(list).map_err(|_| NotMembers::Value)
    };
    if path.eq_ignore_ascii_case("members") {
        match operation.op {
            OperationKind::Add => {
                // Whoever was to go and is to come again stays, or comes once more.
                let added = list()?;
                changes.remove.retain(|gone| added.iter().all(|member| member.value != *gone));
                changes.add.extend(added);
            }
            OperationKind::Replace => {
                changes.clear = true;
                changes.add = list()?;
                changes.remove.clear();
            }
            OperationKind::Remove if operation.value.is_some() => {
                for member in list()? {
                    changes.add.retain(|added| added.value != member.value);
                    changes.remove.push(member.value);
                }
            }
            OperationKind::Remove => {
                changes.clear = true;
                changes.add.clear();
                changes.remove.clear();
            }
        }
        return Ok(());
    }
    let wrong = || NotMembers::Path(path.to_owned());
    let within = path.get(..8).filter(|start| start.eq_ignore_ascii_case("members["));
    let filter = within.and_then(|_| path.get(8..)?.strip_suffix(']')).ok_or_else(wrong)?;
    let filter: EqualityFilter = filter.parse().map_err(|_| wrong())?;
    if operation.op != OperationKind::Remove || !filter.attribute.eq_ignore_ascii_case("value") {
        return Err(wrong());
    }
    changes.add.retain(|member| member.value != filter.value);
    changes.remove.push(filter.value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scim::MAX_OPERATIONS;

    fn member(value: String) -> Member {
        Member { value, kind: MemberKind::Group }
    }

    fn read(patch: &PatchOp) -> Result<MemberChanges, NotMembers> {
        let mut changes = MemberChanges::default();
        patch.operations.iter().try_for_each(|operation| read_member_operation(&mut changes, operation))?;
        Ok(changes)
    }

    proptest! {
        #[test]
        fn changes_survive_their_text(
            clear: bool,
            add in proptest::collection::vec("[a-z0-9]{1,8}", 0..4),
            remove in proptest::collection::vec("[A-Z\"\\\\]{1,8}", 0..4),
        ) {
            let changes = MemberChanges { clear, add: add.into_iter().map(member).collect(), remove };
            let text = serde_json::to_string(&changes.to_patch()).unwrap();
            let patch: PatchOp = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read(&patch).unwrap(), changes);
        }

        #[test]
        fn no_path_breaks_the_reader(path in ".{0,60}", remove: bool) {
            let op = if remove { super::super::OperationKind::Remove } else { super::super::OperationKind::Add };
            let operation = super::super::Operation { op, path: Some(path), value: None };
            let _ = read_member_operation(&mut MemberChanges::default(), &operation);
        }
    }

    #[test]
    fn other_provisioners_forms_are_read_and_other_paths_are_not() {
        let read = |text: &str| {
            let body = format!(
                r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{text}]}}"#
            );
            read(&serde_json::from_str(&body).unwrap())
        };
        let microsoft = read(r#"{"op":"Remove","path":"members","value":[{"value":"7"}]}"#).unwrap();
        assert_eq!(microsoft, MemberChanges { remove: vec!["7".into()], ..MemberChanges::default() });
        let added = r#"{"op":"add","path":"members","value":[{"value":"7"}]}"#;
        let gone = read(&format!(r#"{added},{{"op":"remove","path":"members","value":[{{"value":"7"}}]}}"#))
            .unwrap();
        assert!(gone.add.is_empty() && gone.remove == ["7"], "the last word counts");
        let back = read(&format!(r#"{{"op":"remove","path":"members[value eq \"7\"]"}},{added}"#)).unwrap();
        let user = |value: &str| Member { value: value.into(), kind: MemberKind::User };
        assert_eq!(
            back,
            MemberChanges { add: vec![user("7")], ..MemberChanges::default() },
            "and of two it is one"
        );
        let replaced =
            read(r#"{"op":"replace","path":"members","value":[{"value":"7","type":"Group"}]}"#).unwrap();
        assert!(replaced.clear && replaced.add == [member("7".into())]);
        assert_eq!(read(r#"{"op":"remove","path":"owners"}"#), Err(NotMembers::Path("owners".into())));
        assert_eq!(read(r#"{"op":"add","path":"members","value":["7"]}"#), Err(NotMembers::Value));
        let many: Vec<_> = (0..=MAX_MEMBERS).map(|n| format!(r#"{{"value":"{n}"}}"#)).collect();
        let many = format!(r#"{{"op":"add","path":"members","value":[{}]}}"#, many.join(","));
        assert_eq!(read(&many), Err(NotMembers::Value));
        let removed = MemberChanges { remove: vec!["x".into(); 3], clear: true, ..MemberChanges::default() };
        assert!(removed.to_patch().operations.len() < MAX_OPERATIONS);
    }
}
