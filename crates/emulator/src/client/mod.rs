//! The client API v3.0, which CometChat's SDK calls with a user's auth token.
//!
//! The SDK reads only the JSON and ignores the status. It never settles its promise on an object with
//! neither `data` nor `error`. If `data` has a key `authToken`, the SDK takes it for its own token.

mod conversations;
mod me;
mod messages;
mod users;

use crate::response::unknown_route;
use actix_web::web;

pub fn routes(config: &mut web::ServiceConfig) {
    for version in ["/v2.0", "/v3", "/v3.0"] {
        config.service(
            web::scope(version)
                .route("/me", web::put().to(me::login_or_update))
                .route("/me", web::get().to(me::get))
                .route("/me", web::delete().to(me::logout))
                .route("/settings", web::get().to(me::settings))
                .route("/user_sessions", web::post().to(me::user_sessions))
                .route("/users", web::get().to(users::list))
                .route("/users/{uid}", web::get().to(users::get))
                .route("/users/{uid}/messages", web::get().to(messages::history_with_user))
                .route("/users/{uid}/conversation", web::get().to(conversations::get))
                .route("/users/{uid}/conversation/read", web::post().to(conversations::mark_read))
                .route("/users/{uid}/conversation/delivered", web::post().to(conversations::mark_delivered))
                .route("/conversations", web::get().to(conversations::list))
                .route("/messages", web::post().to(messages::send))
                .route("/messages", web::get().to(messages::history_of_all))
                .route("/messages/{id}", web::get().to(messages::get))
                .route("/messages/{id}/thread", web::post().to(messages::send_in_thread))
                .route("/messages/{id}/thread", web::get().to(messages::history_of_thread))
                .default_service(web::to(unknown_route)),
        );
    }
    // The settings disable the SDK's telemetry, but an SDK that pings anyway gets a response.
    config.route("/v1/ping", web::post().to(me::ping));
}
