//! Email addresses: the key by which they are compared, and the form in which they are shown.

use idna::AsciiDenyList;
use idna::uts46::{Hyphens, Uts46};
use shared::{FieldErrors, visible_text};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// The prefix of a label that encodes letters beyond ASCII (Punycode).
const ACE_PREFIX: &str = "xn--";

/// Returns the key by which email addresses are compared: trimmed, NFKC-normalized and in lower case, the domain in
/// letters, so that one mailbox is one account. Browsers encode a domain that users type in letters. The key is
/// computed here and not in SQL, because the two databases fold case differently.
pub fn email_key(email: &str) -> String {
    let email: String = email.trim().nfkc().collect();
    match email.rsplit_once('@').map(|(local, domain)| (local, domain_in_letters(domain))) {
        Some((local, Some(domain))) => format!("{}@{domain}", local.to_lowercase()),
        // The domain is an IP address in brackets, or invalid.
        _ => email.to_lowercase(),
    }
}

/// Returns the address with its domain in letters: `max@xn--mnchen-3ya.de` becomes `max@münchen.de`. A part that is
/// invalid or would hide characters stays as it is.
pub fn to_shown_form(email: &str) -> String {
    let Some((local, domain)) = email.rsplit_once('@') else { return email.to_owned() };
    let labels: Vec<_> = domain.split('.').map(label_in_letters).collect();
    format!("{local}@{}", labels.join("."))
}

/// Adds an error if the address is valid up to its domain, and that is international and invalid (UTS 46).
pub fn check_domain(email: &str, errors: &mut FieldErrors) {
    let domain: String = email.rsplit_once('@').map_or("", |(_, domain)| domain).nfkc().collect();
    let is_international = !domain.is_ascii() || domain.split('.').any(is_encoded);
    if is_international && domain_in_letters(&domain).is_none() {
        let message = "The domain after the @ is invalid. Enter an email address like name@example.com.";
        errors.entry("email".into()).or_insert_with(|| message.into());
    }
}

/// Returns a domain as UTS 46 normalizes it, or `None` if it is invalid.
fn domain_in_letters(domain: &str) -> Option<Cow<'_, str>> {
    let (domain, result) = Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Allow);
    result.ok().map(|()| domain)
}

fn label_in_letters(label: &str) -> Cow<'_, str> {
    let letters = is_encoded(label).then(|| domain_in_letters(label)).flatten();
    letters.filter(|letters| !visible_text::has_hidden(letters)).unwrap_or(Cow::Borrowed(label))
}

fn is_encoded(label: &str) -> bool {
    label.get(..ACE_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(ACE_PREFIX))
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

    #[test]
    fn email_key_is_the_same_for_all_spellings_of_a_domain() {
        for (key, spellings) in [
            (
                "max@münchen.de",
                &[
                    "max@xn--mnchen-3ya.de",
                    "Max@XN--MNCHEN-3YA.DE",
                    "max@MÜNCHEN.de",
                    "max@mu\u{308}nchen.de",
                    "max@ｍünchen。de",
                    "max＠münchen.de",
                ][..],
            ),
            ("max@straße.de", &["max@xn--strae-oqa.de", "max@STRAẞE.de"]),
            ("max@βόλος.com", &["max@xn--nxasmm1c.com"]),
            ("max@例え.テスト", &["max@xn--r8jz45g.xn--zckzah", "max@xn--r8jz45g．テスト"]),
            ("max@مثال.إختبار", &["max@xn--mgbh0fb.xn--kgbechtv"]),
            ("max@mail_host.example", &["max@MAIL_HOST.example"]),
        ] {
            assert_eq!(email_key(key), key, "the key of a stored row stays");
            for spelling in spellings {
                assert_eq!(email_key(spelling), key, "{spelling}");
            }
        }
        assert_ne!(email_key("max@straße.de"), email_key("max@strasse.de"));
        assert_ne!(email_key("max@xn--mnchen-3ya.de"), email_key("xn--mnchen-3ya@münchen.de"));
    }

    #[test]
    fn email_key_of_invalid_domain_is_in_lower_case() {
        for (email, key) in [
            ("Max@[127.0.0.1]", "max@[127.0.0.1]"),
            ("Max@xn--\u{fc}.de", "max@xn--\u{fc}.de"),
            ("Max@XN--99999999.de", "max@xn--99999999.de"),
            ("Max@", "max@"),
            ("@", "@"),
            ("Max", "max"),
            ("", ""),
        ] {
            assert_eq!(email_key(email), key);
        }
    }

    #[test]
    fn shown_form_has_letters_and_hides_nothing() {
        for (email, shown) in [
            ("Max@XN--mnchen-3ya.DE", "Max@münchen.DE"),
            ("max@mail.xn--mnchen-3ya.de", "max@mail.münchen.de"),
            ("xn--mnchen-3ya@Example.com", "xn--mnchen-3ya@Example.com"),
            ("max@xn--99999999.de", "max@xn--99999999.de"),
            // A soft hyphen, and a zero-width joiner where no script needs it.
            ("max@xn--exmple-cja.de", "max@xn--exmple-cja.de"),
            ("max@xn--ab-m1t.de", "max@xn--ab-m1t.de"),
            ("no address", "no address"),
        ] {
            assert_eq!(to_shown_form(email), shown);
            assert_eq!(email_key(email), email_key(shown));
        }
    }

    #[test]
    fn international_domain_must_be_valid() {
        let is_valid = |email: &str| {
            let mut errors = FieldErrors::new();
            check_domain(email, &mut errors);
            errors.is_empty()
        };
        for email in
            ["max@münchen.de", "max@xn--mnchen-3ya.de", "max@[127.0.0.1]", "max@a_b", "max@localhost"]
        {
            assert!(is_valid(email), "{email}");
        }
        for email in
            ["max@xn--99999999.de", "max@xn--ü.de", "max@mün/chen.de", "max@a.\u{301}b.de", "max@אa.de"]
        {
            assert!(!is_valid(email), "{email}");
        }
    }
}
