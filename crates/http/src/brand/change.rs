//! How a tenant's pages look is changed: by the console, and by `ritorno tenant brand`.

use ritorno_identity::brand::{Brand, Colour, LowContrast, Scheme};
use ritorno_identity::logo::{Logo, NoLogo, clean};
use ritorno_identity::tenant::Tenant;
use ritorno_storage::{Store, StoreError};

/// Longest name, in characters.
pub const NAME_AT_MOST: usize = 100;

/// What is asked for; what is not named stays as it is.
#[derive(Default)]
pub struct Wanted {
    /// The organisation's name.
    pub name: Option<String>,
    /// The colour of links and buttons.
    pub accent: Option<Colour>,
    /// The same on dark pages.
    pub accent_dark: Option<Colour>,
    /// The logo: the bytes of a file.
    pub logo: Option<Vec<u8>>,
    /// The logo on dark pages.
    pub logo_dark: Option<Vec<u8>>,
    /// Whether colours and logos are taken away before anything else.
    pub clear: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A name that fits on no page, or into no mail's header.
    #[error("a name has 1 to {NAME_AT_MOST} characters, in one line")]
    Name,
    /// A colour that would be hard to read.
    #[error("{0}")]
    Contrast(LowContrast),
    /// A colour for dark pages alone.
    #[error("a colour for dark pages needs one for light pages")]
    DarkAlone,
    /// A file that is no logo.
    #[error("{fault}")]
    Logo {
        /// Whether it is the one for dark pages.
        dark: bool,
        /// Why.
        fault: NoLogo,
    },
    /// A logo for dark pages alone.
    #[error("a logo for dark pages needs one for light pages")]
    LogoDarkAlone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A name that fits on a page and into a mail's header.
///
/// # Errors
/// [`Fault::Name`].
pub fn name(typed: &str) -> Result<String, Fault> {
    let name = typed.trim();
    if name.is_empty() || name.chars().count() > NAME_AT_MOST || name.chars().any(char::is_control) {
        return Err(Fault::Name);
    }
    Ok(name.to_owned())
}

/// The tenant as it would look, which is not stored yet. The pictures are kept already; [`forget_others`] forgets those that nobody stored.
///
/// # Errors
/// [`Fault`]; then nothing was changed.
pub async fn changed(store: &Store, tenant: &Tenant, wanted: Wanted) -> Result<Tenant, Fault> {
    let mut brand = if wanted.clear { Brand::default() } else { tenant.brand.clone() };
    if let Some(colour) = wanted.accent {
        Scheme::Light.accent(colour).map_err(Fault::Contrast)?;
        brand.accent = Some(colour);
    }
    if let Some(colour) = wanted.accent_dark {
        Scheme::Dark.accent(colour).map_err(Fault::Contrast)?;
        brand.accent_dark = Some(colour);
    }
    if brand.accent.is_none() && brand.accent_dark.is_some() {
        return Err(Fault::DarkAlone);
    }
    let mut pictures = Vec::new();
    for (file, dark) in [(wanted.logo, false), (wanted.logo_dark, true)] {
        let Some(file) = file else { continue };
        let (picture, logo) = clean(&file).map_err(|fault| Fault::Logo { dark, fault })?;
        pictures.push((picture, logo.digest.clone()));
        *(if dark { &mut brand.logo_dark } else { &mut brand.logo }) = Some(logo);
    }
    if brand.logo.is_none() && brand.logo_dark.is_some() {
        return Err(Fault::LogoDarkAlone);
    }
    let name = wanted.name.as_deref().map(name).transpose()?.unwrap_or_else(|| tenant.name.clone());
    for (picture, digest) in &pictures {
        store.brand_pictures().put(tenant.id, digest, picture).await?;
    }
    Ok(Tenant { name, brand, ..tenant.clone() })
}

/// What was done, for the audit.
pub fn reason(tenant: &Tenant) -> String {
    format!("brand: {}, {}", tenant.name, in_words(&tenant.brand))
}

/// Forgets the pictures that the stored tenant does not name.
///
/// # Errors
/// When the database fails.
pub async fn forget_others(store: &Store, tenant: &Tenant) -> Result<(), StoreError> {
    let digest = |named: &Option<Logo>| named.as_ref().map(|logo| logo.digest.clone()).unwrap_or_default();
    let (logo, dark) = (digest(&tenant.brand.logo), digest(&tenant.brand.logo_dark));
    store.brand_pictures().keep_only(tenant.id, [&logo, &dark]).await
}

/// A brand in a line.
pub fn in_words(brand: &Brand) -> String {
    let mut parts = Vec::new();
    if let Some([light, dark]) = brand.accents() {
        parts.push(format!("{} on light pages and {} on dark ones", light.accent, dark.accent));
    }
    for (logo, name) in [(&brand.logo, "logo"), (&brand.logo_dark, "logo for dark pages")] {
        if let Some(logo) = logo {
            parts.push(format!("{name} of {} by {} pixels", logo.width, logo.height));
        }
    }
    if parts.is_empty() { "as it comes".to_owned() } else { parts.join(", ") }
}
