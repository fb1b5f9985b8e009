//! `GET /console/look`: how the pages look: name, colours, logo. `POST /console/look` shows a preview of a change, or makes it.
//! `GET /console/look/preview.css`: the colours of a preview.

use askama::Template;
use axum::extract::{DefaultBodyLimit, Multipart, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use ritorno_identity::administrator::Action;
use ritorno_identity::brand::{Brand, Colour, Scheme};
use ritorno_identity::logo::Logo;
use ritorno_identity::tenant::Tenant;
use ritorno_protocol::bytes::encode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::session::{Menu, SignedIn};
use crate::brand::change::{Fault, Wanted, changed};
use crate::brand::{Picture, preview};
use crate::i18n::{Words, key};
use crate::operations::look::set;
use crate::page::{Frame, PageError, page};
use crate::reader::Reader;
use crate::state::AppState;

/// Where the page is.
const HERE: &str = "/console/look";
/// Largest form, in bytes: two pictures, which may carry much that does not draw.
const FORM_AT_MOST: usize = 3 << 20;

#[derive(Template)]
#[template(path = "console/look.html")]
struct LookPage {
    t: Words,
    frame: Frame,
    menu: Menu,
    /// Whether it is the reader's to change.
    theirs: bool,
    fields: Fields,
    /// How well the colours can be read; empty where the tenant has none of its own.
    contrasts: Vec<Contrast>,
    /// What the form would make of the pages, if that was asked for.
    preview: Option<Preview>,
    /// What is wrong with the form.
    fault: Option<Wrong>,
}

/// What is wrong, and with which of the fields.
struct Wrong {
    told: String,
    fields: &'static [&'static str],
}

impl LookPage {
    /// Whether that field is at fault.
    fn at_fault(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|wrong| wrong.fields.contains(&field))
    }
}

/// How well a colour can be read, where it is the worst.
struct Contrast {
    /// The key of what it is about.
    told: &'static str,
    colour: String,
    ratio: String,
}

/// A look that is not stored.
struct Preview {
    /// The address of its colours.
    style: Option<String>,
    name: String,
    logo: Option<Picture>,
    /// That of dark pages, which is the other one on white if there is none.
    logo_dark: Option<Picture>,
    on_white: bool,
}

/// What the form holds, as it was typed.
#[derive(Clone, Default)]
struct Fields {
    name: String,
    accent: String,
    accent_dark: String,
    /// The look that the form was made from ([`version`]): whoever changes another one has not seen it.
    made_from: String,
    /// The digests of the logos that are there; empty for none.
    kept: String,
    kept_dark: String,
}

/// What a form sends.
#[derive(Default)]
struct Sent {
    fields: Fields,
    logo: Option<Vec<u8>>,
    logo_dark: Option<Vec<u8>>,
    no_logo: bool,
    no_logo_dark: bool,
    /// Whether it is to be shown only.
    preview: bool,
}

/// Its forms are larger than others.
pub(super) fn form_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(FORM_AT_MOST)
}

impl Fields {
    fn of(tenant: &Tenant) -> Self {
        let colour = |colour: Option<Colour>| colour.map(String::from).unwrap_or_default();
        let digest = |logo: &Option<Logo>| logo.as_ref().map(|logo| logo.digest.clone()).unwrap_or_default();
        let brand = &tenant.brand;
        Self {
            name: tenant.name.clone(),
            accent: colour(brand.accent),
            accent_dark: colour(brand.accent_dark),
            made_from: version(tenant),
            kept: digest(&brand.logo),
            kept_dark: digest(&brand.logo_dark),
        }
    }
}

/// A digest of how the tenant looks: the same for the same look.
fn version(tenant: &Tenant) -> String {
    let look = serde_json::to_vec(&(&tenant.name, &tenant.brand)).unwrap_or_default();
    encode(&Sha256::digest(look))
}

/// Cut off, so that what is refused never looks as if it were enough.
fn ratio(contrast: f64) -> String {
    format!("{:.2}", (contrast * 100.0).floor() / 100.0)
}

fn contrasts(brand: &Brand) -> Vec<Contrast> {
    let Some([light, dark]) = brand.accents() else { return Vec::new() };
    let of = |scheme: Scheme, told, colour: Colour| Contrast {
        told,
        colour: colour.to_string(),
        ratio: ratio(scheme.worst(colour).1),
    };
    vec![
        of(Scheme::Light, key("look-contrast-light"), light.accent),
        of(Scheme::Dark, key("look-contrast-dark"), dark.accent),
    ]
}

/// What is wrong, in the reader's words.
fn wrong(t: Words, fault: Fault) -> Result<Wrong, PageError> {
    let fields: &'static [&'static str] = match &fault {
        Fault::Name => &["name"],
        Fault::Contrast(low) if low.scheme == Scheme::Light => &["accent"],
        Fault::Contrast(_) => &["accent_dark"],
        Fault::DarkAlone => &["accent", "accent_dark"],
        Fault::Logo { dark: false, .. } => &["logo"],
        Fault::Logo { dark: true, .. } => &["logo_dark"],
        Fault::LogoDarkAlone => &["logo", "logo_dark"],
        Fault::Store(_) => &[],
    };
    let told = match fault {
        Fault::Name => t.say("look-fault-name"),
        Fault::Contrast(low) => {
            let told = match low.scheme {
                Scheme::Light => key("look-fault-light"),
                Scheme::Dark => key("look-fault-dark"),
            };
            t.with_two(told, &("colour", &low.colour.to_string()), &("ratio", &ratio(low.ratio)))
        }
        Fault::DarkAlone => t.say("look-fault-dark-alone"),
        Fault::Logo { .. } => t.say("look-fault-logo"),
        Fault::LogoDarkAlone => t.say("look-fault-logo-dark-alone"),
        Fault::Store(error) => return Err(PageError::behind(error)),
    };
    Ok(Wrong { told, fields })
}

fn bare(signed_in: &SignedIn, reader: &Reader, fields: Fields, brand: &Brand) -> LookPage {
    let tenant = &signed_in.tenant;
    LookPage {
        t: reader.words(tenant),
        frame: Frame::new(tenant, HERE),
        menu: signed_in.menu(HERE),
        theirs: signed_in.may(Action::ChangeTenant),
        fields,
        contrasts: contrasts(brand),
        preview: None,
        fault: None,
    }
}

/// The page.
pub(super) async fn show(signed_in: SignedIn, reader: Reader, jar: CookieJar) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let tenant = &signed_in.tenant;
    let shown = bare(&signed_in, &reader, Fields::of(tenant), &tenant.brand);
    Ok((reader.remember(jar), page(StatusCode::OK, &shown)).into_response())
}

/// Reads the form.
async fn read(mut form: Multipart) -> Result<Sent, PageError> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(|_| PageError::Request)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|_| PageError::Request)?;
        let picture = || (!bytes.is_empty()).then(|| bytes.to_vec());
        let text = || String::from_utf8(bytes.to_vec()).map_err(|_| PageError::Request);
        match name.as_str() {
            "name" => sent.fields.name = text()?,
            "accent" => sent.fields.accent = text()?,
            "accent_dark" => sent.fields.accent_dark = text()?,
            "made_from" => sent.fields.made_from = text()?,
            "kept" => sent.fields.kept = text()?,
            "kept_dark" => sent.fields.kept_dark = text()?,
            "logo" => sent.logo = picture(),
            "logo_dark" => sent.logo_dark = picture(),
            "no_logo" => sent.no_logo = true,
            "no_logo_dark" => sent.no_logo_dark = true,
            "preview" => sent.preview = true,
            _ => {}
        }
    }
    Ok(sent)
}

/// What a form says of a logo.
enum Picked {
    /// A new one, or the one that is there.
    Picture(Vec<u8>),
    /// None.
    None,
    /// The one that was there, or that a preview kept, and it is gone.
    Gone,
}

impl Picked {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Picture(bytes) => Some(bytes),
            Self::None | Self::Gone => None,
        }
    }
}

async fn picture(
    state: &AppState,
    (new, kept, none): (Option<Vec<u8>>, &str, bool),
) -> Result<Picked, PageError> {
    if new.is_some() || none || kept.is_empty() {
        return Ok(new.filter(|_| !none).map_or(Picked::None, Picked::Picture));
    }
    let there = state.store.brand_pictures().get(state.tenant, kept).await.map_err(PageError::behind)?;
    Ok(there.map_or(Picked::Gone, Picked::Picture))
}

/// A preview is shown, or it is changed.
pub(super) async fn change(
    State(state): State<AppState>,
    signed_in: SignedIn,
    reader: Reader,
    form: Multipart,
) -> Result<Response, PageError> {
    signed_in.require(Action::ChangeTenant)?;
    let sent = read(form).await?;
    let fields = sent.fields.clone();
    let (tenant, t) = (&signed_in.tenant, reader.words(&signed_in.tenant));
    let again = |wrong: Wrong| {
        let shown = bare(&signed_in, &reader, fields.clone(), &tenant.brand);
        page(StatusCode::UNPROCESSABLE_ENTITY, &LookPage { fault: Some(wrong), ..shown })
    };
    // The logos that are there now, and what was typed: whoever sends it once more has seen it.
    let anew = |told: String, fields: &'static [&'static str]| {
        let Fields { made_from, kept, kept_dark, .. } = Fields::of(tenant);
        let typed = Fields { made_from, kept, kept_dark, ..sent.fields.clone() };
        let shown = bare(&signed_in, &reader, typed, &tenant.brand);
        page(StatusCode::CONFLICT, &LookPage { fault: Some(Wrong { told, fields }), ..shown })
    };
    if fields.made_from != version(tenant) {
        return Ok(anew(t.say("look-fault-changed"), &[]));
    }
    let colour = |typed: &str| match typed.trim() {
        "" => Ok(None),
        typed => typed.parse::<Colour>().map(Some),
    };
    let (accent, accent_dark) = match (colour(&fields.accent), colour(&fields.accent_dark)) {
        (Ok(accent), Ok(accent_dark)) => (accent, accent_dark),
        (light, dark) => {
            let fields: &'static [&'static str] = match (light, dark) {
                (Err(_), Err(_)) => &["accent", "accent_dark"],
                (Err(_), Ok(_)) => &["accent"],
                _ => &["accent_dark"],
            };
            return Ok(again(Wrong { told: t.say("look-fault-colour"), fields }));
        }
    };
    let logo = picture(&state, (sent.logo.clone(), &fields.kept, sent.no_logo)).await?;
    let logo_dark = picture(&state, (sent.logo_dark.clone(), &fields.kept_dark, sent.no_logo_dark)).await?;
    let gone: &'static [&'static str] = match (&logo, &logo_dark) {
        (Picked::Gone, Picked::Gone) => &["logo", "logo_dark"],
        (Picked::Gone, _) => &["logo"],
        (_, Picked::Gone) => &["logo_dark"],
        _ => &[],
    };
    if !gone.is_empty() {
        return Ok(anew(t.say("look-fault-gone"), gone));
    }
    let wanted = Wanted {
        name: Some(fields.name.clone()),
        accent,
        accent_dark,
        logo: logo.bytes(),
        logo_dark: logo_dark.bytes(),
        // The form holds all of it.
        clear: true,
    };
    let changed = match changed(&state.store, tenant, wanted).await {
        Ok(changed) => changed,
        Err(fault) => return Ok(again(wrong(t, fault)?)),
    };
    if sent.preview {
        let brand = &changed.brand;
        let shown = bare(
            &signed_in,
            &reader,
            Fields { made_from: fields.made_from.clone(), ..Fields::of(&changed) },
            brand,
        );
        let preview = Preview {
            style: style_of(brand),
            name: changed.name.clone(),
            logo: brand.logo.as_ref().map(Picture::of),
            on_white: brand.logo_dark.is_none(),
            logo_dark: brand.logo_dark.as_ref().or(brand.logo.as_ref()).map(Picture::of),
        };
        return Ok(page(StatusCode::OK, &LookPage { preview: Some(preview), ..shown }));
    }
    if !set(&state, &signed_in.operator(&reader), &changed).await.map_err(PageError::behind)? {
        return Ok(anew(t.say("look-fault-changed"), &[]));
    }
    Ok(Redirect::to(HERE).into_response())
}

/// The colours of a preview, in an address.
fn style_of(brand: &Brand) -> Option<String> {
    brand.accents()?;
    let colour = |colour: Option<Colour>| colour.map(String::from).unwrap_or_default();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("accent", &colour(brand.accent))
        .append_pair("accent_dark", &colour(brand.accent_dark))
        .finish();
    Some(format!("{HERE}/preview.css?{query}"))
}

/// Which colours.
#[derive(Deserialize)]
pub(super) struct Asked {
    accent: String,
    #[serde(default)]
    accent_dark: String,
}

/// The colours of a preview, as a style sheet.
pub(super) async fn show_preview(
    signed_in: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    signed_in.require(Action::ReadTenant)?;
    let brand = Brand {
        accent: asked.accent.parse().ok(),
        accent_dark: asked.accent_dark.parse().ok(),
        ..Brand::default()
    };
    let sheet = preview(&brand).ok_or(PageError::Missing)?;
    Ok(([(header::CONTENT_TYPE, "text/css; charset=utf-8")], sheet).into_response())
}
