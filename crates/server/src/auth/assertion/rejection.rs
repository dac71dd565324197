//! The causes of a rejected assertion, and the limits that they name.

use crate::users::assertions::CLOCK_SKEW_SECONDS;
use shared::validation::MAX_UID_CHARS;

/// The required `aud` claim.
pub const AUDIENCE: &str = "cometchat-auth";
/// Longest time between `iat` and `exp`, in seconds.
pub const MAX_LIFETIME_SECONDS: i64 = 120;
/// Longest `jti` claim.
pub const MAX_ID_BYTES: usize = 200;

/// The cause of a rejected assertion, for the operator: in the log and in `check --assertion`. Clients do not get it. It
/// contains neither the assertion nor keys, email addresses and names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("it is not a JWT: three parts in base64url, separated by dots")]
    NotJwt,
    #[error("its header or claims are not a JSON object, or have a name twice")]
    NotObject,
    #[error("its algorithm (alg in the header) is {0}, and must be HS256")]
    Algorithm(String),
    #[error("it has a critical extension (crit in the header)")]
    CriticalExtension,
    #[error("it is signed with another key than ASSERTION_KEY")]
    OtherKey,
    #[error(
        "it is signed with the base64 text of ASSERTION_KEY; decode the key before signing: Buffer.from(key, \"base64\")"
    )]
    KeyNotDecoded,
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    #[error("the claim {name} is {actual}, and must be {expected}")]
    ClaimType { name: &'static str, actual: &'static str, expected: &'static str },
    #[error("the claim sub is a number, and must be a text: String(user.id)")]
    NumericSubject,
    #[error("the claim {0} is in milliseconds, and must be in seconds: Math.floor(Date.now() / 1000)")]
    Milliseconds(&'static str),
    #[error("its audience is another service; aud must be {AUDIENCE}")]
    OtherAudience,
    #[error(
        "it expired {seconds} seconds ago by this server's clock: it was used too late, or the clock of the app's server \
         is behind"
    )]
    Expired { seconds: i64 },
    #[error(
        "it was issued {seconds} seconds in the future by this server's clock, and at most {CLOCK_SKEW_SECONDS} are \
         allowed: the clock of the app's server is ahead"
    )]
    IssuedInFuture { seconds: i64 },
    #[error("it is not valid for another {seconds} seconds (nbf)")]
    NotYetValid { seconds: i64 },
    #[error(
        "it is valid for {seconds} seconds (from iat to exp), and at most {MAX_LIFETIME_SECONDS} are allowed"
    )]
    LongLived { seconds: i64 },
    #[error("its sub is empty, and must be the user's id")]
    EmptySubject,
    #[error("its sub has {0} characters, and at most {MAX_UID_CHARS} are allowed")]
    LongSubject(usize),
    #[error("its sub has the character {0:?}; allowed are a-z 0-9 - _")]
    SubjectCharacter(char),
    #[error("its jti is empty, or longer than {MAX_ID_BYTES} bytes")]
    Id,
    /// Contains the sentences of the validation.
    #[error("its email or name is not valid: {0}")]
    Profile(String),
    #[error("the user {0} has a password here and is not linked: cometchat-auth user link {0}")]
    NotLinked(String),
    #[error("it predates the deletion of the user {0} or the end of all their sessions")]
    BeforeCutoff(String),
    #[error("it was used before (jti)")]
    Used,
    #[error("the user changed while it was used")]
    UserChanged,
}
