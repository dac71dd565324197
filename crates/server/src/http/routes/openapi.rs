//! The API description (OpenAPI 3.1), generated from the handlers and the types of `shared`: served at
//! `GET /api/openapi.json`, as a page at `/api/docs`, and stored in `docs/openapi.json`.
//!
//! Each handler documents its success response and lists its own error codes in the extension `x-errors`. This
//! module turns them into responses and adds what all operations have in common.

use super::{account, config, login, session};
use crate::http::error::HttpError;
use crate::http::state::HttpState;
use crate::http::static_files::StaticFiles;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use shared::{ApiError, ErrorCode, FieldErrors, routes};
use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    Content, Header, HeaderBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Server,
    example::ExampleBuilder,
};
use utoipa::{Modify, OpenApi as _};

/// The extension with an operation's own error codes. The finished document does not contain it.
const ERRORS: &str = "x-errors";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "cometchat-auth",
        description = "Signs users in to the app and to CometChat. The session is in a cookie that scripts cannot \
            read. The body of every error is an `ApiError`: `code` is stable and for programs, `message` is for \
            users.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        login::login,
        login::register,
        login::login_with_assertion,
        session::logout,
        session::show,
        session::chat_token,
        session::list,
        session::end_others,
        session::end,
        account::rename,
        account::delete,
        account::change_password,
        config::show,
    ),
    components(schemas(ApiError)),
    modifiers(&CommonResponses),
)]
struct ApiDoc;

/// Returns the description for a base path and the name of the session cookie.
pub fn document(base: &str, session_cookie: &str) -> OpenApi {
    let mut document = ApiDoc::openapi();
    document.servers = Some(vec![Server::new(if base.is_empty() { "/" } else { base })]);
    let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(session_cookie)));
    document.components.get_or_insert_default().add_security_scheme("session", scheme);
    document
}

/// `GET /api/openapi.json`
pub async fn json(http_state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().json(document(&http_state.base, http_state.cookies.session_name()))
}

/// `GET /api/docs`: a page that shows the description and sends requests.
pub async fn page(
    static_files: web::Data<StaticFiles>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    static_files.serve("api-docs/page.html", &request).ok_or(HttpError::NotFound)
}

/// Adds the error responses, and to every response the header `x-request-id`.
struct CommonResponses;

impl Modify for CommonResponses {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let PathItem { get, put, post, delete, .. } = item;
            for (operation, is_safe) in [(get, true), (put, false), (post, false), (delete, false)] {
                if let Some(operation) = operation {
                    let codes = error_codes(operation, is_safe, path);
                    let responses = &mut operation.responses.responses;
                    responses.extend(error_responses(codes));
                    for response in responses.values_mut() {
                        if let RefOr::T(response) = response {
                            response.headers.insert("x-request-id".into(), RefOr::T(request_id_header()));
                        }
                    }
                }
            }
        }
    }
}

/// Returns the codes of all errors of an operation: its own ones and those that follow from its properties.
fn error_codes(operation: &mut Operation, is_safe: bool, path: &str) -> Vec<ErrorCode> {
    use ErrorCode::{
        ForbiddenOrigin, Internal, InvalidRequest, NotSignedIn, PayloadTooLarge, Unavailable,
        UnsupportedMediaType,
    };
    let own = operation.extensions.take().and_then(|mut extensions| extensions.remove(ERRORS));
    let mut codes: Vec<ErrorCode> =
        own.and_then(|codes| serde_json::from_value(codes).ok()).unwrap_or_default();
    if operation.security.is_some() {
        codes.push(NotSignedIn);
    }
    if !is_safe {
        codes.push(ForbiddenOrigin);
    }
    if operation.request_body.is_some() {
        codes.extend([InvalidRequest, PayloadTooLarge, UnsupportedMediaType]);
    }
    // The configuration is in memory; all other operations use the database.
    if path != routes::CONFIG {
        codes.extend([Internal, Unavailable]);
    }
    codes
}

fn error_responses(codes: Vec<ErrorCode>) -> impl Iterator<Item = (String, RefOr<Response>)> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), RefOr::T(error_response(status, &codes))))
}

fn error_response(status: u16, codes: &[ErrorCode]) -> Response {
    let errors: Vec<Value> =
        codes.iter().map(|code| serde_json::to_value(example(*code)).unwrap_or_default()).collect();
    let name = |error: &Value| error.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
    let description = errors.iter().map(|error| format!("`{}`", name(error))).collect::<Vec<_>>().join(", ");
    let mut content = Content::new(Some(Ref::from_schema_name("ApiError")));
    for error in errors {
        let example = ExampleBuilder::new().value(Some(error.clone())).build();
        content.examples.insert(name(&error), RefOr::T(example));
    }
    let response = ResponseBuilder::new().description(description).content("application/json", content);
    match status {
        429 | 503 => response.header("retry-after", retry_after_header()).build(),
        _ => response.build(),
    }
}

fn example(code: ErrorCode) -> ApiError {
    let error = HttpError::example(code);
    let fields = FieldErrors::from([("password".into(), "Use at least 15 characters: 7 more.".into())]);
    ApiError {
        code,
        message: error.message(),
        request_id: "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5".into(),
        retry_after_seconds: error.retry_after_seconds(),
        fields: (code == ErrorCode::ValidationFailed).then_some(fields),
    }
}

fn request_id_header() -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some("The server logs the same id")).build()
}

fn retry_after_header() -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some("Seconds to wait")).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use shared::*;

    fn parses<T: DeserializeOwned>(example: &Value) -> bool {
        serde_json::from_value::<T>(example.clone()).is_ok()
    }

    /// Checks each example that stands beside a reference to a schema, and returns their number.
    fn check_examples(value: &Value) -> usize {
        let mut checked = 0;
        if let (Some(example), Some(schema)) = (value.get("example"), value.pointer("/schema/$ref")) {
            let schema = schema.as_str().unwrap();
            let is_valid = match schema.rsplit('/').next().unwrap() {
                "AssertionRequest" => parses::<AssertionRequest>(example),
                "ChangePasswordRequest" => parses::<ChangePasswordRequest>(example),
                "ChatTokenRequest" => parses::<ChatTokenRequest>(example),
                "ChatTokenResponse" => parses::<ChatTokenResponse>(example),
                "ClientConfig" => parses::<ClientConfig>(example),
                "DeleteAccountRequest" => parses::<DeleteAccountRequest>(example),
                "LoginRequest" => parses::<LoginRequest>(example),
                "LoginResponse" => parses::<LoginResponse>(example),
                "RegisterRequest" => parses::<RegisterRequest>(example),
                "SessionsResponse" => parses::<SessionsResponse>(example),
                "UpdateAccountRequest" => parses::<UpdateAccountRequest>(example),
                "UserResponse" => parses::<UserResponse>(example),
                _ => false,
            };
            assert!(is_valid, "{schema}: {example}");
            checked += 1;
        }
        let children: Vec<&Value> = match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        checked + children.into_iter().map(check_examples).sum::<usize>()
    }

    #[test]
    fn example_matches_its_schema() {
        let document = serde_json::to_value(document("", "cookie")).unwrap();
        assert_eq!(check_examples(&document), 15);
    }

    #[test]
    fn error_codes_are_parsed_for_every_operation() {
        let document = serde_json::to_value(document("", "cookie")).unwrap();
        assert!(!document.to_string().contains(ERRORS));
        let examples =
            document.pointer("/paths/~1api~1login/post/responses/401/content/application~1json/examples");
        assert!(examples.unwrap().get("invalid_credentials").is_some());
    }
}
