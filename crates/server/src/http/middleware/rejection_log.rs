//! Logs the causes of rejected requests.

use crate::clock::Clock;
use crate::http::error::HttpError;
use crate::telemetry::warning_limit::WarningLimit;

/// Logs the cause of each error response. Warnings that any client can cause are limited.
pub struct RejectionLog {
    /// Warnings about settings that are not set, by their name.
    unset: WarningLimit,
    /// Warnings about pages that may not call the API, by their origin.
    origins: WarningLimit,
}

impl RejectionLog {
    pub fn new(clock: Clock) -> Self {
        Self { unset: WarningLimit::new(clock.clone()), origins: WarningLimit::new(clock) }
    }

    pub fn log(&self, error: &HttpError) {
        match error {
            HttpError::Internal(cause) => tracing::error!(cause, "internal error"),
            HttpError::Overloaded(cause) => tracing::warn!(cause, "overloaded"),
            // The error is most likely in the other server, and this log is where its operator can find the cause.
            HttpError::InvalidAssertion(cause) => tracing::warn!(%cause, "assertion rejected"),
            HttpError::AssertionEmailTaken { user, owner } => {
                tracing::warn!(user, owner, "assertion rejected: the user has the email address of owner");
            }
            HttpError::AssertionsDisabled if self.unset.is_due("ASSERTION_KEY") => {
                tracing::warn!("login by assertion is disabled: ASSERTION_KEY is not set");
            }
            HttpError::ForbiddenOrigin { origin } if self.origins.is_due(origin) => {
                tracing::warn!(origin, "origin rejected: ALLOWED_ORIGINS does not name it");
            }
            HttpError::CrossSite { origin } if self.origins.is_due(origin) => {
                tracing::warn!(
                    origin,
                    "login rejected: browsers would drop the cookie, the page is of another site"
                );
            }
            HttpError::PreflightRejected { origin, reason } if self.origins.is_due(origin) => {
                tracing::warn!(origin, reason, "preflight rejected");
            }
            HttpError::Unavailable(cause) => tracing::error!(cause, "database unavailable"),
            error => tracing::debug!(%error, "request rejected"),
        }
    }
}
