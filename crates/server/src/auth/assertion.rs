//! Login by signed assertion (RFC 7523): an app with its own login vouches for its users. `docs/INTEGRATE.md` shows the
//! app's side.
//!
//! An assertion is a JWT (RFC 7519) with HS256 and a key that both servers share. It is valid for two minutes and once.
//! It is verified here and not by a library, because the JWT libraries bring RSA (RUSTSEC-2023-0071) or a C build for
//! the sake of one HMAC.

use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo, Evidence, LoginSuccess};
use crate::crypto::seal::SecretKey;
use crate::crypto::sha256_hex;
use crate::db::DbError;
use crate::state::AppState;
use crate::throttle::user_limit::Action;
use crate::users::assertions::{self, CLOCK_SKEW_SECONDS};
use crate::users::{self, User, email, name};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use sha2::Sha256;
use shared::{FieldErrors, validation};

/// The required `aud` claim.
const AUDIENCE: &str = "cometchat-auth";
/// Longest time between `iat` and `exp`, in seconds.
const MAX_LIFETIME_SECONDS: i64 = 120;
/// Longest `jti` claim.
const MAX_ID_BYTES: usize = 200;
const WRONG_SIGNATURE: &str = "the signature is wrong";

/// The claims of an assertion.
#[derive(Deserialize)]
pub struct Claims {
    aud: Audience,
    /// The user's id here and at CometChat.
    pub sub: String,
    email: String,
    name: String,
    /// Times in Unix seconds. Fractions are rounded so that the assertion is valid for no longer than it says.
    #[serde(deserialize_with = "rounded_down")]
    pub iat: i64,
    #[serde(deserialize_with = "rounded_down")]
    pub exp: i64,
    /// Not valid before this time, if given.
    #[serde(default, deserialize_with = "rounded_up")]
    pub nbf: i64,
    /// The assertion's id, which can be used once.
    jti: String,
}

/// The services that an assertion is for. Libraries for Go and Java write a list even of one (RFC 7519, 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, service: &str) -> bool {
        match self {
            Self::One(audience) => audience == service,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == service),
        }
    }
}

fn rounded_down<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    numeric_date(deserializer, f64::floor)
}

fn rounded_up<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    numeric_date(deserializer, f64::ceil)
}

/// Deserializes a time as RFC 7519, 2, defines it: a JSON number, which may have a fraction or an exponent.
fn numeric_date<'de, D: Deserializer<'de>>(
    deserializer: D,
    round: impl Fn(f64) -> f64,
) -> Result<i64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    // The conversion saturates: a time beyond all limits stays beyond them.
    let rounded = || number.as_f64().map(|number| round(number) as i64);
    number.as_i64().or_else(rounded).ok_or_else(|| D::Error::custom("not a time"))
}

#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// Forged, expired, used before or malformed. The cause is for the log.
    #[error("invalid assertion: {0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<DbError> for AssertionError {
    fn from(error: DbError) -> Self {
        AccountError::from(error).into()
    }
}

/// Logs in the user of the assertion. Creates or renames the user as it says.
pub async fn login(
    state: &AppState,
    assertion: &str,
    client: ClientInfo,
) -> Result<LoginSuccess, AssertionError> {
    login::limit_address(state, &client)?;
    let now = state.clock.now();
    let claims = verify_by_any(&state.assertion_keys, assertion, now)?;
    let user = User {
        id: claims.sub,
        email: email::to_shown_form(&claims.email),
        name: claims.name.trim().to_owned(),
    };
    let mut tx = state.db.begin().await?;
    if let Some(reason) = assertions::find_rejection(&mut tx, &user.id, claims.iat).await? {
        return Err(AssertionError::Invalid(reason));
    }
    if !assertions::record_use(&mut tx, &sha256_hex(claims.jti.as_bytes()), claims.exp).await? {
        return Err(AssertionError::Invalid("it was used before"));
    }
    // After the use is recorded: a stolen assertion that was used must not use up the user's logins.
    login::limit_user(state, Action::Login, &user.id, client.address)?;
    let is_changed = users::upsert(&mut tx, &user, now).await.map_err(AccountError::from)?;
    tx.commit().await?;
    state.audit.assertion_login(&user.id, client.address);
    let evidence = Evidence::Assertion { issued_at: claims.iat };
    let success = login::start_session(state, user, evidence, client).await.map_err(|error| match error {
        AccountError::WrongCredentials => AssertionError::Invalid("the user changed while it was used"),
        error => error.into(),
    })?;
    // After the login, which may have created the user at CometChat already.
    if is_changed {
        state.chat.wake();
    }
    Ok(success)
}

/// Verifies an assertion with the key that signed it, if it is one of these.
fn verify_by_any(keys: &[SecretKey], assertion: &str, now: i64) -> Result<Claims, AssertionError> {
    keys.iter()
        .map(|key| verify(key, assertion, now))
        .find(|verified| !matches!(verified, Err(AssertionError::Invalid(WRONG_SIGNATURE))))
        .unwrap_or(Err(AssertionError::Invalid(WRONG_SIGNATURE)))
}

/// Verifies the signature and the claims of an assertion.
pub fn verify(key: &SecretKey, assertion: &str, now: i64) -> Result<Claims, AssertionError> {
    let invalid = AssertionError::Invalid;
    let (signed, signature) = assertion.rsplit_once('.').ok_or(invalid("it is not a JWT"))?;
    let (header, claims) = signed.split_once('.').ok_or(invalid("it is not a JWT"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("it is not a JWT"))?;
    let mac = Hmac::<Sha256>::new_from_slice(key.bytes()).map_err(|_| invalid("the key is unusable"))?;
    mac.chain_update(signed).verify_slice(&signature).map_err(|_| invalid(WRONG_SIGNATURE))?;
    let header: Map<String, Value> = decode(header)?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(invalid("the algorithm is not HS256"));
    }
    // RFC 7515, 4.1.11: a JWT with an extension that the server does not implement must be rejected.
    if header.contains_key("crit") {
        return Err(invalid("it has a critical extension"));
    }
    let claims: Claims = decode(claims)?;
    let mut errors = FieldErrors::new();
    validation::check_email(&claims.email, &mut errors);
    email::check_domain(&claims.email, &mut errors);
    validation::check_name(claims.name.trim(), &mut errors);
    name::check_is_visible(claims.name.trim(), &mut errors);
    if !claims.aud.contains(AUDIENCE) {
        Err(invalid("its audience is another service"))
    } else if claims.exp <= now || claims.iat > now + CLOCK_SKEW_SECONDS {
        Err(invalid("it has expired, or the clocks differ"))
    } else if claims.nbf > now + CLOCK_SKEW_SECONDS {
        Err(invalid("it is not valid yet"))
    } else if claims.exp.saturating_sub(claims.iat) > MAX_LIFETIME_SECONDS {
        Err(invalid("it is valid for more than two minutes"))
    } else if !validation::is_uid(&claims.sub) {
        Err(invalid("its subject is not a valid uid"))
    } else if claims.jti.is_empty() || claims.jti.len() > MAX_ID_BYTES {
        Err(invalid("its id is missing or too long"))
    } else if !errors.is_empty() {
        Err(invalid("its name or email is not valid"))
    } else {
        Ok(claims)
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, AssertionError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| AssertionError::Invalid("it is not a JWT"))?;
    // serde would also read the claims from an array.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(AssertionError::Invalid("its header or claims are not a JSON object"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|_| AssertionError::Invalid("a claim is missing or has the wrong type"))
}
