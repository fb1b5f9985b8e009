//! `GET /register`: who are you? Before that, what is true of the whole tenant, the same for every name.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::audit::Activity;
use ritorno_identity::realm::Realm;
use ritorno_identity::tenant::Tenant;
use serde::Deserialize;

use crate::i18n::{Words, key};
use crate::page::{Frame, PageError, page};
use crate::portal::front::{NameFault, told_to_everybody};
use crate::portal::refusal::Refusal;
use crate::portal::stops::Stops;
use crate::portal::visit::tenant;
use crate::reader::Reader;
use crate::state::AppState;

/// What follows when the password is proven. It decides over a link alone: a proof is the same for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::portal) enum Then {
    /// What opens the gates is registered.
    #[default]
    Methods,
    /// The password is changed.
    Change,
    /// The person is signed in.
    Account,
}

impl Then {
    /// As a link or a form says it, where it is not what is meant anyway.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Methods => None,
            Self::Change => Some("change"),
            Self::Account => Some("account"),
        }
    }

    /// Where the name is typed.
    pub(super) const fn front(self) -> &'static str {
        match self {
            Self::Methods => "/register",
            Self::Change => "/change",
            Self::Account => "/signin",
        }
    }

    /// Where the password is typed.
    pub(in crate::portal) const fn password_page(self) -> &'static str {
        match self {
            Self::Methods => "/register/password",
            Self::Change => "/register/password?then=change",
            Self::Account => "/register/password?then=account",
        }
    }

    /// Where the password goes, sealed.
    pub(super) const fn verify(self) -> &'static str {
        match self {
            Self::Methods => "/register/verify",
            Self::Change => "/register/verify?then=change",
            Self::Account => "/register/verify?then=account",
        }
    }

    /// Where whoever proved the password goes on. A change has a way of its own.
    pub(super) const fn after(self) -> &'static str {
        match self {
            Self::Methods | Self::Change => "/register/methods",
            Self::Account => "/account",
        }
    }

    /// What a proof is written down as.
    pub(super) const fn activity(self) -> Activity {
        match self {
            Self::Methods | Self::Change => Activity::RegistrationProgress,
            Self::Account => Activity::SignIn,
        }
    }
}

/// What a link or a form says of it.
#[derive(Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    pub(super) then: Then,
}

/// The first page.
#[derive(Template)]
#[template(path = "portal/register/front.html")]
pub(super) struct FrontPage {
    pub(super) t: Words,
    pub(super) frame: Frame,
    /// Why nobody can register now.
    pub(super) stopped: Option<Refusal>,
    /// What is wrong with the name that was typed.
    pub(super) fault: Option<NameFault>,
    /// What follows.
    pub(super) then: Then,
}

impl FrontPage {
    /// The page on which a name is typed.
    pub(super) fn new(reader: &Reader, tenant: &Tenant, then: Then) -> Self {
        let frame = Frame::new(tenant, then.front());
        Self { t: reader.words(tenant), frame, stopped: None, fault: None, then }
    }

    /// The key of the page's title.
    fn title(&self) -> &'static str {
        match self.then {
            Then::Methods => key("register-title"),
            Then::Change => key("change-title"),
            Then::Account => key("signin-title"),
        }
    }

    /// The key of what the page says first.
    fn lead(&self) -> &'static str {
        match self.then {
            Then::Methods => key("register-lead"),
            Then::Change => key("change-lead"),
            Then::Account => key("signin-lead"),
        }
    }
}

/// `GET /signin`: the same, for whoever signs in.
pub(super) async fn show_sign_in(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    front(&state, &stops, &reader, jar, Then::Account).await
}

/// `GET /change`: the same, for a change.
pub(super) async fn show_change(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    front(&state, &stops, &reader, jar, Then::Change).await
}

/// The handler.
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(stops): Extension<Arc<Stops>>,
    reader: Reader,
    jar: CookieJar,
) -> Result<Response, PageError> {
    front(&state, &stops, &reader, jar, Then::Methods).await
}

async fn front(
    state: &AppState,
    stops: &Stops,
    reader: &Reader,
    jar: CookieJar,
    then: Then,
) -> Result<Response, PageError> {
    let tenant = tenant(state).await?;
    let stopped = told_to_everybody(state, stops, reader, &tenant, Realm::widest(&tenant)).await?;
    let front = FrontPage { stopped, ..FrontPage::new(reader, &tenant, then) };
    Ok((reader.remember(jar), page(StatusCode::OK, &front)).into_response())
}
