//! HTTP: routes, cookies, headers, errors as responses, and the files of the web app.
//!
//! A request passes, in this order: [`middleware::request_context`] (request id, client address, log),
//! [`middleware::origin`], [`middleware::cors`] and its route. The route's extractors read the request, the route calls a
//! use case of [`crate::auth`] and writes the response. Routes contain no SQL and call CometChat only
//! through use cases.

pub mod client_ip;
pub mod cookie;
mod error;
pub mod extract;
pub(crate) mod middleware;
pub mod routes;
pub mod server;
mod state;
mod static_files;
mod timeout_stream;
pub mod user_agent;

use crate::clock::Clock;
use crate::config::Config;
use crate::state::AppState;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, Resource, Route, guard, web};
use client_ip::Proxies;
use error::HttpError;
use extract::admission::RejectionLimiter;
use middleware::cors;
use middleware::origin::{self, OriginPolicy};
use middleware::rejection_log::RejectionLog;
use middleware::request_context::{self, RequestMetrics};
use middleware::security_headers::HeaderPolicy;
use routes::{account, config, health, login, openapi, session};
use shared::{routes as paths, validation};
use state::HttpState;
use static_files::StaticFiles;
use std::sync::Arc;

/// The data that routes, extractors and middleware share. All workers use the same instances.
#[derive(Clone)]
pub struct HttpData {
    http_state: web::Data<HttpState>,
    origins: web::Data<OriginPolicy>,
    headers: web::Data<HeaderPolicy>,
    proxies: web::Data<Proxies>,
    pub requests: web::Data<RequestMetrics>,
    rejections: web::Data<RejectionLimiter>,
    rejection_log: web::Data<RejectionLog>,
    static_files: web::Data<StaticFiles>,
}

impl HttpData {
    pub fn new(config: &Config, clock: Clock) -> Self {
        let http_state = HttpState::new(config);
        let static_files = StaticFiles::load(
            config.base_path(),
            config.registration_is_open,
            http_state.cookies.session_name(),
        );
        Self {
            http_state: web::Data::new(http_state),
            origins: web::Data::new(OriginPolicy::new(&config.public_url, &config.allowed_origins)),
            headers: web::Data::new(HeaderPolicy::new(config, &static_files.inline)),
            proxies: web::Data::new(Proxies::new(config.trusted_proxies.clone(), clock.clone())),
            requests: web::Data::new(RequestMetrics::default()),
            rejections: web::Data::new(RejectionLimiter::new(clock.clone())),
            rejection_log: web::Data::new(RejectionLog::new(clock)),
            static_files: web::Data::new(static_files),
        }
    }
}

/// Builds the HTTP application of one worker.
pub fn app(
    state: Arc<AppState>,
    data: HttpData,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let cors = cors::middleware(&data.origins.allowed);
    let base = data.http_state.base.clone();
    App::new()
        .app_data(web::Data::from(state))
        .app_data(data.http_state)
        .app_data(data.origins)
        .app_data(data.headers)
        .app_data(data.proxies)
        .app_data(data.requests)
        .app_data(data.rejections)
        .app_data(data.rejection_log)
        .app_data(data.static_files)
        .app_data(web::JsonConfig::default().limit(validation::MAX_BODY_BYTES).error_handler(error::bad_json))
        .app_data(web::PayloadConfig::new(validation::MAX_BODY_BYTES))
        // Health checks concern the process and stay outside the base path, where monitoring expects them.
        .service(resource(paths::HEALTHZ, [(Method::GET, web::to(health::alive))]))
        .service(resource(paths::READYZ, [(Method::GET, web::to(health::ready))]))
        .service(web::scope(&base).configure(configure_routes))
        .default_service(web::to(static_files::not_found))
        // Actix runs the middleware that was registered last first.
        .wrap(cors)
        .wrap(from_fn(origin::check))
        .wrap(from_fn(request_context::trace))
}

fn configure_routes(app: &mut web::ServiceConfig) {
    use Method as M;
    app.service(resource(paths::LOGIN, [(M::POST, web::to(login::login))]))
        .service(resource(paths::REGISTER, [(M::POST, web::to(login::register))]))
        .service(resource(paths::LOGIN_ASSERTION, [(M::POST, web::to(login::login_with_assertion))]))
        .service(resource(paths::LOGOUT, [(M::POST, web::to(session::logout))]))
        .service(resource(paths::SESSION, [(M::GET, web::to(session::show))]))
        .service(resource(paths::CHAT_TOKEN, [(M::POST, web::to(session::chat_token))]))
        .service(resource(
            paths::SESSIONS,
            [(M::GET, web::to(session::list)), (M::DELETE, web::to(session::end_others))],
        ))
        .service(resource(paths::SESSION_BY_ID, [(M::DELETE, web::to(session::end))]))
        .service(resource(
            paths::ACCOUNT,
            [(M::PUT, web::to(account::rename)), (M::DELETE, web::to(account::delete))],
        ))
        .service(resource(paths::PASSWORD, [(M::PUT, web::to(account::change_password))]))
        .service(resource(paths::CONFIG, [(M::GET, web::to(config::show))]))
        .service(resource(paths::OPENAPI, [(M::GET, web::to(openapi::json))]))
        .service(resource(paths::API_DOCS, [(M::GET, web::to(openapi::page))]))
        .default_service(web::to(static_files::page));
}

/// Returns the resource at a path. Every GET route also handles HEAD (RFC 9110, 9.3.2): actix sends the headers of the
/// response without its body. Methods without a route get a 405 with the `Allow` header.
fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allow = routes.each_ref().map(|(method, _)| method.as_str()).join(", ").replace("GET", "GET, HEAD");
    let method_not_allowed = web::to(move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(HttpError::MethodNotAllowed { allow }) }
    });
    routes
        .into_iter()
        .fold(web::resource(path), |resource, (method, route)| {
            resource.route(match method {
                Method::GET => route.guard(guard::Any(guard::Get()).or(guard::Head())),
                method => route.method(method),
            })
        })
        .default_service(method_not_allowed)
}
