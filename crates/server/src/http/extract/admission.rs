//! Load shedding: rejects requests that need a password hash while the hash queue is full, before their body is
//! read.
//!
//! A rejection is cheap, but clients that retry immediately on hundreds of connections cause so many that little
//! time is left for hashes. Above a rate, each rejection is therefore delayed, which also blocks its connection.

use crate::auth::AccountError;
use crate::clock::Clock;
use crate::http::error::HttpError;
use crate::passwords::HashError;
use crate::state::AppState;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The number of rejections per second that are sent immediately.
const IMMEDIATE_REJECTIONS: u32 = 200;
/// The delay of every further rejection.
const REJECTION_DELAY: Duration = Duration::from_millis(500);

/// Counts the rejections of all workers per second.
pub struct RejectionLimiter {
    clock: Clock,
    /// The current second on the monotonic clock, and the number of rejections in it.
    current: Mutex<(u64, u32)>,
}

impl RejectionLimiter {
    pub fn new(clock: Clock) -> Self {
        Self { clock, current: Mutex::default() }
    }

    /// Counts a rejection and returns whether it exceeds the limit of the current second.
    fn exceeds_limit(&self) -> bool {
        let now = self.clock.monotonic().as_secs();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, count) = *current;
        *current = (now, if second == now { count.saturating_add(1) } else { 1 });
        current.1 > IMMEDIATE_REJECTIONS
    }
}

/// Admits a request whose handler computes a password hash. It is the handler's first argument, so that the
/// request is rejected before its body is read.
pub struct Admitted;

impl FromRequest for Admitted {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>();
        let is_overloaded = state.is_some_and(|state| state.hasher.check_load().is_err());
        let limiter = request.app_data::<web::Data<RejectionLimiter>>().cloned();
        Box::pin(async move {
            if !is_overloaded {
                return Ok(Self);
            }
            if limiter.is_some_and(|limiter| limiter.exceeds_limit()) {
                actix_web::rt::time::sleep(REJECTION_DELAY).await;
            }
            Err(AccountError::Hash(HashError::Overloaded).into())
        })
    }
}
