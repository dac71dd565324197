//! Logs, audit events, metrics, traces and the time that requests take.

pub mod audit;
pub mod logging;
pub mod metrics;
pub mod request_timing;
pub mod warning_limit;
