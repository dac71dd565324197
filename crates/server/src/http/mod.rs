//! HTTP: routes, cookies, headers, errors as answers, and the page's files.
//!
//! A request passes, in this order: request id and client address ([`request`]), the limit of its body,
//! the origin check ([`origin`]), its route. A route reads the wire, calls a concern and writes the wire;
//! it knows no SQL and makes no call to CometChat.

pub(crate) mod client_ip;
pub(crate) mod cookie;
mod error;
pub(crate) mod extract;
pub(crate) mod middleware;
pub mod routes;
pub mod server;
pub mod state;
mod static_files;
mod timeout_stream;
pub(crate) mod user_agent;

use crate::state::AppState;
use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, Error, HttpResponse, Resource, Route, web};
use error::HttpError;
use middleware::{origin, request_context};
use routes::{account, health, login, openapi, session};
use shared::{routes as paths, validation};
use state::HttpState;
use std::sync::Arc;

/// The HTTP application; made once for each worker.
pub fn app(
    state: Arc<AppState>,
    http_state: Arc<HttpState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let has_other_origins = !http_state.origins.allowed.is_empty();
    let cors = Condition::new(has_other_origins, cors(&http_state));
    let base = http_state.base.clone();
    App::new()
        .app_data(web::Data::from(state))
        .app_data(web::Data::from(http_state))
        .app_data(web::JsonConfig::default().limit(validation::MAX_BODY_BYTES).error_handler(error::bad_json))
        .app_data(web::PayloadConfig::new(validation::MAX_BODY_BYTES))
        // Of the process, and so where whoever watches it expects them, whatever the base.
        .service(at(paths::HEALTHZ, [(Method::GET, web::to(health::alive))]))
        .service(at(paths::READYZ, [(Method::GET, web::to(health::ready))]))
        .service(web::scope(&base).configure(configure_routes))
        .default_service(web::to(static_files::not_found))
        // The last one wrapped is the first one passed.
        .wrap(from_fn(origin::check))
        .wrap(cors)
        .wrap(from_fn(request_context::trace))
}

fn configure_routes(app: &mut web::ServiceConfig) {
    use Method as M;
    app.service(at(paths::LOGIN, [(M::POST, web::to(login::login))]))
        .service(at(paths::REGISTER, [(M::POST, web::to(login::register))]))
        .service(at(paths::LOGIN_ASSERTION, [(M::POST, web::to(login::login_with_assertion))]))
        .service(at(paths::LOGOUT, [(M::POST, web::to(session::logout))]))
        .service(at(paths::SESSION, [(M::GET, web::to(session::show))]))
        .service(at(paths::CHAT_TOKEN, [(M::POST, web::to(session::chat_token))]))
        .service(at(
            paths::SESSIONS,
            [(M::GET, web::to(account::sessions)), (M::DELETE, web::to(account::end_other_sessions))],
        ))
        .service(at(&format!("{}/{{id}}", paths::SESSIONS), [(M::DELETE, web::to(account::end_session))]))
        .service(at(
            paths::ACCOUNT,
            [(M::PUT, web::to(account::rename)), (M::DELETE, web::to(account::delete))],
        ))
        .service(at(paths::PASSWORD, [(M::PUT, web::to(account::change_password))]))
        .service(at(paths::CONFIG, [(M::GET, web::to(client_config))]))
        .service(at(paths::OPENAPI, [(M::GET, web::to(openapi::json))]))
        .service(at(paths::API_DOCS, [(M::GET, web::to(openapi::page))]))
        .default_service(web::to(static_files::page));
}

/// What is at a path, by method; every other method is refused with the list of these.
fn at<const N: usize>(path: &str, methods: [(Method, Route); N]) -> Resource {
    let allow = methods.each_ref().map(|(method, _)| method.as_str()).join(", ");
    let refuse = web::to(move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(HttpError::MethodNotAllowed { allow }) }
    });
    methods
        .into_iter()
        .fold(web::resource(path), |resource, (method, route)| resource.route(route.method(method)))
        .default_service(refuse)
}

async fn client_config(http_state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().json(&http_state.client_config)
}

/// Pages of the allowed origins may call the API and send cookies along; no other origin may.
fn cors(http_state: &HttpState) -> Cors {
    http_state
        .origins
        .allowed
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(["GET", "POST", "PUT", "DELETE"])
        .allowed_headers([header::CONTENT_TYPE])
        .expose_headers([request_context::ID_HEADER, "retry-after"])
        .supports_credentials()
        // Who may do what is the origin check's to say, in our own words.
        .block_on_origin_mismatch(false)
        .max_age(600)
}
