//! The policy for new passwords: a minimum length, and a minimum number of guesses. It is checked when a password is set,
//! not at login, so that a stricter policy does not lock out existing users.

use super::password::Password;
use shared::{FieldErrors, validation};
use zeroize::Zeroizing;

/// Minimum guesses as a power of ten. An attacker can try 10^8 passwords against a stolen Argon2id hash within weeks.
const MIN_GUESSES_LOG10: f64 = 8.0;
/// Maximum code points that are scored. The work is quadratic, and a password that is still weak after 32 stays weak.
const MAX_SCORED_CHARS: usize = 32;
/// Letters with the symbols that zxcvbn reads as them (l33t). It scores a password once for each reading.
const SYMBOLS: [(char, &str); 12] = [
    ('a', "4@"),
    ('b', "8"),
    ('c', "({[<"),
    ('e', "3"),
    ('g', "69"),
    ('i', "1!|"),
    ('l', "1|7"),
    ('o', "0"),
    ('s', "$5"),
    ('t', "+7"),
    ('x', "%"),
    ('z', "2"),
];
/// Symbols that zxcvbn reads as either of two letters.
const DOUBLE_SYMBOLS: &str = "1|7";
/// Maximum readings of a scored password. A password with all ten digits has this many.
const MAX_READINGS: usize = 16;
/// Words of the page that users would put in a password.
const APP_WORDS: [&str; 3] = ["cometchat", "comet", "chat"];

/// A violation of the password policy. The message is shown to the user.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyViolation {
    /// Too short, too long, or with control characters.
    #[error("{0}")]
    Form(String),
    #[error(
        "This password is easy to guess: it is made of what attackers try first, like common passwords, names, rows of keys or repetitions. Take a few words that do not belong together."
    )]
    Guessable,
}

impl Password {
    /// Checks the length and the characters of a new password.
    pub fn check_length(&self, min_chars: usize) -> Result<(), PolicyViolation> {
        let mut errors = FieldErrors::new();
        validation::check_new_password("password", &self.normalized, min_chars, &mut errors);
        errors.remove("password").map_or(Ok(()), |error| Err(PolicyViolation::Form(error)))
    }

    /// Checks a new password: [`Password::check_length`], and the guesses of an attacker who knows `user_inputs`, the
    /// user's name and email address. Takes up to 10 ms of CPU, so do not call it on an async thread.
    pub fn check(&self, min_chars: usize, user_inputs: &[&str]) -> Result<(), PolicyViolation> {
        self.check_length(min_chars)?;
        let known: Vec<String> =
            APP_WORDS.into_iter().chain(user_inputs.iter().copied()).flat_map(spellings).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if zxcvbn::zxcvbn(&scored_part(&self.normalized), &known).guesses_log10() < MIN_GUESSES_LOG10 {
            return Err(PolicyViolation::Guessable);
        }
        Ok(())
    }
}

/// Returns the part of a password to score: its first code points, with symbols replaced by letters once they would
/// exceed [`MAX_READINGS`]. This bounds the work, and can only lower the score.
fn scored_part(password: &str) -> String {
    let start: Zeroizing<String> = Zeroizing::new(password.chars().take(MAX_SCORED_CHARS).collect());
    // Digits are kept, so that zxcvbn recognizes numbers and dates.
    let mut read: String = start.chars().filter(char::is_ascii_digit).collect();
    let mut letter = |sign| {
        let (letter, _) = SYMBOLS.iter().find(|(_, signs)| signs.contains(sign))?;
        if read.contains(sign) {
            return None;
        }
        read.push(sign);
        let is_too_many = count_readings(&read) > MAX_READINGS;
        if is_too_many {
            read.pop();
        }
        is_too_many.then_some(*letter)
    };
    start.chars().map(|char| letter(char).unwrap_or(char)).collect()
}

/// Returns an upper bound of the readings of a password with these symbols.
fn count_readings(signs: &str) -> usize {
    let count = |all: &str| all.chars().filter(|sign| signs.contains(*sign)).count();
    let choices: usize = SYMBOLS.iter().map(|(_, all)| count(all).max(1)).product();
    choices << count(DOUBLE_SYMBOLS)
}

/// Returns the forms in which a text is used in a password: its words, the text itself, and its words joined.
fn spellings(text: &str) -> Vec<String> {
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut forms: Vec<String> = words().map(str::to_owned).collect();
    forms.extend([text.to_owned(), words().collect()]);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), PolicyViolation> {
        Password::new(password).check(15, &["Ada Lovelace", "countess@analytical.example"])
    }

    #[test]
    fn password_length_counts_code_points() {
        assert!(matches!(Password::new(&"ü".repeat(14)).check_length(15), Err(PolicyViolation::Form(_))));
        assert_eq!(Password::new(&"ü".repeat(15)).check_length(15), Ok(()));
        assert_eq!(Password::new(&"ü".repeat(128)).check_length(15), Ok(()));
        assert!(matches!(Password::new(&"ü".repeat(129)).check_length(15), Err(PolicyViolation::Form(_))));
        assert!(matches!(Password::new("fifteen or more\0").check_length(15), Err(PolicyViolation::Form(_))));
    }

    #[test]
    fn common_password_is_rejected_at_any_length() {
        for password in [
            "passwordpassword",
            "123456789012345678",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "Password12345678",
            "iloveyouiloveyou",
        ] {
            assert_eq!(check(password), Err(PolicyViolation::Guessable), "{password}");
        }
    }

    #[test]
    fn password_score_ignores_text_beyond_limit() {
        let strong = "plum tractor yesterday";
        assert_eq!(check(&format!("{strong}{}", "a".repeat(100))), Ok(()));
        assert_eq!(
            check(&format!("{}{strong}", "a".repeat(MAX_SCORED_CHARS))),
            Err(PolicyViolation::Guessable)
        );
    }

    /// Each costs the most that a search by mutation has found. Counted and not timed: a busy machine fails no test.
    #[test]
    fn crafted_password_scoring_is_bounded() {
        for password in [
            "!|@1746982350({[<$+%!|@1746982350({[<$+%",
            "4@({[<69!|7$5+1830%24@({[<69!|7$5+1830%2",
            "+|@g746$s23[5({(z$+%!<911|@17e6@g2350x345",
            "12345678901234567890|!@$+({[<%",
        ] {
            let scored = scored_part(password);
            let signs: String = scored.chars().filter(|c| !c.is_alphabetic()).collect();
            assert!(count_readings(&signs) <= MAX_READINGS, "{password}: {scored}");
            assert_eq!(scored.chars().count(), password.chars().count().min(MAX_SCORED_CHARS));
        }
    }

    #[test]
    fn password_with_few_symbols_is_scored_unchanged() {
        for password in ["p@$$w0rd! (2 you)", "12345678901234567890", "+49 30 1234 56", "caf\u{e9} {x}"] {
            assert_eq!(scored_part(password), password);
        }
        assert_eq!(scored_part("1769 {x} |x| @x"), "1769 {x} ixi @x");
    }

    #[test]
    fn random_symbol_password_is_accepted() {
        for password in ["1|7!@4$5({[<+%69", "|!{[<(@$+%|!{[<(", "9{|!7@1$+(4[%<56"] {
            assert_eq!(check(&format!("{password}k")), Ok(()), "{password}");
        }
    }

    #[test]
    fn password_with_user_or_app_name_is_rejected() {
        for password in
            ["adalovelace1234", "countess@analytical.example", "cometchatcometchat", "Lovelacelovelace"]
        {
            assert_eq!(check(password), Err(PolicyViolation::Guessable), "{password}");
        }
    }

    #[test]
    fn passphrase_is_accepted_without_composition_rules() {
        for password in
            ["correct horse battery staple", "plum tractor yesterday", "ünser täglich brötchen holt wer"]
        {
            assert_eq!(check(password), Ok(()), "{password}");
        }
    }
}
