//! The rules for the fields of a user that an operator adds or renames.

use crate::users::{User, email, name};
use shared::{FieldErrors, validation};

/// Returns the errors in a user's fields, each with the name of the field.
pub fn check(user: &User) -> Vec<String> {
    let mut errors = FieldErrors::new();
    validation::check_email(&user.email, &mut errors);
    email::check_domain(&user.email, &mut errors);
    check_name(&user.name, &mut errors);
    if !validation::is_uid(&user.id) {
        errors.insert("id".into(), "must be 1 to 100 characters of a-z 0-9 - _".into());
    }
    errors.into_iter().map(|(field, error)| format!("{field}: {error}")).collect()
}

pub fn check_name(name: &str, errors: &mut FieldErrors) {
    validation::check_name(name, errors);
    name::check_is_visible(name, errors);
}
