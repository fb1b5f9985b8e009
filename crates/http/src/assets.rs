//! The scripts and the styles, built into the program from `web/dist`.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ritorno_protocol::bytes::encode;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// The addresses that pages link to, each with a digest of the content: a browser may keep them for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The script's address.
    pub script: String,
    /// The address of the script that copies support codes.
    pub copy: String,
    /// The address of what the script loads to say how hard a password is to guess.
    pub strength: String,
    /// The style sheet's address.
    pub style: String,
    /// The address of the console's script, which loads the rest of it by itself.
    pub console: String,
    /// The address of the console's own styles.
    pub console_style: String,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    script: address("portal.js"),
    copy: address("copy.js"),
    strength: address("strength.js"),
    style: address("portal.css"),
    console: address("console.js"),
    console_style: address("console.css"),
});

/// The script and the style sheet are not there: the pages would show, and the password could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("web/dist/{0} is missing: run 'npm ci && npm run build' in web/ first")]
pub struct Missing(pub &'static str);

/// Whether the bundle is there, for the program to say so at start.
///
/// # Errors
/// [`Missing`], with the first file that is not.
pub fn check() -> Result<(), Missing> {
    for name in ["portal.js", "copy.js", "strength.js", "portal.css", "console.js", "console.css"] {
        if Dist::get(name).is_none() {
            return Err(Missing(name));
        }
    }
    Ok(())
}

/// The addresses, computed once.
pub fn assets() -> &'static Assets {
    &ASSETS
}

fn address(name: &str) -> String {
    let digest = Dist::get(name).map(|file| Sha256::digest(&file.data)).unwrap_or_default();
    format!("/assets/{name}?v={}", encode(&digest[..9]))
}

/// `GET /assets/{file}`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/portal.js", get(async || serve("portal.js", "text/javascript; charset=utf-8")))
        .route("/assets/copy.js", get(async || serve("copy.js", "text/javascript; charset=utf-8")))
        .route("/assets/strength.js", get(async || serve("strength.js", "text/javascript; charset=utf-8")))
        .route("/assets/portal.css", get(async || serve("portal.css", "text/css; charset=utf-8")))
        .route("/assets/console.js", get(async || serve("console.js", "text/javascript; charset=utf-8")))
        .route("/assets/console.css", get(async || serve("console.css", "text/css; charset=utf-8")))
        .route("/assets/console/{part}", get(part))
        // Browsers ask for it unasked; an empty answer keeps their consoles quiet.
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
        .layer(tower_http::compression::CompressionLayer::new())
}

/// A part of the console's script, whose name tells of its content: only what is there by exactly this name.
async fn part(Path(name): Path<String>) -> Response {
    let name = format!("console/{name}");
    if Dist::iter().any(|there| there == name) {
        serve(&name, "text/javascript; charset=utf-8")
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn serve(name: &str, kind: &'static str) -> Response {
    match Dist::get(name) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, file.data.into_owned()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
