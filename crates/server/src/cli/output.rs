//! The result of a command, and the format of times in its output.

use actix_web::cookie::time::{OffsetDateTime, format_description::well_known::Rfc3339};
use std::error::Error;

/// The result of a command. The error is printed as one line.
pub(super) type CliResult = Result<(), Box<dyn Error>>;

/// Formats a time in RFC 3339, such as `2026-11-22T09:30:00Z`.
pub(super) fn date(unix_seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(unix_seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| unix_seconds.to_string())
}
