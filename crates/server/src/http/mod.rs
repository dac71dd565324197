//! HTTP: routes, cookies, headers, errors as answers, and the page's files.
//!
//! A request passes, in this order: request id and client address ([`request`]), the limit of its body,
//! the origin check ([`origin`]), its route. A route reads the wire, calls a concern and writes the wire;
//! it knows no SQL and makes no call to CometChat.

mod account;
pub(crate) mod client_ip;
pub mod connection;
pub(crate) mod cookie;
pub(crate) mod user_agent;
mod error;
mod file;
mod headers;
mod health;
mod login;
pub mod metrics;
pub(crate) mod object;
pub mod openapi;
mod origin;
mod overload;
mod pages;
mod request;
mod session;
mod timeout_stream;

use crate::app::AppState;
use crate::clock::Clock;
use crate::config::Config;
use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, Error, HttpResponse, Resource, Route, web};
use error::HttpError;
use shared::{ClientConfig, validation, routes};
use std::sync::Arc;

/// What the routes need to know of the settings.
pub struct HttpState {
    /// What every path begins with: empty, or like `/chat`.
    pub base: String,
    pub client_config: ClientConfig,
    pub registration_is_open: bool,
    pub cookies: cookie::CookiePolicy,
    pub origins: origin::OriginPolicy,
    pub proxies: client_ip::Proxies,
    pub headers: headers::HeaderPolicy,
    pub pages: pages::StaticFiles,
    pub requests: request::RequestMetrics,
    pub refusals: overload::RejectionLimiter,
}

impl HttpState {
    pub fn new(config: &Config, clock: Clock) -> Self {
        let pages = pages::StaticFiles::load(config.base_path(), config.registration_is_open);
        let emulator = config.cometchat.emulator.as_ref();
        Self {
            base: config.base_path().to_owned(),
            client_config: ClientConfig {
                app_id: config.cometchat.endpoint.app_id.clone(),
                region: config.cometchat.region.clone(),
                password_min_length: config.core.password_min_length,
                emulator_url: emulator.map(|url| url.origin().ascii_serialization()),
            },
            registration_is_open: config.registration_is_open,
            cookies: cookie::CookiePolicy::new(&config.public_url, config.lifetime),
            origins: origin::OriginPolicy::new(&config.public_url, &config.allowed_origins),
            proxies: client_ip::Proxies(config.trusted_proxies.clone()),
            headers: headers::HeaderPolicy::new(config, &pages.inline),
            pages,
            requests: request::RequestMetrics::default(),
            refusals: overload::RejectionLimiter::new(clock),
        }
    }

    /// This path without the part that every path here begins with.
    pub fn own_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.base).unwrap_or(path)
    }
}

/// The HTTP application; made once for each worker.
pub fn app(
    services: Arc<AppState>,
    site: Arc<HttpState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let has_other_origins = !site.origins.allowed.is_empty();
    let cors = Condition::new(has_other_origins, cors(&site));
    let base = site.base.clone();
    App::new()
        .app_data(web::Data::from(services))
        .app_data(web::Data::from(site))
        .app_data(web::JsonConfig::default().limit(validation::BODY_MAX_BYTES).error_handler(error::bad_json))
        .app_data(web::PayloadConfig::new(validation::BODY_MAX_BYTES))
        // Of the process, and so where whoever watches it expects them, whatever the base.
        .service(at(routes::HEALTHZ, [(Method::GET, web::to(health::alive))]))
        .service(at(routes::READYZ, [(Method::GET, web::to(health::ready))]))
        .service(web::scope(&base).configure(routes))
        .default_service(web::to(pages::not_found))
        // The last one wrapped is the first one passed.
        .wrap(from_fn(origin::check))
        .wrap(cors)
        .wrap(from_fn(request::trace))
}

fn routes(app: &mut web::ServiceConfig) {
    use Method as M;
    app.service(at(routes::LOGIN, [(M::POST, web::to(login::login))]))
        .service(at(routes::REGISTER, [(M::POST, web::to(login::register))]))
        .service(at(routes::HANDOVER, [(M::POST, web::to(login::login_with_assertion))]))
        .service(at(routes::LOGOUT, [(M::POST, web::to(session::logout))]))
        .service(at(routes::SESSION, [(M::GET, web::to(session::show))]))
        .service(at(routes::CHAT_TOKEN, [(M::POST, web::to(session::chat_token))]))
        .service(at(
            routes::SESSIONS,
            [(M::GET, web::to(account::sessions)), (M::DELETE, web::to(account::end_other_sessions))],
        ))
        .service(at(&format!("{}/{{id}}", routes::SESSIONS), [(M::DELETE, web::to(account::end_session))]))
        .service(at(
            routes::ACCOUNT,
            [(M::PUT, web::to(account::rename)), (M::DELETE, web::to(account::delete))],
        ))
        .service(at(routes::PASSWORD, [(M::PUT, web::to(account::change_password))]))
        .service(at(routes::CONFIG, [(M::GET, web::to(client_config))]))
        .service(at(routes::OPENAPI, [(M::GET, web::to(openapi::json))]))
        .service(at(routes::API_DOCS, [(M::GET, web::to(openapi::page))]))
        .default_service(web::to(pages::page));
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

async fn client_config(site: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().json(&site.client_config)
}

/// Pages of the allowed origins may call the API and send cookies along; no other origin may.
fn cors(site: &HttpState) -> Cors {
    site.origins
        .allowed
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(["GET", "POST", "PUT", "DELETE"])
        .allowed_headers([header::CONTENT_TYPE])
        .expose_headers([request::ID_HEADER, "retry-after"])
        .supports_credentials()
        // Who may do what is the origin check's to say, in our own words.
        .block_on_origin_mismatch(false)
        .max_age(600)
}
