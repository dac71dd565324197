//! Words that are made from values, the same wherever they are shown.

/// A wait as a person would say it: seconds in the last minute, whole minutes or hours before that,
/// rounded up so that nobody is told to come back too early.
pub fn wait(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=59 => (seconds, "second"),
        60..=3_540 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// One or two letters that stand for a name: the first of its first and of its last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_is_told_in_seconds() {
        assert_eq!(wait(1), "1 second");
        assert_eq!(wait(59), "59 seconds");
    }

    #[test]
    fn longer_waits_are_told_in_whole_minutes_and_hours_rounded_up() {
        assert_eq!(wait(60), "1 minute");
        assert_eq!(wait(61), "2 minutes");
        assert_eq!(wait(3_540), "59 minutes");
        assert_eq!(wait(3_541), "1 hour");
        assert_eq!(wait(3_601), "2 hours");
    }

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        assert_eq!(initials("Test User"), "TU");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("  Grace  Brewster Murray Hopper "), "GH");
        assert_eq!(initials("Åsa (work) Öberg"), "ÅÖ");
    }

    #[test]
    fn a_name_without_letters_has_no_initials() {
        assert_eq!(initials(" … "), "");
        assert_eq!(initials(""), "");
    }
}
