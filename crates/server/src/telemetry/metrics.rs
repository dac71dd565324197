//! Prometheus metrics: `GET /metrics` on a listener of its own. Histograms and counters are defined beside the code
//! that measures, and registered here. `docs/DEPLOY.md` lists the alerts.

use crate::cometchat::job_queue;
use crate::http::middleware::request_context::RequestMetrics;
use crate::state::AppState;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, Error, HttpResponse, guard, web};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::{gauge::Gauge, info::Info};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// OpenMetrics 1.0, section 4.1.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// The registry of all metrics. There is one for the process.
pub struct Exporter {
    state: Arc<AppState>,
    registry: Registry,
    hash_queue_depth: Gauge,
    circuit_breaker_open: Gauge,
    database_up: Gauge,
    connections: Family<StateLabel, Gauge>,
    jobs: Family<StateLabel, Gauge>,
    job_lag: Gauge,
    memory: Gauge,
}

impl Exporter {
    pub fn new(state: &Arc<AppState>, requests: &RequestMetrics) -> Self {
        // The standard metrics of a process have no prefix of the program.
        let mut registry = Registry::default();
        let memory = gauge(&mut registry, "process_resident_memory_bytes", "Resident memory size");
        let started = gauge(&mut registry, "process_start_time_seconds", "Start time as Unix time");
        #[allow(clippy::disallowed_methods)] // no rule depends on this time
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        started.set(i64::try_from(now.as_secs()).unwrap_or_default());

        let own = registry.sub_registry_with_prefix("cometchat_auth");
        own.register("build", "Version of the server", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        own.register("http_requests", "HTTP responses", requests.count.clone());
        own.register("http_request_duration_seconds", "Time to the response", requests.seconds.clone());
        own.register("auth_events", "Audit events, by kind", state.audit.events.clone());

        let hashes = state.hasher.stats();
        own.register("password_hash_queue_seconds", "Time in the hash queue", hashes.wait.clone());
        own.register("password_hash_duration_seconds", "Time of one password hash", hashes.cost.clone());
        own.register("password_hash_rejected", "Rejections by a full hash queue", hashes.refused.clone());
        let backend = Info::new([("name", state.hasher.backend().name())]);
        own.register("password_hash_backend", "Implementation of Argon2id in use", backend);
        let hash_queue_depth = gauge(own, "password_hash_queue_depth", "Hashes queued or running");
        let threads = gauge(own, "password_hash_threads", "Threads that compute hashes");
        threads.set(to_i64(state.hasher.threads()));

        let calls = state.chat.client.calls.clone();
        own.register("cometchat_request_duration_seconds", "Calls to CometChat, by outcome", calls);
        let circuit_breaker_open =
            gauge(own, "cometchat_circuit_breaker_open", "1 while the circuit breaker blocks calls");
        let jobs = Family::<StateLabel, Gauge>::default();
        own.register(
            "chat_jobs",
            "Jobs in the queue, up to 10000 per state; parked ones need an operator",
            jobs.clone(),
        );
        let undecryptable = state.chat.undecryptable.clone();
        own.register(
            "chat_jobs_undecryptable",
            "Jobs deferred: sealed with another SECRET_KEY",
            undecryptable,
        );
        let job_lag = gauge(own, "chat_job_lag_seconds", "Delay of the most overdue job");

        let database_up =
            gauge(own, "database_up", "1 while the database responds, and on PostgreSQL accepts writes");
        let connections = Family::<StateLabel, Gauge>::default();
        own.register("database_connections", "Connections in the pool, by state", connections.clone());

        Self {
            state: Arc::clone(state),
            registry,
            hash_queue_depth,
            circuit_breaker_open,
            database_up,
            connections,
            jobs,
            job_lag,
            memory,
        }
    }

    /// Updates the gauges. While the database does not respond, the job gauges are absent rather than stale.
    async fn refresh(&self) {
        let state = Arc::clone(&self.state);
        self.hash_queue_depth.set(to_i64(state.hasher.pending()));
        self.circuit_breaker_open.set(i64::from(state.chat.circuit_breaker.is_open()));
        let (open, idle) = state.db.connections();
        self.connections.get_or_create(&StateLabel { state: "idle" }).set(to_i64(idle));
        self.connections.get_or_create(&StateLabel { state: "busy" }).set(to_i64(open.saturating_sub(idle)));
        self.memory.set(resident_bytes().unwrap_or_default());

        let stats = state
            .run_to_completion(async |state| {
                state.db.check().await?;
                job_queue::stats(&state.db, state.clock.now()).await
            })
            .await;
        if let Ok(Ok(stats)) = stats {
            self.database_up.set(1);
            self.jobs.get_or_create(&StateLabel { state: "waiting" }).set(stats.waiting);
            self.jobs.get_or_create(&StateLabel { state: "parked" }).set(stats.parked);
            self.job_lag.set(stats.lag);
        } else {
            self.database_up.set(0);
            self.jobs.clear();
        }
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns the resident memory of the process, if the system has `/proc`.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?;
    Some(kib.parse::<i64>().ok()? * 1024)
}

/// Builds the application of the metrics listener.
pub fn app(
    exporter: Arc<Exporter>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
> {
    let get_or_head = guard::Any(guard::Get()).or(guard::Head());
    let resource = web::resource("/metrics").route(web::route().guard(get_or_head).to(metrics));
    App::new().app_data(web::Data::from(exporter)).service(resource)
}

async fn metrics(exporter: web::Data<Exporter>) -> HttpResponse {
    exporter.refresh().await;
    let mut text = String::new();
    match text::encode(&mut text, &exporter.registry) {
        Ok(()) => HttpResponse::Ok().insert_header((CONTENT_TYPE, OPENMETRICS)).body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
