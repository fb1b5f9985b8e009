//! `/api/v1/look`: the name, the colours and the logos of the pages, and where they say that help is.

use axum::extract::State;
use axum::http::StatusCode;
use ritorno_identity::administrator::Action;
use ritorno_identity::brand::{Brand, Colour, Scheme};
use ritorno_identity::logo::Logo;
use ritorno_identity::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::etag::{IfMatch, Tagged, changed as not_as_seen};
use super::input::{At, Body, Raw, not_found, unfit};
use crate::brand::Picture;
use crate::brand::change::{Fault, Wanted, changed};
use crate::operations::look::{help_link, set};
use crate::operator::Operator;
use crate::problem::Problem;
use crate::state::AppState;

/// Largest file that is taken for a logo, in bytes: much of it may be what does not draw, which is left out.
pub(super) const FILE_AT_MOST: usize = 1 << 20;

/// A logo.
#[derive(Serialize, ToSchema)]
struct LogoView {
    /// Its address on this server, which names what is there: another logo has another one.
    address: String,
    /// In pixels.
    width: u32,
    /// In pixels.
    height: u32,
}

impl LogoView {
    fn of(logo: &Logo) -> Self {
        let Picture { address, width, height } = Picture::of(logo);
        Self { address, width, height }
    }
}

/// How well a colour can be read where it is the worst. Text needs 4.5 (WCAG 2.2 AA).
#[derive(Serialize, ToSchema)]
struct Contrast {
    /// The colour that is shown: the tenant's, or the nearest to it that can be read.
    #[schema(example = "#0b5d4e")]
    colour: String,
    /// The contrast ratio, from 1 to 21, cut off after two digits.
    ratio: f64,
}

/// How the pages look.
#[derive(Serialize, ToSchema)]
pub(super) struct Look {
    /// The organisation's name.
    name: String,
    /// The colour of links and buttons; `null` for Ritorno's.
    accent: Option<String>,
    /// The same on dark pages; `null` for one that follows from `accent`.
    accent_dark: Option<String>,
    /// Where help is.
    helpdesk_url: Option<String>,
    /// How well the colour can be read on light pages; absent where the tenant has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    contrast: Option<Contrast>,
    /// The same on dark pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    contrast_dark: Option<Contrast>,
    /// The logo.
    logo: Option<LogoView>,
    /// The logo on dark pages; `null` for the other one.
    logo_dark: Option<LogoView>,
}

/// How the pages are to look, but for the logos.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedLook {
    /// The organisation's name, in one line.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The colour of links and buttons; `null` for Ritorno's.
    #[schema(example = "#0b5d4e")]
    accent: Option<String>,
    /// The same on dark pages; `null` for one that follows from `accent`.
    accent_dark: Option<String>,
    /// Where help is: `https:`, `http:`, `mailto:` or `tel:`.
    #[schema(max_length = 500)]
    helpdesk_url: Option<String>,
}

/// Which of the logos.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WhichLogo {
    /// That of light pages, and of dark ones where these have none.
    Light,
    /// That of dark pages.
    Dark,
}

impl Look {
    fn of(tenant: &Tenant) -> Self {
        let brand = &tenant.brand;
        let contrast = |scheme: Scheme, colour: Colour| Contrast {
            colour: colour.to_string(),
            ratio: (scheme.worst(colour).1 * 100.0).floor() / 100.0,
        };
        let accents = brand.accents();
        Self {
            name: tenant.name.clone(),
            accent: brand.accent.map(String::from),
            accent_dark: brand.accent_dark.map(String::from),
            helpdesk_url: tenant.helpdesk_url.clone(),
            contrast: accents.as_ref().map(|[light, _]| contrast(Scheme::Light, light.accent)),
            contrast_dark: accents.as_ref().map(|[_, dark]| contrast(Scheme::Dark, dark.accent)),
            logo: brand.logo.as_ref().map(LogoView::of),
            logo_dark: brand.logo_dark.as_ref().map(LogoView::of),
        }
    }
}

/// Why a look is not taken, and which member of the body is at fault.
fn refused(fault: Fault) -> Problem {
    if let Fault::Store(error) = fault {
        return error.into();
    }
    let member = match &fault {
        Fault::Name => "/name",
        Fault::Contrast(low) if low.scheme == Scheme::Light => "/accent",
        Fault::Contrast(_) | Fault::DarkAlone => "/accent_dark",
        Fault::Logo { .. } | Fault::LogoDarkAlone | Fault::Store(_) => "",
    };
    let kind = if matches!(fault, Fault::Contrast(_)) { "contrast" } else { "look" };
    unfit(kind, "The pages can't look so", format!("{fault}.")).about(member)
}

fn colour(text: Option<&str>, member: &str) -> Result<Option<Colour>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|fault| unfit("look", "The pages can't look so", format!("{fault}.")).about(member))
}

/// Makes it so, if it still is as whoever asks saw it.
async fn make(state: &AppState, operator: &Operator, tenant: &Tenant) -> Result<Tagged<Look>, Problem> {
    if set(state, operator, tenant).await? { Ok(Tagged(Look::of(tenant))) } else { Err(not_as_seen()) }
}

/// How the pages look.
#[utoipa::path(
    get,
    path = "/api/v1/look",
    tag = "look",
    security(("token" = ["tenant.read"])),
    responses((status = 200, description = "The look.", body = Look, headers(("ETag" = String, description = "For If-Match."))))
)]
pub(super) async fn get_look(caller: Caller) -> Result<Tagged<Look>, Problem> {
    Ok(Tagged(Look::of(&caller.require(Action::ReadTenant)?.tenant)))
}

/// Says how the pages look. The logos stay as they are.
///
/// A colour that could not be read is refused, with its contrast and which way to go.
#[utoipa::path(
    put,
    path = "/api/v1/look",
    tag = "look",
    security(("token" = ["tenant.write"])),
    params(("If-Match" = Option<String>, Header, description = "The look as you saw it.")),
    request_body = WantedLook,
    responses(
        (status = 200, description = "The look as it is now.", body = Look, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`contrast`: a colour would be hard to read. `look`: something else can't be so. `member` says what.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_look(
    State(state): State<AppState>,
    caller: Caller,
    if_match: IfMatch,
    Body(wanted): Body<WantedLook>,
) -> Result<Tagged<Look>, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    if_match.check(&Look::of(&operator.tenant))?;
    let link = wanted.helpdesk_url.as_deref().map(help_link).transpose().map_err(|told| {
        unfit("look", "The pages can't look so", format!("{told}.")).about("/helpdesk_url")
    })?;
    let asked = Wanted {
        name: Some(wanted.name),
        accent: colour(wanted.accent.as_deref(), "/accent")?,
        accent_dark: colour(wanted.accent_dark.as_deref(), "/accent_dark")?,
        ..Wanted::default()
    };
    let brand = Brand { accent: None, accent_dark: None, ..operator.tenant.brand.clone() };
    let bare = Tenant { brand, helpdesk_url: link, ..operator.tenant.clone() };
    let tenant = changed(&state.store, &bare, asked).await.map_err(refused)?;
    make(&state, operator, &tenant).await
}

/// Puts a logo on the pages: a PNG picture, sent as it is. What of it does not draw is left out.
#[utoipa::path(
    put,
    path = "/api/v1/look/logos/{logo}",
    tag = "look",
    security(("token" = ["tenant.write"])),
    params(
        ("logo" = WhichLogo, Path, description = "Which."),
        ("If-Match" = Option<String>, Header, description = "The look as you saw it."),
    ),
    request_body(content = Vec<u8>, content_type = "image/png"),
    responses(
        (status = 200, description = "The look as it is now.", body = Look, headers(("ETag" = String, description = "For If-Match."))),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`look`: it is no PNG picture, it is too large, or there is no light one beside the dark.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_logo(
    State(state): State<AppState>,
    caller: Caller,
    At(which): At<WhichLogo>,
    if_match: IfMatch,
    Raw(file): Raw,
) -> Result<Tagged<Look>, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    if_match.check(&Look::of(&operator.tenant))?;
    let asked = match which {
        WhichLogo::Light => Wanted { logo: Some(file.to_vec()), ..Wanted::default() },
        WhichLogo::Dark => Wanted { logo_dark: Some(file.to_vec()), ..Wanted::default() },
    };
    let tenant = changed(&state.store, &operator.tenant, asked).await.map_err(refused)?;
    make(&state, operator, &tenant).await
}

/// Takes a logo off the pages.
#[utoipa::path(
    delete,
    path = "/api/v1/look/logos/{logo}",
    tag = "look",
    security(("token" = ["tenant.write"])),
    params(
        ("logo" = WhichLogo, Path, description = "Which."),
        ("If-Match" = Option<String>, Header, description = "The look as you saw it."),
    ),
    responses(
        (status = 204, description = "It is taken off."),
        (status = 412, description = "`changed`: it is not as you saw it.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`look`: the dark one does not stand alone.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete_logo(
    State(state): State<AppState>,
    caller: Caller,
    At(which): At<WhichLogo>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let operator = caller.require(Action::ChangeTenant)?;
    if_match.check(&Look::of(&operator.tenant))?;
    let mut bare = operator.tenant.clone();
    let there = match which {
        WhichLogo::Light => bare.brand.logo.take(),
        WhichLogo::Dark => bare.brand.logo_dark.take(),
    };
    if there.is_none() {
        return Err(not_found());
    }
    let tenant = changed(&state.store, &bare, Wanted::default()).await.map_err(refused)?;
    make(&state, operator, &tenant).await.map(|_| StatusCode::NO_CONTENT)
}
