//! Structured log lines: in the journal where systemd keeps one, else on standard error. Secrets, envelopes and query strings are never logged: no layer logs requests.
//! What is done for one tenant carries its host (`tenant`), by the span that is current.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging: JSON lines for a service, text for a person. `RITORNO_LOG` holds a filter such as `debug`.
pub(crate) fn start(service: bool) {
    let level = if service { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("RITORNO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    if std::env::var_os("JOURNAL_STREAM").is_some()
        && let Ok(journal) = tracing_journald::layer()
    {
        tracing_subscriber::registry()
            .with(filter)
            .with(journal.with_field_prefix(Some("RITORNO".into())))
            .init();
        return;
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if service && !std::io::stderr().is_terminal() {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        builder.init();
    }
}
