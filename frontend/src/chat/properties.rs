//! Laws of the connection that hold after every row of events: all rows of seven are tried.

use super::state::ChatEvent::{self, Connected, Failed, Lost};
use super::state::{ChatState, ChatStatus};

const ROW: u32 = 7;
const EVENTS: [ChatEvent; 4] = [Connected, Lost { after_ms: 50.0 }, Lost { after_ms: 3_600_000.0 }, Failed];

#[test]
fn what_is_shown_is_what_happened_last_and_no_wait_is_longer_than_a_minute() {
    for number in 0..4usize.pow(ROW) {
        let row = (0..ROW).map(|place| EVENTS[number / 4usize.pow(place) % 4]);
        let (mut state, mut short, mut failures) = (ChatState::START, 0u32, 0u32);
        for event in row {
            state = state.next(event);
            match event {
                Connected => assert_eq!(state.status, ChatStatus::Connected),
                Failed => {
                    failures += 1;
                    assert_eq!(state.status, ChatStatus::Unavailable);
                }
                Lost { after_ms } if after_ms > 1_000_000.0 => {
                    (short, failures) = (0, 0);
                    assert_eq!(state, ChatState::START, "a good connection starts over");
                }
                Lost { .. } => {
                    (short, failures) = (short + 1, failures + 1);
                    assert_ne!(state.status, ChatStatus::Connected);
                }
            }
            assert_eq!(state.needs_new_token(), short > 0 && short % 3 == 0);
            let wait = state.delay_ms(1.0, None);
            assert_eq!(wait == 0, failures == 0, "only a failure is waited for");
            assert!(
                wait <= state.delay_ms(1.0, Some(u64::MAX)) && state.delay_ms(1.0, Some(u64::MAX)) <= 60_000
            );
        }
    }
}
