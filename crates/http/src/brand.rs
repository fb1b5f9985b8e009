//! `GET /brand/{digest}/…`: what a tenant's pages look like of its own, the colours as a style sheet and the logo. Each address names what is
//! there, so that a browser may keep it for ever; what is no longer the tenant's is not there.

pub mod change;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use ritorno_identity::brand::{Accent, Brand};
use ritorno_identity::logo::Logo;
use ritorno_protocol::bytes::encode;
use sha2::{Digest as _, Sha256};

use crate::page::PageError;
use crate::state::AppState;

/// A logo as pages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its address.
    pub address: String,
    /// In pixels: so that nothing moves when it comes.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl Picture {
    /// The logo's.
    pub fn of(logo: &Logo) -> Self {
        let address = format!("/brand/{}/logo.png", logo.digest);
        Self { address, width: logo.width, height: logo.height }
    }
}

/// The address of the tenant's style sheet; none where it has no colours of its own.
pub fn style_of(brand: &Brand) -> Option<String> {
    sheet(brand).map(|sheet| format!("/brand/{}/style.css", digest(&sheet)))
}

/// Everybody's, as the other assets are.
pub fn router() -> Router<AppState> {
    Router::new().route("/brand/{digest}/style.css", get(style)).route("/brand/{digest}/logo.png", get(logo))
}

async fn style(State(state): State<AppState>, Path(named): Path<String>) -> Result<Response, PageError> {
    let brand = brand(&state).await?;
    let sheet = sheet(&brand).filter(|sheet| digest(sheet) == named);
    Ok(sheet.map_or_else(missing, |sheet| kept("text/css; charset=utf-8", sheet.into_bytes())))
}

async fn logo(State(state): State<AppState>, Path(named): Path<String>) -> Result<Response, PageError> {
    let picture = state.store.brand_pictures().get(state.tenant, &named).await.map_err(PageError::behind)?;
    Ok(picture.map_or_else(missing, |picture| kept("image/png", picture)))
}

async fn brand(state: &AppState) -> Result<Brand, PageError> {
    let tenant = state.store.tenants().get(state.tenant).await.map_err(PageError::behind)?;
    Ok(tenant.map(|tenant| tenant.brand).unwrap_or_default())
}

fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn kept(kind: &'static str, content: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Opened by itself it is nothing but what it is.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    (headers, content).into_response()
}

/// The colours of a preview, each in a part of the page; none where a brand has none of its own.
pub(crate) fn preview(brand: &Brand) -> Option<String> {
    let [light, dark] = brand.accents()?;
    let colours = |name: &str, Accent { accent, strong, on }: Accent| {
        format!(".preview-{name}{{--accent:{accent};--accent-strong:{strong};--on-accent:{on}}}\n")
    };
    Some(colours("light", light) + &colours("dark", dark))
}

/// The colours, in the place of those that the pages' own sheet has.
fn sheet(brand: &Brand) -> Option<String> {
    let [light, dark] = brand.accents()?;
    let colours = |Accent { accent, strong, on }: Accent| {
        format!(":root{{--accent:{accent};--accent-strong:{strong};--on-accent:{on}}}")
    };
    Some(format!("{}@media (prefers-color-scheme:dark){{{}}}\n", colours(light), colours(dark)))
}

fn digest(sheet: &str) -> String {
    encode(&Sha256::digest(sheet)[..9])
}
