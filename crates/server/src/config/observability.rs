//! `RUST_LOG`, and the variables of OpenTelemetry: rejects values that the libraries ignore, or that select nothing.

use super::parse::Reader;
use super::sources::Sources;
use tracing_subscriber::EnvFilter;
use url::Url;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// The port at which collectors receive gRPC, which the server does not send.
const GRPC_PORT: u16 = 4317;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Variables of which the first that is set applies, whether their value is valid, and the error if it is not.
type Check = (&'static [&'static str], fn(&str) -> bool, &'static str);

const CHECKS: [Check; 7] = [
    (&ENDPOINTS, is_endpoint, "must be a URL like http://collector:4318; port 4317 is for gRPC"),
    (
        &["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
        |value| value == "http/protobuf",
        "must be http/protobuf; collectors receive it at port 4318",
    ),
    (
        &["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
        |value| value == "none",
        "must be none; the server does not compress traces",
    ),
    (
        &["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
        |value| value.parse::<u64>().is_ok(),
        "must be a number of milliseconds",
    ),
    (
        &["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
        are_headers,
        "must be name=value, comma-separated",
    ),
    (&["OTEL_TRACES_EXPORTER"], |value| value == "otlp", "must be otlp or none"),
    (
        &["OTEL_TRACES_SAMPLER"],
        |value| SAMPLERS.contains(&value),
        "must be always_on, always_off or traceidratio, or one of these after parentbased_",
    ),
];

/// Returns whether traces are exported.
pub fn exports_traces(sources: &Sources) -> bool {
    ENDPOINTS.iter().any(|name| sources.get(name).is_some())
        && !sources.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        && sources.get("OTEL_TRACES_EXPORTER") != Some("none")
}

/// Returns the errors of the variables that the export of traces uses, each with its name. They do not quote the values,
/// which may hold credentials.
pub fn otlp_errors(sources: &Sources) -> Vec<(&'static str, String)> {
    if !exports_traces(sources) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    for (names, is_valid, expected) in CHECKS {
        if let Some((name, value)) = names.iter().find_map(|name| Some((*name, sources.get(name)?)))
            && !is_valid(value)
        {
            errors.push((name, expected.to_owned()));
        }
    }
    let is_by_ratio = sources.get("OTEL_TRACES_SAMPLER").is_some_and(|name| name.ends_with("traceidratio"));
    let ratio = sources.get("OTEL_TRACES_SAMPLER_ARG");
    let is_ratio = |text: &str| text.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio));
    if is_by_ratio && !ratio.is_some_and(is_ratio) {
        errors.push(("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1, the ratio of traces".into()));
    } else if !is_by_ratio && ratio.is_some() {
        errors.push((
            "OTEL_TRACES_SAMPLER_ARG",
            "only has an effect with OTEL_TRACES_SAMPLER=parentbased_traceidratio or traceidratio".into(),
        ));
    }
    errors
}

impl Reader<'_> {
    pub(super) fn observability(&mut self) {
        self.one_of("LOG_FORMAT");
        for (name, error) in otlp_errors(self.sources) {
            self.error(name, error);
        }
        let Some(filter) = self.text("RUST_LOG") else { return };
        if let Err(error) = EnvFilter::try_new(filter) {
            return self.error("RUST_LOG", error);
        }
        for directive in filter.split(',').map(str::trim).filter(|directive| !directive.contains('[')) {
            if let Some((target, _)) = directive.split_once('=') {
                if target.contains('-') {
                    let module = target.replace('-', "_");
                    self.error("RUST_LOG", format_args!("no module has the name {target:?}; write {module}"));
                }
            } else if !directive.is_empty() && !is_level(directive) {
                self.error(
                    "RUST_LOG",
                    format_args!(
                        "{directive:?} is not one of {}; for the level of one module write module=level",
                        LEVELS.join(", ")
                    ),
                );
            }
        }
    }
}

fn is_endpoint(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && !matches!(url.port(), Some(0 | GRPC_PORT))
    })
}

fn are_headers(text: &str) -> bool {
    text.split(',').all(|header| header.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty()))
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
        || matches!(text, "0" | "1" | "2" | "3" | "4" | "5")
}
