//! What the protocol promises across languages.

mod typescript;
