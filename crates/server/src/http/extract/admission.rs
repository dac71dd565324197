//! Refusing who would wait too long for a hash: before the body is read, and not as often as somebody likes.
//!
//! A refusal is cheap, but who ignores it and comes back at once, on hundreds of connections, makes so many that
//! little time is left for hashes. So beyond a number a second a refusal is held back, and its connection with it.

use crate::auth::AccountError;
use crate::clock::Clock;
use crate::http::error::HttpError;
use crate::http::state::HttpState;
use crate::passwords::HashError;
use crate::state::AppState;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Refusals a second that are told at once.
const IMMEDIATE_REJECTIONS: u32 = 200;
/// How long each of the others is held back.
const REJECTION_DELAY: Duration = Duration::from_millis(500);

/// Counts refusals, for all workers.
pub struct RejectionLimiter {
    clock: Clock,
    /// A second since the clock's start, and the refusals in it.
    latest: Mutex<(u64, u32)>,
}

impl RejectionLimiter {
    pub fn new(clock: Clock) -> Self {
        Self { clock, latest: Mutex::default() }
    }

    /// One more. Says whether it is one too many for this second.
    fn exceeds_limit(&self) -> bool {
        let now = self.clock.monotonic().as_secs();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, count) = *latest;
        *latest = (now, if second == now { count.saturating_add(1) } else { 1 });
        latest.1 > IMMEDIATE_REJECTIONS
    }
}

/// What a handler asks for first whose work begins with a hash: that there is time for it.
pub struct Admitted;

impl FromRequest for Admitted {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>();
        let is_overloaded = state.is_some_and(|state| state.hasher.check_load().is_err());
        let http_state = request.app_data::<web::Data<HttpState>>().cloned();
        Box::pin(async move {
            if !is_overloaded {
                return Ok(Self);
            }
            if http_state.is_some_and(|http_state| http_state.refusals.exceeds_limit()) {
                actix_web::rt::time::sleep(REJECTION_DELAY).await;
            }
            Err(AccountError::Hash(HashError::Overloaded).into())
        })
    }
}
