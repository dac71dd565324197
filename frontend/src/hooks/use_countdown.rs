//! Seconds until a moment, told anew each second.

use crate::browser;
use gloo_timers::callback::Interval;
use yew::prelude::*;

/// Whole seconds until `deadline` (in milliseconds since 1970), 0 from then on and where there is none.
/// Counted by the clock and not by ticks, which a tab in the background does not get.
#[hook]
pub fn use_countdown(deadline: Option<f64>) -> u64 {
    let tick = use_force_update();
    let left = deadline.map_or(0, |deadline| seconds_left(deadline, browser::now_ms()));
    use_effect_with((deadline.map(f64::to_bits), left > 0), move |(_, runs)| {
        let interval = runs.then(|| Interval::new(1_000, move || tick.force_update()));
        move || drop(interval)
    });
    left
}

fn seconds_left(deadline: f64, now: f64) -> u64 {
    // The cast saturates, and what is past is 0.
    ((deadline - now) / 1_000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::seconds_left;

    #[test]
    fn a_second_that_has_begun_counts() {
        assert_eq!(seconds_left(10_001.0, 5_000.0), 6);
        assert_eq!(seconds_left(10_000.0, 5_000.0), 5);
        assert_eq!(seconds_left(10_000.0, 9_999.0), 1);
    }

    #[test]
    fn what_is_past_is_over() {
        assert_eq!(seconds_left(10_000.0, 10_000.0), 0);
        assert_eq!(seconds_left(10_000.0, 99_000.0), 0);
    }
}
