//! Signing in on another server's word: the app has a login of its own, and hands its users over to this one with
//! a signed assertion. `docs/INTEGRATE.md` shows the other side.
//!
//! An assertion is a JWT (RFC 7519) of one fixed kind, HS256 with a key that both servers have. It is believed for
//! two minutes and once. Checked here and not by a library, since those for JWT bring RSA along, which is open to
//! attack (RUSTSEC-2023-0071), or a C build, for the sake of one HMAC. Knows nothing of HTTP.

use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo, Evidence, LoginSuccess};
use crate::crypto::seal::SecretKey;
use crate::crypto::sha256_hex;
use crate::db::DbError;
use crate::state::AppState;
use crate::throttle::user_limit::Action;
use crate::users::assertions::{self, CLOCK_SKEW};
use crate::users::{self, User};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use shared::{FieldErrors, validation};

/// Whom an assertion must be for.
const AUDIENCE: &str = "cometchat-auth";
/// The longest that an assertion may be good for, in seconds.
const MAX_LIFETIME_SECONDS: i64 = 120;
const MAX_ID_BYTES: usize = 200;
const WRONG_SIGNATURE: &str = "the signature is wrong";

/// What the other server says.
#[derive(Deserialize)]
pub(crate) struct Claims {
    aud: String,
    /// The user's id here and at CometChat.
    pub(crate) sub: String,
    email: String,
    name: String,
    /// Unix seconds.
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// Not valid before this time; without it, valid at any.
    #[serde(default)]
    pub(crate) nbf: i64,
    /// Names this assertion; used once.
    jti: String,
}

#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// Forged, too old, used before or malformed; says which for the log.
    #[error("the assertion is not believed: {0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<DbError> for AssertionError {
    fn from(error: DbError) -> Self {
        AccountError::from(error).into()
    }
}

/// Signs in whom the assertion names; they are made or renamed here and at CometChat as it says.
pub async fn login(
    state: &AppState,
    assertion: &str,
    client: ClientInfo,
) -> Result<LoginSuccess, AssertionError> {
    login::limit_address(state, &client)?;
    let now = state.clock.now();
    let claims = verify_by_any(&state.assertion_keys, assertion, now)?;
    let user = User { id: claims.sub, email: claims.email, name: claims.name.trim().to_owned() };
    let mut tx = state.db.begin().await?;
    if let Some(why) = assertions::find_refusal(&mut tx, &user.id, claims.iat).await? {
        return Err(AssertionError::Invalid(why));
    }
    if !assertions::record_use(&mut tx, &sha256_hex(claims.jti.as_bytes()), claims.exp).await? {
        return Err(AssertionError::Invalid("it was used before"));
    }
    // Not before: an assertion that was stolen after its use must not use up the sign-ins of its user.
    login::limit_user(state, Action::SignIn, &user.id, client.address)?;
    let is_changed = users::upsert(&mut tx, &user, now).await?;
    tx.commit().await?;
    state.audit.assertion_login(&user.id, client.address);
    let evidence = Evidence::Assertion { issued_at: claims.iat };
    let signed_in =
        login::start_session(state, user, evidence, client).await.map_err(|error| match error {
            AccountError::WrongCredentials => AssertionError::Invalid("the user changed while it was used"),
            error => error.into(),
        })?;
    // Whoever was made or renamed is still to be so at CometChat; not before, since the sign-in may just have done it.
    if is_changed {
        state.chat.wake();
    }
    Ok(signed_in)
}

/// [`verify`] by the key that the assertion is signed with, if it is one of these.
fn verify_by_any(keys: &[SecretKey], assertion: &str, now: i64) -> Result<Claims, AssertionError> {
    keys.iter()
        .map(|key| verify(key, assertion, now))
        .find(|verified| !matches!(verified, Err(AssertionError::Invalid(WRONG_SIGNATURE))))
        .unwrap_or(Err(AssertionError::Invalid(WRONG_SIGNATURE)))
}

pub(crate) fn verify(key: &SecretKey, assertion: &str, now: i64) -> Result<Claims, AssertionError> {
    let invalid = AssertionError::Invalid;
    let (signed, signature) = assertion.rsplit_once('.').ok_or(invalid("it is no JWT"))?;
    let (header, claims) = signed.split_once('.').ok_or(invalid("it is no JWT"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("it is no JWT"))?;
    let mac = Hmac::<Sha256>::new_from_slice(key.bytes()).map_err(|_| invalid("the key is of no use"))?;
    mac.chain_update(signed).verify_slice(&signature).map_err(|_| invalid(WRONG_SIGNATURE))?;
    let header: Map<String, Value> = decode(header)?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(invalid("the algorithm is not HS256"));
    }
    // RFC 7515, 4.1.11: it names extensions without which the assertion means something else, and none is known here.
    if header.contains_key("crit") {
        return Err(invalid("it has a critical extension"));
    }
    let claims: Claims = decode(claims)?;
    let mut faults = FieldErrors::new();
    validation::check_email(&claims.email, &mut faults);
    validation::check_name(claims.name.trim(), &mut faults);
    if claims.aud != AUDIENCE {
        Err(invalid("it is for somebody else"))
    } else if claims.exp <= now || claims.iat > now + CLOCK_SKEW {
        Err(invalid("it is too old, or the clocks differ"))
    } else if claims.nbf > now + CLOCK_SKEW {
        Err(invalid("it is not valid yet"))
    } else if claims.exp.saturating_sub(claims.iat) > MAX_LIFETIME_SECONDS {
        Err(invalid("it is good for more than two minutes"))
    } else if !validation::is_uid(&claims.sub) {
        Err(invalid("its subject cannot be a uid"))
    } else if claims.jti.is_empty() || claims.jti.len() > MAX_ID_BYTES {
        Err(invalid("it has no name, or a very long one"))
    } else if !faults.is_empty() {
        Err(invalid("its name or email cannot be one"))
    } else {
        Ok(claims)
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, AssertionError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| AssertionError::Invalid("it is no JWT"))?;
    serde_json::from_slice(&bytes)
        .map_err(|_| AssertionError::Invalid("a claim is missing or of another type"))
}
