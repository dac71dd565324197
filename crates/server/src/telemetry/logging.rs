//! Sets up logging, and tracing if an OTLP endpoint is configured.

use crate::config::{self, LogConfig, LogFormat, Sources};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::io::IsTerminal as _;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Exports traces until it is finished.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Exports the remaining traces. Takes at most the timeout of the exporter.
    pub async fn finish(self) {
        if let Some(provider) = self.0
            && let Ok(Err(error)) = tokio::task::spawn_blocking(move || provider.shutdown()).await
        {
            tracing::warn!(%error, "cannot export the last traces");
        }
    }
}

/// Starts logging, and trace export by OTLP over HTTP if `OTEL_EXPORTER_OTLP_ENDPOINT` is set. The OpenTelemetry SDK
/// reads the other `OTEL_…` variables itself.
pub fn start(sources: &Sources) -> Result<Traces, Box<dyn std::error::Error>> {
    let log = LogConfig::read(sources);
    // actix-server repeats our start and stop messages. The dispatcher logs malformed requests as errors, which clients
    // could use to flood the log. sqlx logs at each start that the migrations table exists.
    let quiet = "actix_server=warn,actix_http::h1::dispatcher=off,sqlx::postgres::notice=warn";
    let filter = format!("{quiet},{}", log.filter);
    // Also if the filter is invalid: the error is logged together with those of the other settings.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(format!("{quiet},info")));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let provider = provider(sources)?;
    let traces = provider.as_ref().map(|provider| layer(provider.tracer("cometchat-auth")));
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces).try_init()?;
    Ok(Traces(provider))
}

fn provider(sources: &Sources) -> Result<Option<SdkTracerProvider>, Box<dyn std::error::Error>> {
    // Invalid variables are reported together with the other settings.
    if !config::exports_traces(sources) || !config::otlp_errors(sources).is_empty() {
        return Ok(None);
    }
    crate::cometchat::client::install_crypto_provider();
    let exporter = SpanExporter::builder().with_http().build().map_err(|error| format!("OTEL_…: {error}"))?;
    let name = sources.get("OTEL_SERVICE_NAME").unwrap_or("cometchat-auth").to_owned();
    let resource = Resource::builder().with_service_name(name).build();
    Ok(Some(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build()))
}

/// Returns the layer that exports request spans, their phases and log lines. Events of libraries are excluded, because
/// those of the exporter would be exported in turn.
fn layer<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(
    tracer: SdkTracer,
) -> impl tracing_subscriber::Layer<S> {
    let targets = Targets::new()
        .with_target("cometchat_auth", LevelFilter::INFO)
        .with_target("audit", LevelFilter::INFO)
        .with_target("spent", LevelFilter::TRACE);
    OpenTelemetryLayer::new(tracer).with_location(false).with_threads(false).with_filter(targets)
}
