//! `GET /metrics`, for Prometheus, on a listener of its own: what the concerns have counted, and how things
//! stand at the moment of asking. `docs/DEPLOY.md` says what to watch.

use crate::cometchat::job_queue;
use crate::http::middleware::request_context::RequestMetrics;
use crate::http::state::HttpState;
use crate::state::AppState;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, Error, HttpResponse, web};
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

/// Everything that can be asked for. One for the process.
pub struct Exporter {
    state: Arc<AppState>,
    registry: Registry,
    hashes_pending: Gauge,
    breaker_open: Gauge,
    database_up: Gauge,
    connections: Family<StateLabel, Gauge>,
    jobs: Family<StateLabel, Gauge>,
    job_lag: Gauge,
    memory: Gauge,
}

impl Exporter {
    pub fn new(state: &Arc<AppState>, http_state: &HttpState) -> Self {
        let mut all = Registry::with_prefix("cometchat_auth");
        let RequestMetrics { count, seconds } = &http_state.requests;
        all.register("http_requests", "Requests that were answered", count.clone());
        all.register("http_request_seconds", "From a request to its answer", seconds.clone());
        let events = state.audit.events.clone();
        all.register("events", "What happened to accounts: the audit trail, counted", events);

        let hashes = state.hasher.stats();
        all.register("hash_wait_seconds", "From the queue to a hashing thread", hashes.wait.clone());
        all.register("hash_seconds", "One password hash", hashes.cost.clone());
        all.register("hash_refused", "Refused for too long a queue", hashes.refused.clone());
        let hashes_pending = gauge(&mut all, "hash_pending", "Hashes that are waited for");
        let threads = gauge(&mut all, "hash_threads", "Threads that hash");
        threads.set(to_i64(state.hasher.threads()));

        let calls = state.chat.client.calls.clone();
        all.register("cometchat_call_seconds", "Calls of CometChat's API, by outcome", calls);
        let breaker_open = gauge(&mut all, "cometchat_breaker_open", "1 while CometChat is not asked");
        let jobs = Family::<StateLabel, Gauge>::default();
        all.register(
            "jobs",
            "What is still to be done at CometChat; parked jobs need a person",
            jobs.clone(),
        );
        let unopenable = state.chat.unopenable.clone();
        all.register(
            "jobs_unopenable",
            "Jobs put off because they were sealed with another SECRET_KEY",
            unopenable,
        );
        let job_lag = gauge(
            &mut all,
            "job_lag_seconds",
            "For how long the job has waited that should have been done longest ago",
        );

        let database_up = gauge(&mut all, "database_up", "1 while the database answers");
        let connections = Family::<StateLabel, Gauge>::default();
        all.register("database_connections", "Connections to the database", connections.clone());

        let memory = gauge(&mut all, "resident_memory_bytes", "Memory of the process");
        let started = gauge(&mut all, "start_time_seconds", "When the process began, Unix time");
        #[allow(clippy::disallowed_methods)] // not a time that any rule depends on
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        started.set(i64::try_from(now.as_secs()).unwrap_or_default());
        all.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self {
            state: Arc::clone(state),
            registry: all,
            hashes_pending,
            breaker_open,
            database_up,
            connections,
            jobs,
            job_lag,
            memory,
        }
    }

    /// Looks at what is not counted as it happens. While the database does not answer, nothing is said of
    /// the jobs, rather than what was true once.
    async fn refresh(&self) {
        let state = Arc::clone(&self.state);
        self.hashes_pending.set(to_i64(state.hasher.pending()));
        self.breaker_open.set(i64::from(state.chat.circuit_breaker.is_open()));
        let (open, idle) = state.db.connections();
        self.connections.get_or_create(&StateLabel { state: "idle" }).set(to_i64(idle));
        self.connections.get_or_create(&StateLabel { state: "busy" }).set(to_i64(open.saturating_sub(idle)));
        self.memory.set(resident_bytes().unwrap_or_default());

        let standing =
            state.run_to_completion(async |state| job_queue::stats(&state.db, state.clock.now()).await).await;
        if let Ok(Ok(standing)) = standing {
            self.database_up.set(1);
            self.jobs.get_or_create(&StateLabel { state: "waiting" }).set(standing.waiting);
            self.jobs.get_or_create(&StateLabel { state: "parked" }).set(standing.parked);
            self.job_lag.set(standing.lag);
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

/// What the process holds in memory, where the system says so in `/proc`.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?;
    Some(kib.parse::<i64>().ok()? * 1024)
}

/// The application of this listener.
pub fn app(
    exporter: Arc<Exporter>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
> {
    App::new().app_data(web::Data::from(exporter)).route("/metrics", web::get().to(metrics))
}

async fn metrics(exporter: web::Data<Exporter>) -> HttpResponse {
    exporter.refresh().await;
    let mut text = String::new();
    match text::encode(&mut text, &exporter.registry) {
        Ok(()) => HttpResponse::Ok().insert_header((CONTENT_TYPE, OPENMETRICS)).body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
