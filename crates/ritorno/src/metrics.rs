//! `/metrics` for Prometheus, at an address of its own: it is for whoever runs the service, and not for people.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_util::MetricKindMask;
use ritorno_http::client::Proxies;
use ritorno_http::hosts::Hosts;
use ritorno_http::measures;
use ritorno_http::serve::{Patience, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config;

/// Connections of whoever asks, of which there are few.
const CONNECTIONS: usize = 16;
/// How often what was measured is put into its buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// A gauge that nobody set for so long is of an agent, a name or a check that is there no more. Each is set whenever somebody asks.
const GONE_AFTER: Duration = Duration::from_secs(300);
/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Begins to measure, and answers at the configured address until it is aborted.
///
/// # Errors
/// When the address is taken.
pub(crate) async fn listen(metrics: &config::Metrics, hosts: Hosts) -> anyhow::Result<JoinHandle<()>> {
    let recorder = recorder(GONE_AFTER)?;
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).context("metrics")?;
    measures::describe();
    let listener = TcpListener::bind(metrics.listen)
        .await
        .with_context(|| format!("[metrics] listen = \"{}\": can't listen there", metrics.listen))?;
    tracing::info!(listen = %metrics.listen, "metrics");
    let shown = handle.clone();
    let app = Router::new().route("/metrics", get(move || show(shown.clone(), hosts.clone())));
    let patience = Patience { connections: CONNECTIONS, ..Patience::default() };
    Ok(tokio::spawn(async move {
        serve(listener, None, app, Proxies::default(), patience, upkeep(&handle)).await;
    }))
}

fn recorder(gone_after: Duration) -> anyhow::Result<PrometheusRecorder> {
    let builder = PrometheusBuilder::new().set_buckets(&measures::SECONDS)?;
    Ok(builder.idle_timeout(MetricKindMask::GAUGE, Some(gone_after)).build_recorder())
}

async fn upkeep(handle: &PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

async fn show(handle: PrometheusHandle, hosts: Hosts) -> axum::response::Response {
    // What is known without the database is told all the same.
    if let Err(error) = measures::look(&hosts.states()).await {
        tracing::warn!(%error, "not everything can be measured");
    }
    ([(CONTENT_TYPE, TEXT)], handle.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_that_nobody_sets_any_more_goes_and_a_counter_stays() {
        let recorder = recorder(Duration::from_millis(200)).unwrap();
        let handle = recorder.handle();
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::counter!("counted").increment(1);
            ::metrics::gauge!("check", "agent" => "renamed").set(3.0);
            ::metrics::gauge!("check", "agent" => "there").set(0.0);
        });
        let told = handle.render();
        assert!(told.contains("renamed") && told.contains("there"), "{told}");
        std::thread::sleep(Duration::from_millis(300));
        ::metrics::with_local_recorder(&recorder, || {
            ::metrics::gauge!("check", "agent" => "there").set(0.0);
        });
        let told = handle.render();
        assert!(!told.contains("renamed"), "{told}");
        assert!(told.contains("there") && told.contains("counted"), "{told}");
    }
}
