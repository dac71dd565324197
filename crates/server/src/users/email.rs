//! The normalized form of an email address.

use unicode_normalization::UnicodeNormalization as _;

/// Returns the key by which email addresses are compared: trimmed, NFKC-normalized and in lower case, so that one
/// mailbox is one account. It is computed here and not in SQL, because the two databases fold case differently.
pub fn email_key(email: &str) -> String {
    email.trim().nfkc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_key_ignores_case_width_and_spaces() {
        assert_eq!(email_key(" Test@Example.COM "), "test@example.com");
        assert_eq!(email_key("ｔest@example.com"), "test@example.com");
        assert_eq!(email_key("STRASSE@example.com"), "strasse@example.com");
        assert_ne!(email_key("straße@example.com"), email_key("strasse@example.com"));
    }
}
