//! What a new password must be: long, and not among those that are tried first. Asked when a password is
//! set, never at sign-in: a stricter policy must not lock out those who chose earlier.

use super::Password;
use shared::{Fields, limits};

/// A password that takes fewer guesses than ten to the power of this is refused: that many can be tried
/// against a stolen hash of ours within weeks.
const MIN_GUESSES_LOG10: f64 = 8.0;
/// Code points that are judged. The work grows with their square, and with the substitutions that they may stand for; what
/// so many do not show does not come after them.
const MOST_JUDGED: usize = 40;
/// What people take from the page in front of them.
const OUR_WORDS: [&str; 3] = ["cometchat", "comet", "chat"];

/// Why a password may not be chosen, for the person who chose it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short, too long, or with characters that nobody can type.
    #[error("{0}")]
    Form(String),
    #[error(
        "This password is easy to guess: it is made of what attackers try first, like common passwords, names, rows of keys or repetitions. Take a few words that do not belong together."
    )]
    Guessable,
}

impl Password {
    /// Whether its length and its characters are fit for a new password.
    pub fn check_form(&self, min_chars: usize) -> Result<(), Weakness> {
        let mut faults = Fields::new();
        limits::check_new_password("password", &self.0, min_chars, &mut faults);
        faults.remove("password").map_or(Ok(()), |fault| Err(Weakness::Form(fault)))
    }

    /// [`Password::check_form`], and whether it could be guessed by somebody who knows `about`: the user's
    /// name and address. Takes some milliseconds of work: not on an async thread.
    pub fn check(&self, min_chars: usize, about: &[&str]) -> Result<(), Weakness> {
        self.check_form(min_chars)?;
        let known: Vec<String> = OUR_WORDS.into_iter().chain(about.iter().copied()).flat_map(forms).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let judged: String = self.0.chars().take(MOST_JUDGED).collect();
        if zxcvbn::zxcvbn(&judged, &known).guesses_log10() < MIN_GUESSES_LOG10 {
            return Err(Weakness::Guessable);
        }
        Ok(())
    }
}

/// The forms in which a text gets into a password: as it is, its words, and all of them in one.
fn forms(text: &str) -> Vec<String> {
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut forms: Vec<String> = words().map(str::to_owned).collect();
    forms.extend([text.to_owned(), words().collect()]);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), Weakness> {
        Password::new(password).check(15, &["Ada Lovelace", "countess@analytical.example"])
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert!(matches!(Password::new(&"ü".repeat(14)).check_form(15), Err(Weakness::Form(_))));
        assert_eq!(Password::new(&"ü".repeat(15)).check_form(15), Ok(()));
        assert_eq!(Password::new(&"ü".repeat(128)).check_form(15), Ok(()));
        assert!(matches!(Password::new(&"ü".repeat(129)).check_form(15), Err(Weakness::Form(_))));
        assert!(matches!(Password::new("fifteen or more\0").check_form(15), Err(Weakness::Form(_))));
    }

    #[test]
    fn what_is_tried_first_is_refused_however_long() {
        for password in [
            "passwordpassword",
            "123456789012345678",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "Password12345678",
            "iloveyouiloveyou",
        ] {
            assert_eq!(check(password), Err(Weakness::Guessable), "{password}");
        }
    }

    #[test]
    fn what_is_judged_has_an_end_and_what_comes_after_it_makes_nothing_better() {
        let strong = "plum tractor yesterday";
        assert_eq!(check(&format!("{strong}{}", "a".repeat(100))), Ok(()));
        assert_eq!(check(&format!("{}{strong}", "a".repeat(MOST_JUDGED))), Err(Weakness::Guessable));
    }

    #[test]
    fn what_the_user_and_the_page_are_called_is_refused() {
        for password in
            ["adalovelace1234", "countess@analytical.example", "cometchatcometchat", "Lovelacelovelace"]
        {
            assert_eq!(check(password), Err(Weakness::Guessable), "{password}");
        }
    }

    #[test]
    fn a_few_words_that_do_not_belong_together_are_taken_without_any_rule() {
        for password in
            ["correct horse battery staple", "plum tractor yesterday", "ünser täglich brötchen holt wer"]
        {
            assert_eq!(check(password), Ok(()), "{password}");
        }
    }
}
