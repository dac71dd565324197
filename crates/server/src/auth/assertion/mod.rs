//! Login by signed assertion (RFC 7523): an app with its own login vouches for its users. `docs/INTEGRATE.md` shows the
//! app's side.
//!
//! An assertion is a JWT (RFC 7519) with HS256 and a key that both servers share. It is valid for two minutes and once.
//! It is verified here and not by a library, because the JWT libraries bring RSA (RUSTSEC-2023-0071) or a C build for
//! the sake of one HMAC.

mod claims;
mod rejection;

pub use claims::{CHECKS, Claims, Signed, verify};
pub use rejection::Rejection;

use crate::auth::AccountError;
use crate::auth::login::{self, ClientInfo, Evidence, LoginSuccess};
use crate::crypto::sha256_hex;
use crate::db::DbError;
use crate::state::AppState;
use crate::throttle::user_limit::Action;
use crate::users::assertions::{self, Refusal};
use crate::users::{self, User, UserError, email};

#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// Forged, expired, used before or malformed.
    #[error("invalid assertion: {0}")]
    Invalid(#[from] Rejection),
    /// Another user has the email address.
    #[error("the email address of the user {user} is that of the user {owner}")]
    EmailTaken { user: String, owner: String },
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
    let claims = verify(&state.assertion_keys, assertion, now)?;
    let user = User {
        id: claims.sub,
        email: email::to_shown_form(&claims.email),
        name: claims.name.trim().to_owned(),
    };
    let mut tx = state.db.begin().await?;
    if let Some(refusal) = assertions::find_refusal(&mut tx, &user.id, claims.iat).await? {
        return Err(rejection_of(refusal, &user.id).into());
    }
    if !assertions::record_use(&mut tx, &sha256_hex(claims.jti.as_bytes()), claims.exp).await? {
        return Err(Rejection::Used.into());
    }
    // After the use is recorded: a stolen assertion that was used must not use up the user's logins.
    login::limit_user(state, Action::Login, &user.id, client.address)?;
    let is_changed = match users::upsert(&mut tx, &user, now).await {
        Ok(is_changed) => is_changed,
        Err(UserError::EmailTaken) => {
            // Before the query, which may need the connection.
            drop(tx);
            let owner = users::find_by_email(&state.db, &user.email).await?;
            let owner = owner.map(|owner| owner.user.id).unwrap_or_default();
            return Err(AssertionError::EmailTaken { user: user.id, owner });
        }
        Err(error) => return Err(AccountError::from(error).into()),
    };
    tx.commit().await?;
    state.audit.assertion_login(&user.id, client.address);
    let evidence = Evidence::Assertion { issued_at: claims.iat };
    let success = login::start_session(state, user, evidence, client).await.map_err(|error| match error {
        AccountError::WrongCredentials => AssertionError::Invalid(Rejection::UserChanged),
        error => error.into(),
    })?;
    // After the login, which may have created the user at CometChat already.
    if is_changed {
        state.chat.wake();
    }
    Ok(success)
}

/// Returns the cause for the operator.
pub fn rejection_of(refusal: Refusal, user_id: &str) -> Rejection {
    match refusal {
        Refusal::NotLinked => Rejection::NotLinked(user_id.to_owned()),
        Refusal::BeforeCutoff => Rejection::BeforeCutoff(user_id.to_owned()),
    }
}
