//! Validation of user input, the same in the forms and on the server.

use crate::{FieldErrors, visible_text};

/// The maximum length of an email address in bytes: an SMTP path of 256 octets without its two angle
/// brackets (RFC 5321, 4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;

/// The maximum length of a password at login in bytes. It only bounds the cost of hashing: the rules for
/// choosing a password apply when it is set.
pub const MAX_PASSWORD_INPUT_BYTES: usize = 1024;

/// The maximum length of a new password in code points. NIST SP 800-63B-4, 3.1.1.2, requires at least 64.
pub const MAX_NEW_PASSWORD_CHARS: usize = 128;

/// The maximum length of a name in code points, which is CometChat's limit.
pub const MAX_NAME_CHARS: usize = 100;

/// The maximum length of a user id, which is the uid at CometChat: 1 to 100 of `a-z 0-9 - _`.
pub const MAX_UID_CHARS: usize = 100;

/// The maximum size of a request body in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// Returns whether the text is a valid user id. Upper case is rejected, because CometChat converts it to
/// lower case, and two ids would become one.
pub fn is_uid(text: &str) -> bool {
    (1..=MAX_UID_CHARS).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// Adds an error if a trimmed email address is invalid.
pub fn check_email(email: &str, errors: &mut FieldErrors) {
    let message = if email.is_empty() {
        "Enter your email address."
    } else if email.len() > MAX_EMAIL_BYTES {
        "This email address is too long."
    } else if visible_text::has_hidden(email) || email.contains(char::is_whitespace) {
        "This email address contains spaces or invisible characters. Type it without them."
    } else if !is_address_like(email) {
        "Enter an email address like name@example.com."
    } else {
        return;
    };
    errors.insert("email".into(), message.into());
}

/// Adds an error if an existing password cannot be one.
pub fn check_password_input(field: &str, password: &str, errors: &mut FieldErrors) {
    let message = if password.is_empty() {
        "Enter your password."
    } else if password.len() > MAX_PASSWORD_INPUT_BYTES {
        "This password is too long."
    } else if password.contains('\0') {
        "This password contains an invalid character."
    } else {
        return;
    };
    errors.insert(field.into(), message.into());
}

/// Adds an error if a new password is too short or too long. There are no rules about kinds of characters,
/// which make passwords worse (NIST SP 800-63B-4, 3.1.1.2). The server also checks whether the password is
/// easy to guess.
pub fn check_new_password(field: &str, password: &str, min_chars: usize, errors: &mut FieldErrors) {
    let chars = password.chars().count();
    let message = if password.is_empty() {
        "Choose a password.".to_owned()
    } else if chars < min_chars {
        format!(
            "Use at least {min_chars} characters: {} more. A few words are easy to remember.",
            min_chars - chars
        )
    } else if chars > MAX_NEW_PASSWORD_CHARS {
        format!("Use at most {MAX_NEW_PASSWORD_CHARS} characters.")
    } else if password.contains('\0') {
        "This password contains an invalid character.".to_owned()
    } else {
        return;
    };
    errors.insert(field.into(), message);
}

/// Adds an error if a trimmed name is invalid.
pub fn check_name(name: &str, errors: &mut FieldErrors) {
    let message = if name.is_empty() {
        "Enter your name.".to_owned()
    } else if name.chars().count() > MAX_NAME_CHARS {
        format!("Use at most {MAX_NAME_CHARS} characters.")
    } else if visible_text::has_hidden(name) {
        "This name contains invisible characters. Type it without them.".to_owned()
    } else {
        return;
    };
    errors.insert("name".into(), message);
}

/// Returns whether the text has a local part, an `@` and a domain. Only a message can show whether the address
/// exists.
fn is_address_like(email: &str) -> bool {
    email.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}
