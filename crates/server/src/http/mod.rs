//! HTTP: routes, cookies, headers, errors as answers, and the page's files.
//!
//! A request passes, in this order: request id and client address ([`request`]), the limit of its body,
//! the origin check ([`origin`]), its route. A route reads the wire, calls a concern and writes the wire;
//! it knows no SQL and makes no call to CometChat.

mod account;
mod address;
mod cookie;
mod device;
mod failure;
mod headers;
mod health;
mod login;
pub mod metrics;
mod origin;
mod pages;
mod request;
mod session;

use crate::app::Services;
use crate::config::Config;
use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, Error, HttpResponse, Resource, web};
use failure::Failure;
use shared::{ClientConfig, limits, routes};
use std::sync::Arc;

/// What the routes need to know of the settings.
pub struct Site {
    /// What every path begins with: empty, or like `/chat`.
    pub base: String,
    pub client_config: ClientConfig,
    pub cookies: cookie::Policy,
    pub origins: origin::Policy,
    pub proxies: address::Proxies,
    pub headers: headers::Policy,
    pub pages: pages::Pages,
    pub requests: request::Requests,
}

impl Site {
    pub fn new(config: &Config) -> Self {
        let pages = pages::Pages::load(config.base_path());
        let emulator = config.cometchat.emulator.as_ref();
        Self {
            base: config.base_path().to_owned(),
            client_config: ClientConfig {
                app_id: config.cometchat.endpoint.app_id.clone(),
                region: config.cometchat.region.clone(),
                password_min_length: config.store.password_min_length,
                emulator_url: emulator.map(|url| url.origin().ascii_serialization()),
            },
            cookies: cookie::Policy::new(&config.public_url, config.lifetime),
            origins: origin::Policy::new(&config.public_url, &config.allowed_origins),
            proxies: address::Proxies(config.trusted_proxies.clone()),
            headers: headers::Policy::new(config, &pages.inline_scripts),
            pages,
            requests: request::Requests::default(),
        }
    }

    /// This path without the part that every path here begins with.
    pub fn own_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.base).unwrap_or(path)
    }
}

/// The HTTP application; made once for each worker.
pub fn app(
    services: Arc<Services>,
    site: Arc<Site>,
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
        .app_data(web::JsonConfig::default().limit(limits::BODY_MAX_BYTES).error_handler(failure::bad_json))
        .app_data(web::PayloadConfig::new(limits::BODY_MAX_BYTES))
        // Of the process, and so where whoever watches it expects them, whatever the base.
        .service(only(routes::HEALTHZ).get(health::alive))
        .service(only(routes::READYZ).get(health::ready))
        .service(web::scope(&base).configure(routes))
        .default_service(web::to(pages::elsewhere))
        // The last one wrapped is the first one passed.
        .wrap(from_fn(origin::check))
        .wrap(cors)
        .wrap(from_fn(request::trace))
}

fn routes(app: &mut web::ServiceConfig) {
    app.service(only(routes::LOGIN).post(login::login))
        .service(only(routes::REGISTER).post(login::register))
        .service(only(routes::LOGOUT).post(session::logout))
        .service(only(routes::SESSION).get(session::show))
        .service(only(routes::CHAT_TOKEN).post(session::chat_token))
        .service(only(routes::SESSIONS).get(account::sessions).delete(account::end_other_sessions))
        .service(only(&format!("{}/{{id}}", routes::SESSIONS)).delete(account::end_session))
        .service(only(routes::ACCOUNT).put(account::rename).delete(account::delete))
        .service(only(routes::PASSWORD).put(account::change_password))
        .service(only(routes::CONFIG).get(client_config))
        .default_service(web::to(pages::page));
}

fn only(path: &str) -> Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

async fn method_not_allowed() -> Result<HttpResponse, Failure> {
    Err(Failure::MethodNotAllowed)
}

async fn client_config(site: web::Data<Site>) -> HttpResponse {
    HttpResponse::Ok().json(&site.client_config)
}

/// Pages of the allowed origins may call the API and send cookies along; no other origin may.
fn cors(site: &Site) -> Cors {
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
