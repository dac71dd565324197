//! The reason why a password hash cannot be verified.

/// The reason why a hash cannot be verified. The message does not quote the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashFormatError {
    #[error(
        "not an argon2, bcrypt, scrypt or pbkdf2 hash in a known format; leave it empty for a user without a password"
    )]
    Unknown,
    /// The scheme or variant is known, and not supported.
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("damaged hash: {0}")]
    Malformed(&'static str),
    #[error("its cost exceeds the maximum, see `cometchat-auth user import --help`")]
    TooExpensive,
}
