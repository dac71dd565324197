//! How long to wait before the next try: twice as long after each failure, up to a cap, and never
//! the same for every browser, so that a server that comes back is not met by all of them at once.

const FIRST_MS: f64 = 1_000.0;
const CAP_MS: f64 = 30_000.0;
/// How far from the middle a wait may lie, as a part of it.
const SPREAD: f64 = 0.2;

/// Milliseconds to wait after `failures` failures in a row; `random` is from 0 to 1.
pub fn delay_ms(failures: u32, random: f64) -> u32 {
    if failures == 0 {
        return 0;
    }
    let doublings = i32::try_from(failures - 1).unwrap_or(i32::MAX).min(16);
    let middle = (FIRST_MS * 2f64.powi(doublings)).min(CAP_MS);
    // The cast saturates, and the number is small and positive.
    (middle * (1.0 + SPREAD * (2.0 * random - 1.0))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_waits_for_nothing() {
        assert_eq!(delay_ms(0, 0.9), 0);
    }

    #[test]
    fn each_failure_doubles_the_wait() {
        let waits: Vec<u32> = (1..=5).map(|failures| delay_ms(failures, 0.5)).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn the_wait_has_a_cap_however_many_failures() {
        assert_eq!(delay_ms(6, 0.5), 30_000);
        assert_eq!(delay_ms(u32::MAX, 0.5), 30_000);
        assert_eq!(delay_ms(u32::MAX, 1.0), 36_000);
    }

    #[test]
    fn chance_moves_the_wait_by_a_fifth_at_most() {
        assert_eq!(delay_ms(1, 0.0), 800);
        assert_eq!(delay_ms(1, 1.0), 1_200);
    }
}
