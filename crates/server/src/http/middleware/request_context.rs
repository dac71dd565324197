//! What every request passes first: its id, its client's address, its line in the log, and the headers
//! and the body of its answer.

use crate::http::error::HttpError;
use crate::http::state::HttpState;
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

/// What is known of a request before its route.
#[derive(Clone)]
pub struct RequestInfo {
    pub id: String,
    /// The client's, as far as it can be believed; see [`super::address`].
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

/// A request, as it is counted: neither names nor numbers that a client can choose.
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

/// How many requests there were, and how long their answers took, in seconds.
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
    fn record(&self, answer: &ServiceResponse, time: Duration) {
        let request = answer.request();
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
        let status = answer.status().as_u16();
        self.seconds.get_or_create(&RouteLabel { route: route.clone() }).observe(time.as_secs_f64());
        self.count.get_or_create(&RequestLabels { method, route, status }).inc();
    }
}

pub async fn trace<B: MessageBody + 'static>(
    state: web::Data<AppState>,
    http_state: web::Data<HttpState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let info = RequestInfo {
        id: uuid::Uuid::now_v7().simple().to_string(),
        address: http_state.proxies.client_of(request.peer_addr().map(|peer| peer.ip()), request.headers()),
    };
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(info.clone());

    let span = tracing::info_span!("request", id = info.id);
    // The caller's trace goes on here, if it is in one (W3C Trace Context).
    let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
    let _ = span.set_parent(parent);
    let spent = Arc::new(RequestTimings::default());
    let answered =
        request_timing::scope(Arc::clone(&spent), next.call(request)).instrument(span.clone()).await?;
    let _entered = span.enter();

    let mut answer = match answered.response().error().and_then(Error::as_error::<HttpError>) {
        Some(failure) => {
            log_cause(failure);
            let body = failure.to_response(&info.id);
            let (request, old) = answered.into_parts();
            let mut answer = ServiceResponse::new(request, body);
            // What other middleware has said, CORS above all, holds for failures as well.
            for (name, value) in old.headers() {
                if !answer.headers().contains_key(name) {
                    answer.headers_mut().append(name.clone(), value.clone());
                }
            }
            answer
        }
        None => answered.map_into_boxed_body(),
    };
    if let Ok(id) = HeaderValue::from_str(&info.id) {
        answer.headers_mut().insert(HeaderName::from_static(ID_HEADER), id);
    }
    http_state.headers.add_to(http_state.own_path(&path), answer.headers_mut());
    if state.shutdown.is_cancelled() {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }

    let took = started.elapsed();
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("url.path", path.clone());
    span.set_attribute("http.response.status_code", i64::from(answer.status().as_u16()));
    http_state.requests.record(&answer, took);
    let (status, millis) = (answer.status().as_u16(), took.as_millis());
    let [hash_millis, database_millis, cometchat_millis] =
        [Phase::Hash, Phase::Database, Phase::CometChat].map(|part| spent.millis(part));
    macro_rules! answered {
        ($level:ident) => {
            tracing::$level!(
                %method, path, status, millis, hash_millis, database_millis, cometchat_millis,
                address = %info.address, "answered"
            )
        };
    }
    if [routes::HEALTHZ, routes::READYZ].contains(&path.as_str()) {
        answered!(debug);
    } else {
        answered!(info);
    }
    Ok(answer)
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

fn log_cause(failure: &HttpError) {
    match failure {
        HttpError::Internal(cause) => tracing::error!(cause, "internal error"),
        HttpError::Overloaded(cause) => tracing::warn!(cause, "overloaded"),
        // Most likely the other server's fault, whose operator has to learn of it from here.
        HttpError::InvalidAssertion(cause) => tracing::warn!(cause, "an assertion is not believed"),
        HttpError::Unavailable(cause) => tracing::error!(cause, "the database is not available"),
        failure => tracing::debug!(%failure, "refused"),
    }
}

/// Does a route's work to its end on the shared runtime; see [`Services::complete`].
pub async fn run_to_completion<T, E, F>(
    state: web::Data<AppState>,
    work: impl FnOnce(std::sync::Arc<AppState>) -> F,
) -> Result<T, HttpError>
where
    T: Send + 'static,
    E: Send + 'static,
    HttpError: From<E>,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    Ok(state.into_inner().run_to_completion(work).await??)
}
