//! The state machine of the connection to CometChat, without clock, DOM or SDK: what to show, how long to
//! wait before the next attempt, and when to get a new token.

use crate::backoff;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatStatus {
    Connecting,
    /// The socket is open, and CometChat has accepted the token since it opened.
    Connected,
    /// The last attempt failed; another follows.
    Unavailable,
    /// An operator has deactivated the user at CometChat. No attempt follows.
    Disabled,
    /// The browser stores no data for this site, which the SDK needs, or has no room left. No attempt follows.
    StorageBlocked,
}

impl ChatStatus {
    /// Returns whether chat does not work until the page is loaded again.
    pub fn is_off(self) -> bool {
        matches!(self, Self::Disabled | Self::StorageBlocked)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChatEvent {
    Connected,
    /// The connection was lost, `after_ms` after it was established.
    Disconnected {
        after_ms: f64,
    },
    Failed,
}

/// A connection that lasted this long was good.
const STABLE_MS: f64 = 10_000.0;
/// After this many short connections in a row, the token is the likely cause.
const MAX_SHORT_CONNECTIONS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChatState {
    pub status: ChatStatus,
    failures: u32,
    short: u32,
}

impl ChatState {
    pub const START: Self = Self { status: ChatStatus::Connecting, failures: 0, short: 0 };

    pub fn next(self, event: ChatEvent) -> Self {
        match event {
            ChatEvent::Connected => Self { status: ChatStatus::Connected, ..self },
            ChatEvent::Disconnected { after_ms } if after_ms >= STABLE_MS => Self::START,
            // CometChat closes a socket whose token it rejects, and the SDK opens the next one after five
            // seconds, without end. One short connection is a blip, more of them are a failure.
            ChatEvent::Disconnected { .. } => Self {
                status: if self.short == 0 { ChatStatus::Connecting } else { ChatStatus::Unavailable },
                failures: self.failures.saturating_add(1),
                short: self.short.saturating_add(1),
            },
            ChatEvent::Failed => {
                Self { status: ChatStatus::Unavailable, failures: self.failures.saturating_add(1), ..self }
            }
        }
    }

    /// Returns the milliseconds until the next attempt, at least the server's `Retry-After`; `random` is from
    /// 0 to 1.
    pub fn delay_ms(&self, random: f64, retry_after_seconds: Option<u64>) -> u32 {
        let requested = retry_after_seconds.unwrap_or(0).saturating_mul(1_000);
        backoff::delay_ms(self.failures, random).max(u32::try_from(requested).unwrap_or(u32::MAX).min(60_000))
    }

    /// Returns whether the next attempt should use a new token, because CometChat keeps closing the socket.
    pub fn needs_new_token(&self) -> bool {
        self.short > 0 && self.short.is_multiple_of(MAX_SHORT_CONNECTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChatEvent::{Connected, Failed};

    const SHORT: ChatEvent = ChatEvent::Disconnected { after_ms: 50.0 };
    const LONG: ChatEvent = ChatEvent::Disconnected { after_ms: 3_600_000.0 };

    fn after(events: impl IntoIterator<Item = ChatEvent>) -> ChatState {
        events.into_iter().fold(ChatState::START, ChatState::next)
    }

    #[test]
    fn first_attempt_has_no_delay() {
        assert_eq!(ChatState::START.status, ChatStatus::Connecting);
        assert_eq!(ChatState::START.delay_ms(0.5, None), 0);
    }

    #[test]
    fn failures_are_shown_and_delay_the_next_attempt() {
        assert_eq!(after([Failed]).status, ChatStatus::Unavailable);
        assert_eq!(after([Failed]).delay_ms(0.5, None), 1_000);
        assert_eq!(after([Failed; 3]).delay_ms(0.5, None), 4_000);
        assert_eq!(after([Failed; 50]).delay_ms(0.5, None), 30_000);
    }

    #[test]
    fn retry_after_is_respected_up_to_a_minute() {
        assert_eq!(after([Failed]).delay_ms(0.5, Some(7)), 7_000);
        assert_eq!(after([Failed]).delay_ms(0.5, Some(u64::MAX)), 60_000);
        assert_eq!(after([Failed; 50]).delay_ms(0.5, Some(7)), 30_000);
    }

    #[test]
    fn losing_a_stable_connection_resets_the_state() {
        let state = after([Failed, Failed, Connected, LONG]);
        assert_eq!(state, ChatState::START);
    }

    #[test]
    fn repeated_short_connections_are_unavailable() {
        let state = after([Connected, SHORT]);
        assert_eq!(state.status, ChatStatus::Connecting);
        let state = after([Connected, SHORT, Connected, SHORT]);
        assert_eq!(state.status, ChatStatus::Unavailable);
        assert_eq!(state.delay_ms(0.5, None), 2_000);
    }

    #[test]
    fn every_third_short_connection_needs_a_new_token() {
        let needs: Vec<bool> =
            (0..=6).map(|n| after(std::iter::repeat_n(SHORT, n)).needs_new_token()).collect();
        assert_eq!(needs, [false, false, false, true, false, false, true]);
        assert!(!after([SHORT, SHORT, LONG]).needs_new_token());
    }

    #[test]
    fn connecting_clears_the_failure() {
        assert_eq!(after([Failed, Failed, Connected]).status, ChatStatus::Connected);
    }
}
