//! Shows that something long is under way: a spinner on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Runs one step that may last over two seconds and tells on standard error when it starts and how long it took.
///
/// # Errors
/// What `work` returns.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let bar = ProgressBar::new_spinner();
    if bar.is_hidden() {
        eprintln!("- {what} ...");
    } else {
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
    }
    let result = work();
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(_) => eprintln!("- {what}: {seconds:.1} s"),
        Err(_) => eprintln!("- {what}: failed after {seconds:.1} s"),
    }
    result
}

/// Asks `ready` again and again, every 30 ms, until it says yes or `limit` has passed; returns whether it said yes.
///
/// # Errors
/// What `ready` returns.
pub fn wait_until(limit: Duration, mut ready: impl FnMut() -> Result<bool>) -> Result<bool> {
    let started = Instant::now();
    loop {
        if ready()? {
            return Ok(true);
        }
        if started.elapsed() >= limit {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}
