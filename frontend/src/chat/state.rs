//! What is known of the connection to CometChat, as a state machine without clock, DOM or SDK: what to
//! show, how long to wait before the next try, and when a session that looks good is not.

use crate::backoff;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatStatus {
    Connecting,
    /// The socket is open, and CometChat has answered a call with the token since it opened.
    Connected,
    /// It did not work; it is tried again.
    Unavailable,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChatEvent {
    Connected,
    /// The connection is gone, `after_ms` after it stood.
    Lost {
        after_ms: f64,
    },
    Failed,
}

/// A connection that lasts this long was a good one.
const STEADY_MS: f64 = 10_000.0;
/// So many short connections in a row, and the token is taken for the cause.
const SHORT_IN_A_ROW: u32 = 3;

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
            ChatEvent::Lost { after_ms } if after_ms >= STEADY_MS => Self::START,
            // CometChat closes a socket whose authentication it refuses, and the SDK opens the next one
            // five seconds later, for ever: one such loss is a blip, more of them are a failure.
            ChatEvent::Lost { .. } => Self {
                status: if self.short == 0 { ChatStatus::Connecting } else { ChatStatus::Unavailable },
                failures: self.failures.saturating_add(1),
                short: self.short.saturating_add(1),
            },
            ChatEvent::Failed => {
                Self { status: ChatStatus::Unavailable, failures: self.failures.saturating_add(1), ..self }
            }
        }
    }

    /// Milliseconds until the next try; `random` is from 0 to 1. What the server asks for counts too.
    pub fn delay_ms(&self, random: f64, retry_after_seconds: Option<u64>) -> u32 {
        let asked = retry_after_seconds.unwrap_or(0).saturating_mul(1_000);
        backoff::delay_ms(self.failures, random).max(u32::try_from(asked).unwrap_or(u32::MAX).min(60_000))
    }

    /// Whether the socket is refused although calls are answered, so that only a new sign-in with a new
    /// token can help.
    pub fn needs_new_token(&self) -> bool {
        self.short > 0 && self.short.is_multiple_of(SHORT_IN_A_ROW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChatEvent::{Connected, Failed};

    const SHORT: ChatEvent = ChatEvent::Lost { after_ms: 50.0 };
    const LONG: ChatEvent = ChatEvent::Lost { after_ms: 3_600_000.0 };

    fn after(events: impl IntoIterator<Item = ChatEvent>) -> ChatState {
        events.into_iter().fold(ChatState::START, ChatState::next)
    }

    #[test]
    fn it_starts_connecting_at_once() {
        assert_eq!(ChatState::START.status, ChatStatus::Connecting);
        assert_eq!(ChatState::START.delay_ms(0.5, None), 0);
    }

    #[test]
    fn a_failure_is_shown_and_tried_again_later_and_later() {
        assert_eq!(after([Failed]).status, ChatStatus::Unavailable);
        assert_eq!(after([Failed]).delay_ms(0.5, None), 1_000);
        assert_eq!(after([Failed; 3]).delay_ms(0.5, None), 4_000);
        assert_eq!(after([Failed; 50]).delay_ms(0.5, None), 30_000);
    }

    #[test]
    fn the_servers_own_wait_is_kept_up_to_a_minute() {
        assert_eq!(after([Failed]).delay_ms(0.5, Some(7)), 7_000);
        assert_eq!(after([Failed]).delay_ms(0.5, Some(u64::MAX)), 60_000);
        assert_eq!(after([Failed; 50]).delay_ms(0.5, Some(7)), 30_000);
    }

    #[test]
    fn a_lost_connection_that_was_good_starts_over_at_once() {
        let state = after([Failed, Failed, Connected, LONG]);
        assert_eq!(state, ChatState::START);
    }

    #[test]
    fn a_connection_that_keeps_breaking_is_not_shown_as_connected_again_and_again_without_a_wait() {
        let state = after([Connected, SHORT]);
        assert_eq!(state.status, ChatStatus::Connecting);
        let state = after([Connected, SHORT, Connected, SHORT]);
        assert_eq!(state.status, ChatStatus::Unavailable);
        assert_eq!(state.delay_ms(0.5, None), 2_000);
    }

    #[test]
    fn every_third_short_connection_in_a_row_asks_for_a_new_token() {
        let asks: Vec<bool> =
            (0..=6).map(|n| after(std::iter::repeat_n(SHORT, n)).needs_new_token()).collect();
        assert_eq!(asks, [false, false, false, true, false, false, true]);
        assert!(!after([SHORT, SHORT, LONG]).needs_new_token());
    }

    #[test]
    fn a_connection_ends_the_show_of_failure() {
        assert_eq!(after([Failed, Failed, Connected]).status, ChatStatus::Connected);
    }
}
