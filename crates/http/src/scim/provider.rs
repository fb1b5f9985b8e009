//! `GET /scim/v2/ServiceProviderConfig` (RFC 7643 section 5).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ritorno_protocol::scim::{
    AuthenticationScheme, BulkSupport, FilterSupport, MAX_PAGE, Meta, SERVICE_PROVIDER_CONFIG_SCHEMA,
    ServiceProviderConfig, Supported,
};

use super::bulk::{MAXIMUM_BODY, MAXIMUM_OPERATIONS};
use super::resource::body;
use crate::state::AppState;

/// Says what this service can do.
pub async fn handle(State(state): State<AppState>) -> Response {
    let location = format!("{}/scim/v2/ServiceProviderConfig", state.settings.public_address());
    let resource_type = Some("ServiceProviderConfig".to_owned());
    let config = ServiceProviderConfig {
        schemas: vec![SERVICE_PROVIDER_CONFIG_SCHEMA.into()],
        patch: Supported { supported: true },
        bulk: BulkSupport {
            supported: true,
            max_operations: MAXIMUM_OPERATIONS as u64,
            max_payload_size: MAXIMUM_BODY as u64,
        },
        filter: FilterSupport { supported: true, max_results: MAX_PAGE as u64 },
        change_password: Supported { supported: false },
        sort: Supported { supported: false },
        etag: Supported { supported: true },
        authentication_schemes: vec![
            AuthenticationScheme {
                kind: "oauthbearertoken".into(),
                name: "API token".into(),
                description: "For other provisioners: a token with the scope 'people.provision', from `ritorno token create`"
                    .into(),
            },
            AuthenticationScheme {
                kind: "oauthbearertoken".into(),
                name: "Agent access token".into(),
                description: "For agents: a token from /agent/v1/token, for ten minutes".into(),
            },
        ],
        meta: Some(Meta { resource_type, location: Some(location), ..Meta::default() }),
    };
    body(StatusCode::OK, &config)
}
