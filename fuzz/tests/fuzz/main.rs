//! One target for each decoder. Under `cargo test` a target meets its seeds and some thousand mutations of them; for hours of
//! coverage-guided search run `cargo bolero test --package ritorno-fuzz <target> --engine libfuzzer` (see `fuzz/README.md`).

/// Runs a target on its seeds and on what is made of them. A macro, since a target is named by the function that it stands in.
macro_rules! fuzz {
    ($seeds:expr, $target:expr) => {{
        let (seeds, target): (Vec<Vec<u8>>, _) = ($seeds, crate::seed::target($target));
        crate::seed::plant(&seeds, &target);
        bolero::check!().for_each(|input: &[u8]| crate::seed::meet(&seeds, &target, input));
    }};
}

mod answers;
mod breached;
mod directory;
mod host;
mod link;
mod mail_dns;
mod protocol;
mod proxy;
mod scim;
mod seed;
mod typed;
