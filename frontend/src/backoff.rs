//! Exponential backoff with jitter, so that browsers do not all reconnect at the same moment.

const FIRST_DELAY_MS: f64 = 1_000.0;
const MAX_DELAY_MS: f64 = 30_000.0;
/// The largest deviation from the nominal delay, as a fraction of it.
const JITTER: f64 = 0.2;

/// Returns the milliseconds to wait after `failures` failures in a row; `random` is from 0 to 1.
pub fn delay_ms(failures: u32, random: f64) -> u32 {
    if failures == 0 {
        return 0;
    }
    let doublings = i32::try_from(failures - 1).unwrap_or(i32::MAX).min(16);
    let nominal = (FIRST_DELAY_MS * 2f64.powi(doublings)).min(MAX_DELAY_MS);
    // The cast saturates, and the number is small and positive.
    (nominal * (1.0 + JITTER * (2.0 * random - 1.0))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_attempt_has_no_delay() {
        assert_eq!(delay_ms(0, 0.9), 0);
    }

    #[test]
    fn each_failure_doubles_the_delay() {
        let delays: Vec<u32> = (1..=5).map(|failures| delay_ms(failures, 0.5)).collect();
        assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn delay_is_capped() {
        assert_eq!(delay_ms(6, 0.5), 30_000);
        assert_eq!(delay_ms(u32::MAX, 0.5), 30_000);
        assert_eq!(delay_ms(u32::MAX, 1.0), 36_000);
    }

    #[test]
    fn jitter_is_at_most_a_fifth() {
        assert_eq!(delay_ms(1, 0.0), 800);
        assert_eq!(delay_ms(1, 1.0), 1_200);
    }
}
