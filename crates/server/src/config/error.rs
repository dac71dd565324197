//! The errors of an invalid configuration.

use std::fmt;

/// All errors in the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "invalid configuration:")?;
        for error in &self.0 {
            writeln!(f, "  {error}")?;
        }
        f.write_str("See `cometchat-auth serve --help` for all settings.")
    }
}

impl std::error::Error for ConfigErrors {}
