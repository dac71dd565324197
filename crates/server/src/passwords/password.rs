//! A password in memory.

use super::kind::HashKind;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A password. It is never truncated or trimmed, and wiped on drop.
#[derive(Clone)]
pub struct Password {
    /// In NFC, so that the same characters typed on another system are the same password (NIST SP 800-63B-4, 3.1.1.2).
    /// New hashes are made of it.
    pub(super) normalized: Zeroizing<String>,
    /// The further forms that another system may have hashed: as typed, and in NFKC. Empty for most passwords.
    others: Vec<Zeroizing<String>>,
}

impl Password {
    pub fn new(typed: &str) -> Self {
        let normalized = Zeroizing::new(typed.nfc().collect::<String>());
        let mut others = Vec::new();
        for form in [typed.to_owned(), typed.nfkc().collect()].map(Zeroizing::new) {
            if form != normalized && !others.contains(&form) {
                others.push(form);
            }
        }
        Self { normalized, others }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.normalized.as_bytes()
    }

    /// Returns the forms that a hash of this kind may have been made of. The server's own hashes have one.
    pub(super) fn forms(&self, kind: HashKind) -> impl Iterator<Item = &[u8]> {
        let others = self.others.iter().filter(move |_| kind.is_foreign());
        std::iter::once(&self.normalized).chain(others).map(|form| form.as_bytes())
    }

    /// Returns the number of [`Password::forms`], between 1 and 3.
    pub(super) fn form_count(&self, kind: HashKind) -> u32 {
        if kind.is_foreign() { self.max_form_count() } else { 1 }
    }

    /// Returns the number of forms for a hash of another system.
    pub(super) fn max_form_count(&self) -> u32 {
        1 + u32::try_from(self.others.len()).unwrap_or(u32::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_normalized_to_nfc() {
        assert_eq!(Password::new("caf\u{e9}").bytes(), Password::new("cafe\u{301}").bytes());
        assert_ne!(Password::new("cafe").bytes(), Password::new("caf\u{e9}").bytes());
    }

    #[test]
    fn password_is_never_truncated_or_trimmed() {
        let long = "x".repeat(100) + " ";
        assert_eq!(Password::new(&long).bytes(), long.as_bytes());
    }

    #[test]
    fn password_has_further_forms_only_if_they_differ() {
        let own = HashKind::Argon2 { is_own_form: true, memory_kib: 64, passes: 1 };
        let foreign = HashKind::Bcrypt { cost: 4 };
        let expect = |typed, expected: &[&str]| {
            let password = Password::new(typed);
            let forms =
                |kind| password.forms(kind).map(|form| str::from_utf8(form).unwrap()).collect::<Vec<_>>();
            assert_eq!(forms(foreign), expected);
            assert_eq!(forms(own), expected[..1]);
            assert_eq!(password.form_count(foreign) as usize, expected.len());
        };
        expect("plum", &["plum"]);
        expect("caf\u{e9}", &["caf\u{e9}"]);
        expect("cafe\u{301}", &["caf\u{e9}", "cafe\u{301}"]);
        expect("\u{ff50}lum", &["\u{ff50}lum", "plum"]);
        expect("\u{ff50}e\u{301}", &["\u{ff50}\u{e9}", "\u{ff50}e\u{301}", "p\u{e9}"]);
    }
}
