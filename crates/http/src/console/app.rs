//! `GET /console/app` and below: the page in which the console runs as a script of its own (`web/src/console`), on the public API.

use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;

use super::session::{SignedIn, home_of};
use crate::assets::assets;
use crate::i18n::Words;
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;

#[derive(Template)]
#[template(path = "console/app.html")]
struct AppPage {
    t: Words,
    frame: Frame,
    who: String,
    script: &'static str,
    style: &'static str,
    /// The first of the plain pages that is theirs.
    plain: &'static str,
}

/// The handler. Which of its pages there are, and whose they are, the script knows: there is nothing to see in it that the API does not answer.
pub(super) async fn show(
    signed_in: SignedIn,
    reader: Reader,
    OriginalUri(here): OriginalUri,
    jar: CookieJar,
) -> Result<Response, PageError> {
    let tenant = &signed_in.tenant;
    let assets = assets();
    let shown = AppPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, here.path()),
        who: signed_in.administrator.name.clone(),
        script: &assets.console,
        style: &assets.console_style,
        plain: home_of(&signed_in.administrator),
    };
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}
