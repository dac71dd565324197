//! Names that clearly mean a setting of this server and are none.

/// Names that hardly any other program uses, with the setting. They are errors like misspelt names.
pub(super) const SPECIFIC: [(&str, &str); 9] = [
    ("ASSERTION_SECRET", "ASSERTION_KEY"),
    ("ASSERTION_SIGNING_KEY", "ASSERTION_KEY"),
    ("ASSERTION_JWT_SECRET", "ASSERTION_KEY"),
    ("HANDOVER_SECRET", "ASSERTION_KEY"),
    ("COMETCHAT_REST_API_KEY", "COMETCHAT_API_KEY"),
    ("COMETCHAT_AUTH_KEY", "COMETCHAT_API_KEY"),
    ("COMETCHAT_SECRET", "COMETCHAT_API_KEY"),
    ("COMETCHAT_ID", "COMETCHAT_APP_ID"),
    ("COMETCHAT_APP_REGION", "COMETCHAT_REGION"),
];

/// Names that many programs use, with the setting. The environment may have them for another program, so there is a
/// warning only if they are in `.env`.
pub(super) const GENERAL: [(&str, &str); 27] = [
    ("JWT_SECRET", "ASSERTION_KEY"),
    ("JWT_KEY", "ASSERTION_KEY"),
    ("CORS_ORIGIN", "ALLOWED_ORIGINS"),
    ("CORS_ORIGINS", "ALLOWED_ORIGINS"),
    ("CORS_ALLOWED_ORIGINS", "ALLOWED_ORIGINS"),
    ("DB_URL", "DATABASE_URL"),
    ("DB_URI", "DATABASE_URL"),
    ("DATABASE_DSN", "DATABASE_URL"),
    ("POSTGRES_URL", "DATABASE_URL"),
    ("PORT", "LISTEN"),
    ("BIND", "LISTEN"),
    ("BIND_ADDRESS", "LISTEN"),
    ("LISTEN_ADDRESS", "LISTEN"),
    ("LISTEN_PORT", "LISTEN"),
    ("SERVER_PORT", "LISTEN"),
    ("APP_URL", "PUBLIC_URL"),
    ("BASE_URL", "PUBLIC_URL"),
    ("SERVER_URL", "PUBLIC_URL"),
    ("SITE_URL", "PUBLIC_URL"),
    ("TRUST_PROXY", "TRUSTED_PROXIES"),
    ("APP_SECRET", "SECRET_KEY"),
    ("COOKIE_SECRET", "SECRET_KEY"),
    ("ENCRYPTION_KEY", "SECRET_KEY"),
    ("SESSION_SECRET", "SECRET_KEY"),
    ("ALLOW_REGISTRATION", "REGISTRATION"),
    ("METRICS_PORT", "METRICS_LISTEN"),
    ("LOG_LEVEL", "RUST_LOG"),
];

#[cfg(test)]
mod tests {
    use super::super::settings::settings;
    use super::*;

    #[test]
    fn synonym_names_an_existing_setting() {
        let is_setting = |name: &str| settings().any(|setting| setting.name == name);
        for (synonym, setting) in SPECIFIC.into_iter().chain(GENERAL) {
            assert!(is_setting(setting) && !is_setting(synonym), "{synonym}");
        }
    }
}
