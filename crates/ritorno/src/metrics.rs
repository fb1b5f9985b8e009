//! `/metrics` for Prometheus, at an address of its own: it is for whoever runs the service, and not for people.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ritorno_http::AppState;
use ritorno_http::client::Proxies;
use ritorno_http::measures;
use ritorno_http::serve::{Patience, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config;

/// Connections of whoever asks, of which there are few.
const CONNECTIONS: usize = 16;
/// How often what was measured is put into its buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Begins to measure, and answers at the configured address until it is aborted.
///
/// # Errors
/// When the address is taken.
pub(crate) async fn listen(metrics: &config::Metrics, state: AppState) -> anyhow::Result<JoinHandle<()>> {
    let recorder = PrometheusBuilder::new().set_buckets(&measures::SECONDS)?.build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).context("metrics")?;
    measures::describe();
    let listener = TcpListener::bind(metrics.listen)
        .await
        .with_context(|| format!("[metrics] listen = \"{}\": can't listen there", metrics.listen))?;
    tracing::info!(listen = %metrics.listen, "metrics");
    let shown = handle.clone();
    let app = Router::new().route("/metrics", get(move || show(shown.clone(), state.clone())));
    let patience = Patience { connections: CONNECTIONS, ..Patience::default() };
    Ok(tokio::spawn(async move {
        serve(listener, None, app, Proxies::default(), patience, upkeep(&handle)).await;
    }))
}

async fn upkeep(handle: &PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

async fn show(handle: PrometheusHandle, state: AppState) -> axum::response::Response {
    // What is known without the database is told all the same.
    if let Err(error) = measures::look(&state).await {
        tracing::warn!(%error, "not everything can be measured");
    }
    ([(CONTENT_TYPE, TEXT)], handle.render()).into_response()
}
