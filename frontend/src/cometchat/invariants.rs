//! Invariants of the connection's state machine, checked after every sequence of seven events.

use super::state::ChatEvent::{self, Connected, Disconnected, Failed};
use super::state::{ChatState, ChatStatus};

const LENGTH: u32 = 7;
const EVENTS: [ChatEvent; 4] =
    [Connected, Disconnected { after_ms: 50.0 }, Disconnected { after_ms: 3_600_000.0 }, Failed];

#[test]
fn status_is_the_last_event_and_delay_is_bounded() {
    for number in 0..4usize.pow(LENGTH) {
        let sequence = (0..LENGTH).map(|place| EVENTS[number / 4usize.pow(place) % 4]);
        let (mut state, mut short, mut failures) = (ChatState::START, 0u32, 0u32);
        for event in sequence {
            state = state.next(event);
            match event {
                Connected => assert_eq!(state.status, ChatStatus::Connected),
                Failed => {
                    failures += 1;
                    assert_eq!(state.status, ChatStatus::Unavailable);
                }
                Disconnected { after_ms } if after_ms > 1_000_000.0 => {
                    (short, failures) = (0, 0);
                    assert_eq!(state, ChatState::START, "a stable connection resets the state");
                }
                Disconnected { .. } => {
                    (short, failures) = (short + 1, failures + 1);
                    assert_ne!(state.status, ChatStatus::Connected);
                }
            }
            assert_eq!(state.needs_new_token(), short > 0 && short % 3 == 0);
            let delay = state.delay_ms(1.0, None);
            assert_eq!(delay == 0, failures == 0, "only a failure causes a delay");
            let longest = state.delay_ms(1.0, Some(u64::MAX));
            assert!(delay <= longest && longest <= 60_000);
        }
    }
}
