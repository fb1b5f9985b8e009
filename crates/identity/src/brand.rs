//! How a tenant's pages look: its colours, and its logo ([`crate::logo`]). A colour that would be hard to read is refused with its contrast.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::logo::Logo;

/// What text needs against its ground (WCAG 2.2, success criterion 1.4.3, level AA).
pub const TEXT_CONTRAST: f64 = 4.5;

/// How a tenant's pages look; nothing for as they come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brand {
    /// Colour of links and buttons on light pages.
    pub accent: Option<Colour>,
    /// The same on dark pages; made of the light one where there is none.
    pub accent_dark: Option<Colour>,
    /// The logo.
    pub logo: Option<Logo>,
    /// The logo on dark pages; else the other one, on white.
    pub logo_dark: Option<Logo>,
}

impl Brand {
    /// The colours of both kinds of page; none where the tenant has none of its own.
    pub fn accents(&self) -> Option<[Accent; 2]> {
        let light = Scheme::Light.accent(self.accent?).ok()?;
        let dark = match self.accent_dark {
            Some(dark) => Scheme::Dark.accent(dark).ok()?,
            None => Scheme::Dark.nearest(self.accent?),
        };
        Some([light, dark])
    }
}

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Colour([u8; 3]);

/// Why something is no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour looks like #0b5d4e")]
pub struct NoColour;

impl FromStr for Colour {
    type Err = NoColour;

    fn from_str(text: &str) -> Result<Self, NoColour> {
        let digits = text.strip_prefix('#').ok_or(NoColour)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoColour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| NoColour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl TryFrom<String> for Colour {
    type Error = NoColour;

    fn try_from(text: String) -> Result<Self, NoColour> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Colour {
    const WHITE: Self = Self([255; 3]);
    const BLACK: Self = Self([0; 3]);

    /// Relative luminance (WCAG 2.2, definition of the term).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|value| {
            let share = f64::from(value) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast ratio of two colours, from 1 to 21 (WCAG 2.2, definition of the term).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// This colour with `percent` of another one in it.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mix = |index: usize| {
            let (own, others) = (u16::from(self.0[index]), u16::from(other.0[index]));
            u8::try_from((own * (100 - percent) + others * percent) / 100).unwrap_or(u8::MAX)
        };
        Self([mix(0), mix(1), mix(2)])
    }
}

/// The colours of one kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// Links, and the ground of buttons.
    pub accent: Colour,
    /// The same under the pointer.
    pub strong: Colour,
    /// The words on buttons.
    pub on: Colour,
}

/// A colour on which nobody could read well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowContrast {
    /// The colour.
    pub colour: Colour,
    /// What it stands on.
    pub ground: Colour,
    /// The contrast ratio.
    pub ratio: f64,
    /// Light pages or dark ones.
    pub scheme: Scheme,
}

impl std::error::Error for LowContrast {}

impl fmt::Display for LowContrast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { colour, ground, ratio, scheme } = self;
        let (pages, other) = match scheme {
            Scheme::Light => ("light", "darker"),
            Scheme::Dark => ("dark", "lighter"),
        };
        // Cut off, so that what is refused never looks as if it were enough.
        let ratio = (ratio * 100.0).floor() / 100.0;
        write!(
            f,
            "{colour} on the {pages} pages' {ground} has a contrast of {ratio:.2}:1, and text needs {TEXT_CONTRAST}:1 (WCAG 2.2 AA): take a \
             {other} one"
        )
    }
}

/// Light pages or dark ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Scheme {
    /// What links stand on: `--paper`, `--ground`, `--note-ground` and `--error-ground` of `web/styles/portal.css`.
    const fn grounds(self) -> [Colour; 4] {
        match self {
            Self::Light => [
                Colour([0xff, 0xff, 0xff]),
                Colour([0xf4, 0xf3, 0xef]),
                Colour([0xf1, 0xf2, 0xee]),
                Colour([0xfc, 0xef, 0xed]),
            ],
            Self::Dark => [
                Colour([0x1b, 0x22, 0x1f]),
                Colour([0x12, 0x17, 0x15]),
                Colour([0x23, 0x2b, 0x28]),
                Colour([0x34, 0x20, 0x1e]),
            ],
        }
    }

    /// The ground on which a colour is the hardest to read, and its contrast there.
    pub fn worst(self, colour: Colour) -> (Colour, f64) {
        let [first, rest @ ..] = self.grounds().map(|ground| (ground, colour.contrast(ground)));
        rest.into_iter().fold(first, |worst, one| if one.1 < worst.1 { one } else { worst })
    }

    /// The colours that follow from an accent.
    ///
    /// # Errors
    /// [`LowContrast`], by the ground on which it is the worst.
    pub fn accent(self, colour: Colour) -> Result<Accent, LowContrast> {
        let (ground, ratio) = self.worst(colour);
        if ratio < TEXT_CONTRAST {
            return Err(LowContrast { colour, ground, ratio, scheme: self });
        }
        // Words on a button are of the page's end of the scale, so that they stand off as the page does; and the pointer moves it away.
        let (on, towards) = match self {
            Self::Light => (Colour::WHITE, Colour::BLACK),
            Self::Dark => (Colour::BLACK, Colour::WHITE),
        };
        Ok(Accent { accent: colour, strong: colour.mixed(towards, 25), on })
    }

    /// The nearest colour to this one that can be read.
    fn nearest(self, colour: Colour) -> Accent {
        let towards = match self {
            Self::Light => Colour::BLACK,
            Self::Dark => Colour::WHITE,
        };
        let readable = (0..=100).step_by(5).find_map(|part| self.accent(colour.mixed(towards, part)).ok());
        readable.unwrap_or(Accent { accent: towards, strong: towards, on: self.grounds()[0] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn contrast_is_as_the_guidelines_define_it() {
        assert_eq!(Colour::BLACK.contrast(Colour::WHITE), 21.0);
        assert_eq!(Colour::WHITE.contrast(Colour::WHITE), 1.0);
        // The two greys between which the limit lies.
        assert!(colour("#767676").contrast(Colour::WHITE) >= 4.5);
        assert!(colour("#777777").contrast(Colour::WHITE) < 4.5);
        assert!((colour("#ff0000").contrast(Colour::WHITE) - 3.998).abs() < 0.001);
    }

    #[test]
    fn a_colour_that_can_not_be_read_is_refused_with_its_ratio() {
        let told = |scheme: Scheme, text: &str| scheme.accent(colour(text)).unwrap_err().to_string();
        assert_eq!(
            told(Scheme::Light, "#ffcc00"),
            "#ffcc00 on the light pages' #f1f2ee has a contrast of 1.34:1, and text needs 4.5:1 (WCAG 2.2 AA): take a darker one"
        );
        assert!(told(Scheme::Dark, "#0b5d4e").ends_with("take a lighter one"));
        // Enough on white alone; and enough on white and on the page's own ground, and not where a note stands.
        for (text, ratio) in [("#767676", "4.03"), ("#6f6f6f", "4.46")] {
            assert_eq!(
                told(Scheme::Light, text),
                format!(
                    "{text} on the light pages' #f1f2ee has a contrast of {ratio}:1, and text needs 4.5:1 (WCAG 2.2 AA): take a darker one"
                )
            );
        }
        let enough: Vec<bool> =
            Scheme::Light.grounds().map(|ground| colour("#6f6f6f").contrast(ground) >= TEXT_CONTRAST).into();
        assert_eq!(enough, [true, true, false, false]);
        for wrong in ["", "red", "#fff", "#12345g", "#1234567", "0b5d4e", "#+12345"] {
            assert_eq!(wrong.parse::<Colour>(), Err(NoColour), "{wrong}");
        }
    }

    #[test]
    fn whatever_is_taken_can_be_read_everywhere() {
        let mut taken = 0;
        for number in (0..0x0100_0000_u32).step_by(9_973) {
            let [_, red, green, blue] = number.to_be_bytes();
            let brand = Brand { accent: Some(Colour([red, green, blue])), ..Brand::default() };
            let Some(accents) = brand.accents() else { continue };
            taken += 1;
            for (scheme, accent) in [Scheme::Light, Scheme::Dark].into_iter().zip(accents) {
                for ground in scheme.grounds() {
                    assert!(accent.accent.contrast(ground) >= TEXT_CONTRAST, "{accent:?}");
                    assert!(accent.strong.contrast(ground) >= TEXT_CONTRAST, "{accent:?}");
                }
                assert!(accent.on.contrast(accent.accent) >= TEXT_CONTRAST, "{accent:?}");
                assert!(accent.on.contrast(accent.strong) >= TEXT_CONTRAST, "{accent:?}");
            }
        }
        assert!(taken > 300, "{taken}");
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let style = include_str!("../../../web/styles/portal.css");
        let (light, dark) = style.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (scheme, part) in [(Scheme::Light, light), (Scheme::Dark, dark)] {
            let names = ["--paper", "--ground", "--note-ground", "--error-ground"];
            for (name, ground) in names.into_iter().zip(scheme.grounds()) {
                assert!(part.contains(&format!("  {name}: {ground};")), "{scheme:?} {name}");
            }
        }
    }
}
