//! What a service provider tells of itself (RFC 7643 section 5).

use serde::{Deserialize, Serialize};

use super::Meta;

/// What the service provider can do (RFC 7643 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceProviderConfig {
    /// Holds [`SERVICE_PROVIDER_CONFIG_SCHEMA`].
    pub schemas: Vec<String>,
    /// PATCH.
    pub patch: Supported,
    /// Bulk requests.
    pub bulk: BulkSupport,
    /// Filters.
    pub filter: FilterSupport,
    /// Changing a password through SCIM.
    pub change_password: Supported,
    /// Sorting.
    pub sort: Supported,
    /// Entity tags.
    pub etag: Supported,
    /// How a client authenticates.
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// The service provider's facts about the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// Whether something is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supported {
    /// Whether it is.
    pub supported: bool,
}

/// Bulk support (RFC 7643 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkSupport {
    /// Whether there is any.
    pub supported: bool,
    /// Most operations in one request.
    pub max_operations: u64,
    /// Largest request, in bytes.
    pub max_payload_size: u64,
}

/// Filter support (RFC 7643 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterSupport {
    /// Whether there is any.
    pub supported: bool,
    /// Most resources in one answer.
    pub max_results: u64,
}

/// One way to authenticate (RFC 7643 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationScheme {
    /// `oauthbearertoken` for a bearer token.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its common name.
    pub name: String,
    /// What it is.
    pub description: String,
}
