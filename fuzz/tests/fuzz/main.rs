//! One target for each decoder. Under `cargo test` a target meets its seeds and some thousand mutations of them; for hours of
//! coverage-guided search run `cargo bolero test --package ritorno-fuzz <target> --engine libfuzzer` (see `fuzz/README.md`).

mod directory;
mod link;
mod protocol;
mod scim;
mod seed;
mod typed;
