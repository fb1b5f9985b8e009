//! `ritorno tenant brand`: how the tenant's pages look.

use std::path::Path;

use anyhow::{Context as _, ensure};
use ritorno_identity::brand::{Brand, Colour, Scheme};
use ritorno_identity::logo::{Logo, clean};

use crate::installation::Installation;

/// Largest file that is looked at, in bytes: a picture may carry much that does not draw.
const FILE_AT_MOST: u64 = 4 << 20;
/// Longest name, in characters.
const NAME_AT_MOST: usize = 100;

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) accent: Option<Colour>,
    pub(super) accent_dark: Option<Colour>,
    pub(super) logo: Option<&'a Path>,
    pub(super) logo_dark: Option<&'a Path>,
    pub(super) clear: bool,
}

/// A name that fits on a page and into a mail's header.
///
/// # Errors
/// In words.
pub(super) fn name(typed: &str) -> Result<String, String> {
    let name = typed.trim();
    if name.is_empty() || name.chars().count() > NAME_AT_MOST || name.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {NAME_AT_MOST} characters, in one line"));
    }
    Ok(name.to_owned())
}

/// Changes the tenant, which is not stored yet, and keeps the pictures; what was done, for the audit.
///
/// # Errors
/// When a colour can't be read or a file is no logo; then nothing was changed.
pub(super) async fn set(installation: &mut Installation, wanted: &Wanted<'_>) -> anyhow::Result<String> {
    let mut brand = if wanted.clear { Brand::default() } else { installation.tenant.brand.clone() };
    if let Some(colour) = wanted.accent {
        Scheme::Light.accent(colour).context("--accent: nothing was changed")?;
        brand.accent = Some(colour);
    }
    if let Some(colour) = wanted.accent_dark {
        Scheme::Dark.accent(colour).context("--accent-dark: nothing was changed")?;
        brand.accent_dark = Some(colour);
    }
    ensure!(
        brand.accent.is_some() || brand.accent_dark.is_none(),
        "--accent-dark without --accent: nothing was changed"
    );
    let mut pictures = Vec::new();
    for (file, place) in [(wanted.logo, &mut brand.logo), (wanted.logo_dark, &mut brand.logo_dark)] {
        let Some(file) = file else { continue };
        let (picture, logo) =
            read(file).with_context(|| format!("{}: nothing was changed", file.display()))?;
        pictures.push((picture, logo.digest.clone()));
        *place = Some(logo);
    }
    ensure!(
        brand.logo.is_some() || brand.logo_dark.is_none(),
        "--logo-dark without --logo: nothing was changed"
    );
    for (picture, digest) in &pictures {
        installation.store.brand_pictures().put(installation.tenant.id, digest, picture).await?;
    }
    if let Some(name) = wanted.name {
        name.clone_into(&mut installation.tenant.name);
    }
    let reason = format!("brand: {}, {}", installation.tenant.name, in_words(&brand));
    installation.tenant.brand = brand;
    Ok(reason)
}

/// Forgets the pictures that the stored tenant does not name.
///
/// # Errors
/// When the database fails.
pub(super) async fn forget_others(installation: &Installation) -> anyhow::Result<()> {
    let brand = &installation.tenant.brand;
    let digest = |logo: &'static str, named: &Option<Logo>| {
        named.as_ref().map_or_else(|| logo.to_owned(), |logo| logo.digest.clone())
    };
    let (logo, dark) = (digest("", &brand.logo), digest("", &brand.logo_dark));
    installation.store.brand_pictures().keep_only(installation.tenant.id, [&logo, &dark]).await?;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<(Vec<u8>, Logo)> {
    ensure!(std::fs::metadata(file)?.len() <= FILE_AT_MOST, "it is larger than any logo");
    Ok(clean(&std::fs::read(file)?)?)
}

/// A brand in a line.
pub(super) fn in_words(brand: &Brand) -> String {
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
