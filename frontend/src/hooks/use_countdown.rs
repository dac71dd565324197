//! A countdown in whole seconds.

use crate::browser::timer::now_ms;
use gloo_timers::callback::Interval;
use yew::prelude::*;

/// Returns the seconds until `deadline` (in milliseconds since 1970), or 0 after it or without one. It uses
/// the clock, because a browser slows down the timers of a background tab.
#[hook]
pub fn use_countdown(deadline: Option<f64>) -> u64 {
    let tick = use_force_update();
    let left = deadline.map_or(0, |deadline| seconds_left(deadline, now_ms()));
    use_effect_with((deadline.map(f64::to_bits), left > 0), move |(_, is_running)| {
        let interval = is_running.then(|| Interval::new(1_000, move || tick.force_update()));
        move || drop(interval)
    });
    left
}

fn seconds_left(deadline: f64, now: f64) -> u64 {
    // The cast saturates: a deadline in the past gives 0.
    ((deadline - now) / 1_000.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::seconds_left;

    #[test]
    fn partial_second_counts_as_one() {
        assert_eq!(seconds_left(10_001.0, 5_000.0), 6);
        assert_eq!(seconds_left(10_000.0, 5_000.0), 5);
        assert_eq!(seconds_left(10_000.0, 9_999.0), 1);
    }

    #[test]
    fn past_deadline_gives_zero() {
        assert_eq!(seconds_left(10_000.0, 10_000.0), 0);
        assert_eq!(seconds_left(10_000.0, 99_000.0), 0);
    }
}
