//! What the end-to-end tests and the benchmarks share: a person at a browser, without the browser.

pub mod html;
pub mod secrets;
pub mod visitor;
