//! SCIM 2.0 as both ends speak it: the sync engine's export and the tenant's provisioning endpoints.
//!
//! A subset of the core schema (RFC 7643) and of the protocol (RFC 7644), with one extension schema that carries what
//! ties a person to the directory on premises. Attributes that are not modelled are ignored on reading, as RFC 7644
//! section 3.3 has it for what a service provider does not keep; what is modelled is bounded in size and typed.

mod bounded;
mod filter;
mod group;
mod service;

use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use bounded::{
    emails, error_schemas, list_schemas, operations, page, patch_schemas, phone_numbers, switch, text,
    text_option, user_schemas,
};
pub use filter::{EqualityFilter, UnsupportedFilter};
pub use group::{
    GROUP_SCHEMA, Group, MAX_MEMBERS, Member, MemberChanges, MemberKind, NotMembers, RITORNO_GROUP_SCHEMA,
    RitornoGroup, read_member_operation,
};
pub use service::{AuthenticationScheme, BulkSupport, FilterSupport, ServiceProviderConfig, Supported};

/// Media type of every SCIM body (RFC 7644 section 3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
/// Header in which an export names its connector.
pub const CONNECTOR_HEADER: &str = "Ritorno-Connector";
/// Header that carries the lease epoch of an export: a decimal number. The server refuses an epoch older than the
/// newest it has seen for the connector with status [`STALE_LEASE_STATUS`].
pub const LEASE_EPOCH_HEADER: &str = "Ritorno-Lease-Epoch";
/// HTTP status of a request under an outdated lease epoch (423, Locked: RFC 4918 section 11.3). Not 412, which is a
/// resource's outdated version (RFC 7644 section 3.14) and no reason to stop an export.
pub const STALE_LEASE_STATUS: u16 = 423;
/// HTTP status of a removal that the tenant's deletion guard holds (428, Precondition Required: RFC 6585 section 3): the same request is
/// taken for a while after an administrator has approved it.
pub const HELD_STATUS: u16 = 428;

/// Schema of a user (RFC 7643 section 4.1).
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of what Ritorno adds to a user.
pub const RITORNO_USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:ritorno:2.0:User";
/// Schema of a list of resources (RFC 7644 section 3.4.2).
pub const LIST_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Schema of an error (RFC 7644 section 3.12).
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Schema of a PATCH body (RFC 7644 section 3.5.2).
pub const PATCH_OP_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Schema of the provider's configuration (RFC 7643 section 5).
pub const SERVICE_PROVIDER_CONFIG_SCHEMA: &str =
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// Longest text of one attribute, in bytes of UTF-8. AD's longest single value used here is a UPN (1,024 characters).
pub const MAX_TEXT_BYTES: usize = 4096;
/// Most values of one multi-valued attribute.
pub const MAX_VALUES: usize = 64;
/// Most operations in one PATCH.
pub const MAX_OPERATIONS: usize = 64;
/// Most resources in one page of a list.
pub const MAX_PAGE: usize = 1000;

/// A user (RFC 7643 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Schemas in use; [`USER_SCHEMA`] must be among them (RFC 7643 section 3).
    #[serde(deserialize_with = "user_schemas")]
    pub schemas: Vec<String>,
    /// The service provider's own id; absent in what a client creates (RFC 7643 section 3.1).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The provisioner's id; an agent's is the source anchor (RFC 7643 section 3.1).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The sign-in name; here the userPrincipalName. Unique in the tenant, compared without case.
    #[serde(deserialize_with = "text")]
    pub user_name: String,
    /// Parts of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The name to show.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Language tag in the form of an Accept-Language value (RFC 7643 section 4.1.1).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub preferred_language: Option<String>,
    /// Whether the account may sign in. Absent means yes. Some provisioners write `"False"` for `false`, which is read as well.
    #[serde(default = "yes", deserialize_with = "switch")]
    pub active: bool,
    /// Mail addresses.
    #[serde(default, deserialize_with = "emails", skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Email>,
    /// Telephone numbers. An agent's are in its extension.
    #[serde(default, deserialize_with = "phone_numbers", skip_serializing_if = "Vec::is_empty")]
    pub phone_numbers: Vec<PhoneNumber>,
    /// Whether the sender set a password; its value is not kept.
    #[serde(default, skip_serializing)]
    pub password: Option<PasswordSent>,
    /// The service provider's facts about the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// What ties the person to the directory on premises.
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:ritorno:2.0:User")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ritorno: Option<RitornoUser>,
}

/// The extension schema [`RITORNO_USER_SCHEMA`]: identifiers of a hybrid user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RitornoUser {
    /// The source anchor: standard base64 of a 16-byte GUID. Immutable.
    #[serde(deserialize_with = "text")]
    pub anchor: String,
    /// `objectGUID` in its hyphenated lower-case form.
    #[serde(deserialize_with = "text")]
    pub object_guid: String,
    /// `objectSid` as text (`S-1-5-21-...`).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub object_sid: Option<String>,
    /// `sAMAccountName`.
    #[serde(deserialize_with = "text")]
    pub account_name: String,
    /// NetBIOS name of the domain, as in `CONTOSO\anna`.
    #[serde(deserialize_with = "text")]
    pub domain: String,
    /// DNS name of the forest's root domain, lower case.
    #[serde(deserialize_with = "text")]
    pub forest: String,
    /// The address outside the organisation that a one-time code may go to.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub alternate_mail: Option<String>,
    /// The mobile number that a one-time code may go to.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// When the password expires (RFC 3339), as the directory computes it; none if it never does.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub password_expires: Option<String>,
}

/// Parts of a name (RFC 7643 section 4.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Name {
    /// The whole name as shown.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// Given name (`givenName`).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name (`sn`).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
}

/// A mail address (RFC 7643 section 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    /// The address.
    #[serde(deserialize_with = "text")]
    pub value: String,
    /// What it is for: `work`, `home`, `other`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "text_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Whether it is the preferred one.
    #[serde(default, deserialize_with = "switch", skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
}

/// A telephone number (RFC 7643 section 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumber {
    /// The number.
    #[serde(deserialize_with = "text")]
    pub value: String,
    /// What it is: `work`, `home`, `mobile`, `fax`, `pager`, `other`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "text_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Whether it is the preferred one.
    #[serde(default, deserialize_with = "switch", skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
}

/// Common facts of a resource (RFC 7643 section 3.1). Read-only for clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// `User`.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// When it was made (RFC 3339).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it was last changed (RFC 3339).
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The resource's address.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The resource's version, as in the ETag.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Marks that a request carried a `password`. The value is skipped while reading and kept nowhere, so that the server
/// can refuse it by name for a hybrid user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSent;

impl<'de> Deserialize<'de> for PasswordSent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// One page of resources (RFC 7644 section 3.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse<T> {
    /// Holds [`LIST_RESPONSE_SCHEMA`].
    #[serde(deserialize_with = "list_schemas")]
    pub schemas: Vec<String>,
    /// How many resources match in all.
    pub total_results: u64,
    /// Index of the first resource of this page, from 1.
    #[serde(default = "one")]
    pub start_index: u64,
    /// How many resources are on this page.
    #[serde(default)]
    pub items_per_page: u64,
    /// The resources, at most [`MAX_PAGE`].
    #[serde(rename = "Resources", default = "Vec::new")]
    #[serde(deserialize_with = "page", bound(deserialize = "T: Deserialize<'de>"))]
    pub resources: Vec<T>,
}

impl<T> ListResponse<T> {
    /// A page that starts at `start_index` (from 1) of `total_results` matches.
    pub fn new(total_results: u64, start_index: u64, resources: Vec<T>) -> Self {
        let items_per_page = resources.len() as u64;
        Self {
            schemas: vec![LIST_RESPONSE_SCHEMA.to_owned()],
            total_results,
            start_index,
            items_per_page,
            resources,
        }
    }
}

/// An error (RFC 7644 section 3.12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// Holds [`ERROR_SCHEMA`].
    #[serde(deserialize_with = "error_schemas")]
    pub schemas: Vec<String>,
    /// The HTTP status, as text.
    #[serde(deserialize_with = "text")]
    pub status: String,
    /// What kind of error, where the RFC has a word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<ErrorType>,
    /// For a person to read.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Under [`HELD_STATUS`], the ids of the members whom the deletion guard holds in their group, of those that the request takes out: the
    /// same request without them is not held.
    #[serde(
        rename = "urn:ietf:params:scim:api:messages:ritorno:2.0:Held",
        default,
        skip_serializing_if = "Vec::is_empty"
    )]
    pub held: Vec<String>,
}

impl Error {
    /// An error of HTTP status `status`.
    pub fn new(status: u16, scim_type: Option<ErrorType>, detail: impl Into<String>) -> Self {
        Self {
            schemas: vec![ERROR_SCHEMA.to_owned()],
            status: status.to_string(),
            scim_type,
            detail: Some(detail.into()),
            held: Vec::new(),
        }
    }

    /// The same error, of these held members.
    #[must_use]
    pub fn with_held(mut self, members: Vec<String>) -> Self {
        self.held = members;
        self
    }
}

/// The error keywords of RFC 7644 section 3.12, table 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorType {
    /// The filter is malformed or of a kind that is not supported.
    InvalidFilter,
    /// More results than the provider is willing to give.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute may not be changed.
    Mutability,
    /// The body is malformed.
    InvalidSyntax,
    /// The path of a PATCH operation is malformed.
    InvalidPath,
    /// The path of a PATCH operation names nothing.
    NoTarget,
    /// A value is missing or does not fit.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would put personal data into an address.
    Sensitive,
    /// A keyword that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The body of a PATCH (RFC 7644 section 3.5.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchOp {
    /// Holds [`PATCH_OP_SCHEMA`].
    #[serde(deserialize_with = "patch_schemas")]
    pub schemas: Vec<String>,
    /// What to do, in this order, all or nothing; at most [`MAX_OPERATIONS`].
    #[serde(rename = "Operations", deserialize_with = "operations")]
    pub operations: Vec<Operation>,
}

/// One operation of a PATCH.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Add, remove or replace.
    pub op: OperationKind,
    /// Which attribute; absent means that `value` is a set of attributes of the resource.
    #[serde(default, deserialize_with = "text_option", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The value; absent in a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
}

/// What a PATCH operation does. Some provisioners write the word with a capital: it is read in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Adds a value.
    Add,
    /// Removes a value.
    Remove,
    /// Replaces a value.
    Replace,
}

impl<'de> Deserialize<'de> for OperationKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            "replace" => Ok(Self::Replace),
            _ => Err(serde::de::Error::custom("op is add, remove or replace")),
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn anna() -> serde_json::Value {
        json!({
            "schemas": [USER_SCHEMA, RITORNO_USER_SCHEMA],
            "externalId": "AAECAwQFBgcICQoLDA0ODw==",
            "userName": "anna@contoso.test",
            "displayName": "Anna Rossi",
            "active": false,
            "emails": [{"value": "anna@contoso.test", "type": "work", "primary": true}],
            RITORNO_USER_SCHEMA: {
                "anchor": "AAECAwQFBgcICQoLDA0ODw==",
                "objectGuid": "03020100-0504-0706-0809-0a0b0c0d0e0f",
                "accountName": "anna",
                "domain": "CONTOSO",
                "forest": "contoso.test"
            }
        })
    }

    #[test]
    fn a_user_reads_and_writes_the_same_json() {
        let user: User = serde_json::from_value(anna()).unwrap();
        assert!(!user.active);
        assert_eq!(user.ritorno.as_ref().map(|r| r.account_name.as_str()), Some("anna"));
        assert_eq!(serde_json::to_value(&user).unwrap(), anna());
    }

    #[test]
    fn absent_active_means_active_and_null_means_absent() {
        let user: User = serde_json::from_value(
            json!({"schemas": [USER_SCHEMA], "userName": "b", "emails": null, "id": null}),
        )
        .unwrap();
        assert!(user.active);
        assert!(user.emails.is_empty() && user.id.is_none());
    }

    #[test]
    fn a_switch_is_read_as_a_text_too_and_nothing_else() {
        let read = |active: serde_json::Value| {
            let said = json!({"schemas": [USER_SCHEMA], "userName": "b", "active": active});
            serde_json::from_value::<User>(said).map(|user| user.active).ok()
        };
        for (said, meant) in [
            (json!(true), Some(true)),
            (json!("False"), Some(false)),
            (json!("true"), Some(true)),
            (json!("no"), None),
            (json!(0), None),
            (json!(null), None),
        ] {
            assert_eq!(read(said.clone()), meant, "{said}");
        }
    }

    #[test]
    fn a_password_is_noticed_and_not_kept() {
        let mut json = anna();
        json["password"] = "Tr0ub4dor&3".into();
        let user: User = serde_json::from_value(json).unwrap();
        assert_eq!(user.password, Some(PasswordSent));
        assert!(!serde_json::to_string(&user).unwrap().contains("Tr0ub4dor"));
    }

    #[test]
    fn the_schema_must_be_named() {
        let error = serde_json::from_value::<User>(json!({"schemas": [], "userName": "b"})).unwrap_err();
        assert!(error.to_string().contains(USER_SCHEMA), "{error}");
    }

    #[test]
    fn sizes_are_bounded() {
        let mut json = anna();
        json["displayName"] = "x".repeat(MAX_TEXT_BYTES + 1).into();
        assert!(serde_json::from_value::<User>(json).is_err());
        let mut json = anna();
        json["emails"] = vec![json!({"value": "a@b"}); MAX_VALUES + 1].into();
        assert!(serde_json::from_value::<User>(json).is_err());
        let operations = vec![json!({"op": "Replace", "path": "active", "value": false}); MAX_OPERATIONS + 1];
        let patch = json!({"schemas": [PATCH_OP_SCHEMA], "Operations": operations});
        assert!(serde_json::from_value::<PatchOp>(patch).is_err());
    }

    #[test]
    fn an_operation_is_named_in_any_case() {
        for (text, kind) in [
            ("add", OperationKind::Add),
            ("REMOVE", OperationKind::Remove),
            ("Replace", OperationKind::Replace),
        ] {
            assert_eq!(serde_json::from_value::<OperationKind>(text.into()).unwrap(), kind);
        }
        assert!(serde_json::from_value::<OperationKind>("move".into()).is_err());
    }

    #[test]
    fn an_unknown_error_keyword_is_still_an_error() {
        let error: Error =
            serde_json::from_value(json!({"schemas": [ERROR_SCHEMA], "status": "400", "scimType": "new"}))
                .unwrap();
        assert_eq!(error.scim_type, Some(ErrorType::Unknown));
        let error = Error::new(409, Some(ErrorType::Uniqueness), "userName is taken");
        assert_eq!(serde_json::to_value(&error).unwrap()["scimType"], "uniqueness");
    }

    #[test]
    fn filters_beyond_equality_are_refused() {
        for filter in
            ["", "userName", "userName sw \"a\"", "a eq b", "a eq \"b\" and c eq \"d\"", "a[b] eq \"c\""]
        {
            assert_eq!(filter.parse::<EqualityFilter>(), Err(UnsupportedFilter), "{filter}");
        }
        let filter: EqualityFilter = "externalId EQ \"a b\\\"\"".parse().unwrap();
        assert_eq!((filter.attribute.as_str(), filter.value.as_str()), ("externalId", "a b\""));
    }

    proptest! {
        #[test]
        fn a_filter_survives_its_text(value in "\\PC{0,40}") {
            let filter = EqualityFilter { attribute: "externalId".into(), value };
            prop_assert_eq!(filter.to_string().parse::<EqualityFilter>(), Ok(filter));
        }

        #[test]
        fn no_text_breaks_the_filter_reader(text in ".{0,80}") {
            if let Ok(filter) = text.parse::<EqualityFilter>() {
                prop_assert_eq!(filter.to_string().parse::<EqualityFilter>(), Ok(filter));
            }
        }

        #[test]
        fn a_list_survives_its_text(names in proptest::collection::vec("\\PC{1,20}", 0..5), total in 0..10_000_u64) {
            let user = |name: String| User { user_name: name, ..serde_json::from_value(anna()).expect("a user") };
            let list = ListResponse::new(total, 1, names.into_iter().map(user).collect());
            let text = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(serde_json::from_str::<ListResponse<User>>(&text).unwrap(), list);
        }
    }
}
