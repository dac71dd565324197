//! The outermost middleware: request id, client address, tracing span, access log and metrics, and the
//! headers and error body of the response.

use super::rejection_log::RejectionLog;
use super::security_headers::HeaderPolicy;
use crate::http::client_ip::Proxies;
use crate::http::error::HttpError;
use crate::state::AppState;
use crate::telemetry::request_timing::{self, Phase, RequestTimings};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};
use shared::routes;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

pub const ID_HEADER: &str = "x-request-id";

/// The request id and client address, which later stages read from the request's extensions.
#[derive(Clone)]
pub struct RequestInfo {
    pub id: String,
    /// The client's IP address; see [`Proxies::client_of`].
    pub address: IpAddr,
}

impl RequestInfo {
    pub fn of(request: &HttpRequest) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self { id: String::new(), address: Ipv4Addr::UNSPECIFIED.into() })
    }
}

/// The labels of a request count. No value is chosen by clients, so the number of series is bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    route: String,
}

/// The number of requests and the seconds to their responses.
pub struct RequestMetrics {
    pub count: Family<RequestLabels, Counter>,
    pub seconds: Family<RouteLabel, Histogram>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let seconds =
            || Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]);
        Self { count: Family::default(), seconds: Family::new_with_constructor(seconds) }
    }
}

impl RequestMetrics {
    fn record(&self, response: &ServiceResponse, duration: Duration) {
        let request = response.request();
        let method = match request.method().as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        };
        let route = request.match_pattern().unwrap_or_else(|| "page".into());
        let status = response.status().as_u16();
        self.seconds.get_or_create(&RouteLabel { route: route.clone() }).observe(duration.as_secs_f64());
        self.count.get_or_create(&RequestLabels { method, route, status }).inc();
    }
}

/// Handles a request within its context: adds [`RequestInfo`] to it, and id, headers and error body to its
/// response, which is logged and counted.
pub async fn trace<B: MessageBody + 'static>(
    state: web::Data<AppState>,
    proxies: web::Data<Proxies>,
    headers: web::Data<HeaderPolicy>,
    metrics: web::Data<RequestMetrics>,
    rejections: web::Data<RejectionLog>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let info = RequestInfo {
        id: uuid::Uuid::now_v7().simple().to_string(),
        address: proxies.client_of(request.peer_addr().map(|peer| peer.ip()), request.headers()),
    };
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(info.clone());

    let span = tracing::info_span!("request", id = info.id);
    // Continues the caller's trace, if the request belongs to one (W3C Trace Context).
    let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
    let _ = span.set_parent(parent);
    let timings = Arc::new(RequestTimings::default());
    let response =
        request_timing::scope(Arc::clone(&timings), next.call(request)).instrument(span.clone()).await?;
    let _entered = span.enter();

    let mut response = with_error_body(response, &info.id, &rejections);
    if let Ok(id) = HeaderValue::from_str(&info.id) {
        response.headers_mut().insert(HeaderName::from_static(ID_HEADER), id);
    }
    headers.add_to(&path, response.headers_mut());
    if state.shutdown.is_cancelled() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }

    let duration = started.elapsed();
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("url.path", path.clone());
    span.set_attribute("http.response.status_code", i64::from(response.status().as_u16()));
    metrics.record(&response, duration);
    let (status, millis) = (response.status().as_u16(), duration.as_millis());
    let [hash_millis, database_millis, cometchat_millis] =
        [Phase::Hash, Phase::Database, Phase::CometChat].map(|phase| timings.millis(phase));
    macro_rules! log_response {
        ($level:ident) => {
            tracing::$level!(
                %method, path, status, millis, hash_millis, database_millis, cometchat_millis,
                address = %info.address, "request completed"
            )
        };
    }
    if [routes::HEALTHZ, routes::READYZ].contains(&path.as_str()) {
        log_response!(debug);
    } else {
        log_response!(info);
    }
    Ok(response)
}

/// Replaces the response of an [`HttpError`], which is still empty, by one with an `ApiError` as its body.
fn with_error_body<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    request_id: &str,
    rejections: &RejectionLog,
) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error().and_then(Error::as_error::<HttpError>) else {
        return response.map_into_boxed_body();
    };
    rejections.log(error);
    let error_response = error.to_response(request_id);
    let (request, empty) = response.into_parts();
    let mut response = ServiceResponse::new(request, error_response);
    // Keeps the headers that inner middleware added, above all those of CORS.
    for (name, value) in empty.headers() {
        if !response.headers().contains_key(name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// A request's headers, as OpenTelemetry reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
