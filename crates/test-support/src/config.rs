//! The configuration of a server in the test's own process.

use clap::ArgMatches;
use cometchat_auth::config::{Config, Sources, ValueSource};
use cometchat_auth::passwords;

/// The `SECRET_KEY` of the tests' servers, with which they seal chat tokens: 32 bytes of 7.
pub const SECRET_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The settings of every test's server: a free port, no limits on logins, and the emulator's own limit of calls.
pub(crate) const DEFAULTS: [(&str, &str); 4] = [
    ("LISTEN", "127.0.0.1:0"),
    ("LOGIN_ATTEMPTS_PER_MINUTE", "0"),
    ("ACTIONS_PER_USER", "0"),
    ("COMETCHAT_CALLS_PER_MINUTE", "10000"),
];

/// Returns the configuration with these settings, [`SECRET_KEY`], and a cheap password hash.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let own = [("SECRET_KEY", SECRET_KEY), ("PASSWORD_HASH_THREADS", "1")];
    let values = DEFAULTS.iter().chain(&own).chain(settings);
    let values = values.map(|(name, value)| ((*name).into(), (*value).into(), ValueSource::Environment));
    let mut config = Config::read(&Sources::new(&ArgMatches::default(), values)).unwrap();
    // Less than the settings allow: no test depends on the cost.
    config.core.argon2 = passwords::params(64, 1).unwrap();
    config
}
