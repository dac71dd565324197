//! Extracts the active session of a request.

use crate::http::error::HttpError;
use crate::http::state::HttpState;
use crate::sessions::{self, Session};
use crate::state::AppState;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

/// The active session of the request. Without one the request fails with `not_signed_in`.
///
/// Actix polls extractors concurrently: if the body is invalid as well, either error can win. Handlers validate
/// the fields of the body only after both were extracted.
pub struct CurrentSession(pub Session);

impl FromRequest for CurrentSession {
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>().cloned();
        let http_state = request.app_data::<web::Data<HttpState>>();
        let token = http_state.and_then(|http_state| http_state.cookies.token_of(request));
        Box::pin(async move {
            let (Some(state), Some(token)) = (state, token) else { return Err(HttpError::NotSignedIn) };
            let session = state.run_to_completion(async move |state| {
                sessions::find_active(&state.db, &token, state.session_lifetime, state.clock.now()).await
            });
            session.await??.map(Self).ok_or(HttpError::NotSignedIn)
        })
    }
}
