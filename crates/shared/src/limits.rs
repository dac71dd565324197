//! Limits on what a person may type, the same in the form and at the server.

use crate::{Fields, visible_text};

/// Bytes of an e-mail address: 256 octets of an SMTP path less its two angle brackets
/// (RFC 5321, 4.5.3.1.3).
pub const EMAIL_MAX_BYTES: usize = 254;

/// Bytes of a password at sign-in. Not a rule for choosing one (that applies when it is set, never
/// here), only a bound on what is hashed.
pub const PASSWORD_INPUT_MAX_BYTES: usize = 1024;

/// Code points of a new password, at most. NIST SP 800-63B-4, 3.1.1.2, asks for at least 64.
pub const NEW_PASSWORD_MAX_CHARS: usize = 128;

/// Code points of a display name (CometChat's own limit for a user's name).
pub const NAME_MAX_CHARS: usize = 100;

/// Characters of a user id, which is CometChat's uid: 1 to 100 of `a-z 0-9 - _`.
pub const UID_MAX_CHARS: usize = 100;

/// Bytes of a request's body.
pub const BODY_MAX_BYTES: usize = 16 * 1024;

/// Whether `text` may be a user id. Upper case is refused rather than folded, because CometChat folds
/// it silently and two ids would become one.
pub fn is_uid(text: &str) -> bool {
    (1..=UID_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// Notes what is wrong with an e-mail address as typed at sign-in, white space at its ends removed.
pub fn check_email(email: &str, faults: &mut Fields) {
    let fault = if email.is_empty() {
        "Enter your email address."
    } else if email.len() > EMAIL_MAX_BYTES {
        "This is too long for an email address."
    } else if visible_text::has_hidden(email) || !is_address_like(email) {
        "This is not an email address: it should look like name@example.com."
    } else {
        return;
    };
    faults.insert("email".into(), fault.into());
}

/// Notes what is wrong with a password as typed to prove who one is.
pub fn check_password_input(field: &str, password: &str, faults: &mut Fields) {
    let fault = if password.is_empty() {
        "Enter your password."
    } else if password.len() > PASSWORD_INPUT_MAX_BYTES {
        "This password is too long."
    } else if password.contains('\0') {
        "This password has a character that no keyboard types."
    } else {
        return;
    };
    faults.insert(field.into(), fault.into());
}

/// Notes what is wrong with a password that somebody chooses. Length alone: rules about kinds of
/// characters make passwords worse (NIST SP 800-63B-4, 3.1.1.2), and whether it can be guessed is the
/// server's to say.
pub fn check_new_password(field: &str, password: &str, min_chars: usize, faults: &mut Fields) {
    let chars = password.chars().count();
    let fault = if password.is_empty() {
        "Choose a password.".to_owned()
    } else if chars < min_chars {
        format!(
            "Use at least {min_chars} characters: {} more. A few words are easy to remember.",
            min_chars - chars
        )
    } else if chars > NEW_PASSWORD_MAX_CHARS {
        format!("Use at most {NEW_PASSWORD_MAX_CHARS} characters.")
    } else if password.contains('\0') {
        "This password has a character that no keyboard types.".to_owned()
    } else {
        return;
    };
    faults.insert(field.into(), fault);
}

/// Notes what is wrong with the name that others see, white space at its ends removed.
pub fn check_name(name: &str, faults: &mut Fields) {
    let fault = if name.is_empty() {
        "Enter your name.".to_owned()
    } else if name.chars().count() > NAME_MAX_CHARS {
        format!("Use at most {NAME_MAX_CHARS} characters.")
    } else if visible_text::has_hidden(name) {
        "This name contains characters that cannot be seen. Type it without them.".to_owned()
    } else {
        return;
    };
    faults.insert("name".into(), fault);
}

/// Something before one `@` and something after it, without white space: what a person can have
/// mistyped. Whether the address exists only a message to it can tell.
fn is_address_like(email: &str) -> bool {
    match email.rsplit_once('@') {
        Some((local, domain)) => {
            !local.is_empty() && !domain.is_empty() && !email.chars().any(char::is_whitespace)
        }
        None => false,
    }
}
