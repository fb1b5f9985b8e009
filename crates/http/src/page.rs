//! What every page has around its content, how pages are answered, and what they answer when something is wrong.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use ritorno_identity::administrator::Forbidden;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::clock::Timestamp;
use ritorno_protocol::ids::SupportCode;
use tower_http::csrf::CsrfLayer;

use crate::assets::assets;
use crate::brand::{Picture, style_of};
use crate::i18n::{Words, key};
use crate::operator::{self, Behind};
use crate::reader::Reader;
use crate::state::AppState;

/// Largest body that a page takes, in bytes: an envelope for eight agents is about 6 KB.
pub const MAXIMUM_BODY: usize = 32 * 1024;

/// Nothing but the page's own script and styles, no frames, forms to ourselves only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What the layout shows around the content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The tenant's name.
    pub organisation: String,
    /// The script's address.
    pub script: &'static str,
    /// The address of the script that copies support codes.
    pub copy: &'static str,
    /// The address of what the script loads to say how hard a password is to guess.
    pub strength: &'static str,
    /// The style sheet's address.
    pub style: &'static str,
    /// The address of the tenant's own colours.
    pub brand: Option<String>,
    /// The tenant's logo.
    pub logo: Option<Picture>,
    /// The tenant's logo on dark pages.
    pub logo_dark: Option<Picture>,
    /// This page's path, or that of the page that a reader should land on after switching the language.
    pub here: String,
    /// Where help is.
    pub help: Option<String>,
    /// For how many whole minutes more the way that the page is on can be gone.
    pub minutes: Option<u16>,
}

impl Frame {
    /// The frame of a page at `here`.
    pub fn new(tenant: &Tenant, here: &str) -> Self {
        let help = tenant.helpdesk_url.clone();
        Self {
            organisation: tenant.name.clone(),
            brand: style_of(&tenant.brand),
            logo: tenant.brand.logo.as_ref().map(Picture::of),
            logo_dark: tenant.brand.logo_dark.as_ref().map(Picture::of),
            here: here.to_owned(),
            help,
            ..Self::bare()
        }
    }

    /// The same on a way that ends at a moment, however it is used: whoever takes long is told in time (WCAG 2.2, 2.2.1). It can't be made
    /// longer, since it is short for the case that somebody else comes to the browser.
    pub(crate) fn ending(self, at: Timestamp, now: Timestamp) -> Self {
        let minutes = at.since(now).as_secs() / 60;
        Self { minutes: u16::try_from(minutes).ok(), ..self }
    }

    /// A frame where no tenant is known.
    fn bare() -> Self {
        let assets = assets();
        Self {
            organisation: "Ritorno".to_owned(),
            script: &assets.script,
            copy: &assets.copy,
            strength: &assets.strength,
            style: &assets.style,
            brand: None,
            logo: None,
            logo_dark: None,
            here: "/".to_owned(),
            help: None,
            minutes: None,
        }
    }
}

/// Answers with a rendered template.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => PageError::Render(Arc::new(error)).into_response(),
    }
}

/// Goes on with a change to its end even if the browser goes away.
pub(crate) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, PageError>> + Send + 'static,
) -> Result<T, PageError> {
    operator::to_the_end(change).await
}

/// In how many seconds a page asks anew that could not go on yet.
const AGAIN_AFTER: u32 = 4;

/// Why a page can't be shown. The reader gets plain words, the log gets the cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PageError {
    /// Something behind the page failed: the database, the relay.
    #[error("{0}")]
    Behind(Arc<dyn std::error::Error + Send + Sync>),
    /// A template failed.
    #[error("a template failed: {0}")]
    Render(Arc<askama::Error>),
    /// The request is not one that the page's own forms make.
    #[error("not a request of this page")]
    Request,
    /// There is no such page.
    #[error("no such page")]
    Missing,
    /// The browser is in no way through the pages, or in one that has ended.
    #[error("{} has ended, or is another browser's", .0.name())]
    Ended(Course),
    /// The administrator may not do this.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignIn,
    /// The administrator has a second factor to show before this page of the console.
    #[error("the second factor is asked for")]
    SecondFactor(String),
    /// The browser seems to have lost the answer that gave it the token of what it is in. Should it not have, it shows that one in a moment.
    #[error("the browser shows the token before the last gate, just after it")]
    Moment {
        /// Where it goes on.
        then: &'static str,
    },
    /// The browser lost the answer that gave it the token of what it is in: it gets that once more, and goes on.
    #[error("the browser shows the token before the last gate")]
    Renewed {
        /// The header's value.
        cookie: String,
        /// Where it goes on.
        then: &'static str,
    },
}

/// A way through the pages that people go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// A reset.
    Reset,
    /// Registering, or signing in.
    Registration,
}

impl Course {
    const fn name(self) -> &'static str {
        match self {
            Self::Reset => "a reset",
            Self::Registration => "a registration",
        }
    }

    /// The keys of the page's title and of what it tells, and where the way begins.
    const fn ended(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Reset => (key("flow-ended-title"), key("flow-ended-told"), "/"),
            Self::Registration => (key("register-ended-title"), key("register-ended-told"), "/register"),
        }
    }
}

impl From<Behind> for PageError {
    fn from(Behind(error): Behind) -> Self {
        Self::Behind(error)
    }
}

impl PageError {
    /// Something behind the page failed.
    pub fn behind(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Behind(Arc::new(error))
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Behind(_) | Self::Render(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Moment { .. } => StatusCode::ACCEPTED,
            Self::Request => StatusCode::BAD_REQUEST,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Ended(_) => StatusCode::GONE,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::SignIn | Self::SecondFactor(_) | Self::Renewed { .. } => StatusCode::SEE_OTHER,
        }
    }
}

impl IntoResponse for PageError {
    /// An empty answer that carries the error: the layer around the pages knows the reader, and writes the words.
    fn into_response(self) -> Response {
        if matches!(self, Self::SignIn) {
            return Redirect::to("/console/sign-in").into_response();
        }
        if let Self::SecondFactor(then) = &self {
            let then: String = url::form_urlencoded::byte_serialize(then.as_bytes()).collect();
            return Redirect::to(&format!("/console/second?then={then}")).into_response();
        }
        if let Self::Renewed { cookie, then } = self {
            return ([(header::SET_COOKIE, cookie)], Redirect::to(then)).into_response();
        }
        let mut response = self.status().into_response();
        if let Self::Moment { then } = &self
            && let Ok(again) = HeaderValue::try_from(format!("{AGAIN_AFTER}; url={then}"))
        {
            response.headers_mut().insert(header::REFRESH, again);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A page that says what went wrong.
#[derive(Template)]
#[template(path = "portal/notice.html")]
pub struct NoticePage {
    /// The words.
    pub t: Words,
    /// The frame.
    pub frame: Frame,
    /// The title's key.
    pub title: &'static str,
    /// The key of what is told.
    pub told: &'static str,
    /// Where the way goes on.
    pub back: &'static str,
    /// What is read to the help desk. The server's log has it too.
    pub support_code: SupportCode,
}

/// Puts around pages what all of them need: same-origin posts only, bounded bodies, headers, and words for errors.
pub fn dressed(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY))
        .layer(same_origin(state))
        .layer(from_fn_with_state(state.clone(), dress))
}

/// What tells a request that one of our own pages makes from what another site makes a browser send.
pub(crate) fn same_origin(state: &AppState) -> CsrfLayer {
    let origin = state.settings.public_url.origin().ascii_serialization();
    // An address that is no origin can't be trusted by name; posts from the very host are still let through.
    CsrfLayer::new().add_trusted_origin(origin).unwrap_or_else(|_| CsrfLayer::new())
}

async fn dress(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let reader = Reader::of(&parts);
    let posted = parts.method == Method::POST;
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(told) = problem(&response) {
        let fault = response.extensions().get::<PageError>().cloned();
        let again = response.headers_mut().remove(header::REFRESH);
        response = problem_page(&state, &reader, (response.status(), told), fault).await;
        if let Some(again) = again {
            response.headers_mut().insert(header::REFRESH, again);
        }
    }
    let redirects = response.status().is_redirection();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    // It stands in the browser's history as what was sent, so that going back would send it again: the page's script makes it the entry of
    // the page itself (`web/src/answer.ts`), and this header is what a script can read of how its own page was asked for.
    if posted && !redirects {
        set(HeaderName::from_static("server-timing"), "answer");
    }
    if state.settings.public_url.scheme() == "https" {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    response
}

/// What to tell of a response that has no words of its own yet.
fn problem(response: &Response) -> Option<&'static str> {
    if response.extensions().get::<tower_http::csrf::ProtectionError>().is_some() {
        return Some(key("problem-elsewhere"));
    }
    if let Some(error) = response.extensions().get::<PageError>() {
        return Some(match error {
            PageError::Behind(_) | PageError::Render(_) => key("problem-server"),
            PageError::Request
            | PageError::SignIn
            | PageError::SecondFactor(_)
            | PageError::Renewed { .. } => key("problem-request"),
            PageError::Moment { .. } => key("moment-told"),
            PageError::Forbidden(Forbidden::NotGlobal) => key("console-forbidden-global"),
            PageError::Forbidden(Forbidden::NotThisRole) => key("console-forbidden-role"),
            PageError::Forbidden(Forbidden::Scoped) => key("console-forbidden-scope"),
            PageError::Forbidden(Forbidden::NotCloudOnly) => key("console-forbidden-cloud-only"),
            PageError::Missing => key("problem-missing"),
            PageError::Ended(course) => course.ended().1,
        });
    }
    // What axum's extractors and routes refuse comes as plain text in English only, or as nothing at all.
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    match response.status() {
        status if status.is_client_error() && plain => Some(key("problem-request")),
        status if status.is_server_error() && plain => Some(key("problem-server")),
        _ => None,
    }
}

/// The page that tells it, in the tenant's own look if that can be read: what failed may be the database.
async fn problem_page(
    state: &AppState,
    reader: &Reader,
    (status, told): (StatusCode, &'static str),
    fault: Option<PageError>,
) -> Response {
    let tenant = state.store.tenants().get(state.tenant).await.ok().flatten();
    let t = tenant.as_ref().map_or_else(|| reader.words_anywhere(), |tenant| reader.words(tenant));
    let forbidden = told.starts_with("console-forbidden");
    let (title, back) = match fault {
        Some(PageError::Ended(course)) => (course.ended().0, course.ended().2),
        Some(PageError::Moment { then }) => (key("moment-title"), then),
        _ if forbidden => (key("console-forbidden-title"), "/console/home"),
        _ => (key("problem-title"), "/"),
    };
    let frame = tenant.as_ref().map_or_else(Frame::bare, |tenant| Frame::new(tenant, back));
    // It is in the log, under the code that the reader gets, and not in the audit: strangers ask for as many of these pages as they like.
    let support_code = SupportCode::random(&*state.random);
    match fault {
        Some(error @ (PageError::Behind(_) | PageError::Render(_))) => {
            tracing::error!(%error, %support_code, "a page failed");
        }
        _ if status.is_server_error() => tracing::error!(%status, %support_code, "a page failed"),
        Some(error) => tracing::info!(%status, %support_code, %error, "a request was refused"),
        None => tracing::info!(%status, %support_code, told, "a request was refused"),
    }
    match (NoticePage { t, frame, title, told, back, support_code }).render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => status.into_response(),
    }
}
