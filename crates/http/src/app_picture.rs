//! The picture that authenticator apps read.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use qrcode::QrCode;
use qrcode::render::svg;
use ritorno_identity::authenticator::AppSecret;

use crate::page::PageError;

/// Width of the picture's smallest square, in pixels.
const MODULE: u32 = 5;

/// The secret as a QR code, with the names that the app shows beside its codes.
pub(crate) fn picture_of(
    secret: &AppSecret,
    organisation: &str,
    account: &str,
) -> Result<Response, PageError> {
    let address = secret.address(organisation, account).map_err(PageError::behind)?;
    let code = QrCode::new(address.as_bytes()).map_err(PageError::behind)?;
    let picture = code.render::<svg::Color<'_>>().module_dimensions(MODULE, MODULE).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response())
}
