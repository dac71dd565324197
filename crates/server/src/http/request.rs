//! What every request passes first: its id, its client's address, its line in the log, and the headers
//! and the body of its answer.

use super::Site;
use super::failure::Failure;
use crate::app::Services;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use shared::routes;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use tracing::Instrument as _;

pub const ID_HEADER: &str = "x-request-id";

/// What is known of a request before its route.
#[derive(Clone)]
pub struct Info {
    pub id: String,
    /// The client's, as far as it can be believed; see [`super::address`].
    pub address: IpAddr,
}

impl Info {
    pub fn of(request: &HttpRequest) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self { id: String::new(), address: Ipv4Addr::UNSPECIFIED.into() })
    }
}

pub async fn trace<B: MessageBody + 'static>(
    site: web::Data<Site>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let info = Info {
        id: uuid::Uuid::now_v7().simple().to_string(),
        address: site.proxies.client_of(request.peer_addr().map(|peer| peer.ip()), request.headers()),
    };
    let method = request.method().clone();
    let path = request.path().to_owned();
    request.extensions_mut().insert(info.clone());

    let span = tracing::info_span!("request", id = info.id);
    let answered = next.call(request).instrument(span.clone()).await?;
    let _entered = span.enter();

    let mut answer = match answered.response().error().and_then(Error::as_error::<Failure>) {
        Some(failure) => {
            log_cause(failure);
            let body = failure.answer(&info.id);
            let (request, old) = answered.into_parts();
            let mut answer = ServiceResponse::new(request, body);
            // What other middleware has said, CORS above all, holds for failures as well.
            for (name, value) in old.headers() {
                if !answer.headers().contains_key(name) {
                    answer.headers_mut().append(name.clone(), value.clone());
                }
            }
            answer
        }
        None => answered.map_into_boxed_body(),
    };
    if let Ok(id) = HeaderValue::from_str(&info.id) {
        answer.headers_mut().insert(HeaderName::from_static(ID_HEADER), id);
    }
    site.headers.add_to(&path, answer.headers_mut());

    let (status, millis) = (answer.status().as_u16(), started.elapsed().as_millis());
    if [routes::HEALTHZ, routes::READYZ].contains(&path.as_str()) {
        tracing::debug!(%method, path, status, millis, address = %info.address, "answered");
    } else {
        tracing::info!(%method, path, status, millis, address = %info.address, "answered");
    }
    Ok(answer)
}

fn log_cause(failure: &Failure) {
    match failure {
        Failure::Internal(cause) => tracing::error!(cause, "internal error"),
        Failure::Overloaded(cause) => tracing::warn!(cause, "overloaded"),
        failure => tracing::debug!(%failure, "refused"),
    }
}

/// Does a route's work to its end on the shared runtime; see [`Services::complete`].
pub async fn complete<T, E, F>(
    services: web::Data<Services>,
    work: impl FnOnce(std::sync::Arc<Services>) -> F,
) -> Result<T, Failure>
where
    T: Send + 'static,
    E: Send + 'static,
    Failure: From<E>,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    Ok(services.into_inner().complete(work).await??)
}
