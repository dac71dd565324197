//! The server REST API v3, which servers call with an API key. The paths of v2.0 work as well.

mod messages;
mod tokens;
mod users;

use crate::{auth::api_of, response::unknown_route, world::Api};
use actix_web::{guard::fn_guard, web};

pub fn routes(config: &mut web::ServiceConfig) {
    for version in ["/v2.0", "/v3", "/v3.0"] {
        config.service(
            web::scope(version)
                .guard(fn_guard(|context| api_of(context.head()) == Some(Api::Rest)))
                .route("/users", web::post().to(users::create))
                .route("/users", web::get().to(users::list))
                .route("/users", web::delete().to(users::deactivate))
                .route("/users", web::put().to(users::reactivate))
                .route("/users/{uid}", web::get().to(users::get))
                .route("/users/{uid}", web::put().to(users::update))
                .route("/users/{uid}", web::delete().to(users::delete))
                .route("/users/{uid}/auth_tokens", web::post().to(tokens::mint))
                .route("/users/{uid}/auth_tokens", web::get().to(tokens::list))
                .route("/users/{uid}/auth_tokens", web::delete().to(tokens::revoke_all))
                .route("/users/{uid}/auth_tokens/{token}", web::get().to(tokens::get))
                .route("/users/{uid}/auth_tokens/{token}", web::put().to(tokens::update))
                .route("/users/{uid}/auth_tokens/{token}", web::delete().to(tokens::revoke))
                .route("/messages", web::post().to(messages::send))
                .route("/messages/{id}", web::get().to(messages::get))
                .route("/conversations", web::get().to(messages::conversations))
                .default_service(web::to(unknown_route)),
        );
    }
}
