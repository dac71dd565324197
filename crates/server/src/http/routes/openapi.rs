//! `GET /api/openapi.json` and a page to try it: the API's description, made of the types that the API is made
//! of. `docs/openapi.json` is the same, kept for those who look before they run it.

#![allow(clippy::indexing_slicing)] // of JSON objects made just before: it adds the member

use crate::http::error::HttpError;
use crate::http::state::HttpState;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use shared::{
    ApiError, AssertionRequest, ChangePasswordRequest, ChatTokenRequest, ChatTokenResponse, ClientConfig,
    DeleteAccountRequest, ErrorCode, FieldErrors, LoginRequest, LoginResponse, RegisterRequest, Secret,
    SessionInfo, SessionsResponse, UpdateAccountRequest, UserResponse, routes,
};
use utoipa::ToSchema;

/// What an operation takes or gives: the name of its schema, and an example.
type Content = Option<(&'static str, Value)>;

struct Operation {
    method: &'static str,
    path: String,
    id: &'static str,
    summary: &'static str,
    /// Whether it needs a session.
    signed_in: bool,
    takes: Content,
    status: u16,
    gives: Content,
    /// Beside those that any of its kind has.
    errors: &'static [ErrorCode],
}

/// The description. `base` is what every path begins with; `cookie` the name of the session's.
pub fn document(base: &str, cookie: &str) -> Value {
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.into(), described(&operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "cometchat-auth",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Signs users in to the app and to CometChat. The session is in a cookie that scripts cannot read. \
                Every failure is an `ApiError`: `code` is for programs and stable, `message` for people.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": if base.is_empty() { "/" } else { base }}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": cookie}},
        },
    })
}

pub async fn json(http_state: web::Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().json(document(&http_state.base, http_state.cookies.session_name()))
}

/// A page to read it and to try it.
pub async fn page(http_state: web::Data<HttpState>, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    http_state.pages.serve("api-docs/page.html", &request).ok_or(HttpError::NotFound)
}

fn user() -> (String, String, String) {
    ("7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57".into(), "ada@example.com".into(), "Ada Lovelace".into())
}

fn example(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn operations() -> Vec<Operation> {
    use ErrorCode::{
        ChatUnavailable, EmailTaken, InvalidAssertion, InvalidCredentials, NotFound, Overloaded,
        RegistrationClosed, TooManyAttempts, ValidationFailed,
    };
    let (id, email, name) = user();
    let password = || Secret::new("plum tractor yesterday");
    let token = || Secret::new("7d9f0c2e-5b1a-4c8e-9f43-2a6b1d0e8c57_1764043200a1b2c3d4");
    let login = LoginRequest { email: email.clone(), password: password() };
    let register = RegisterRequest { email: email.clone(), password: password(), name: name.clone() };
    let handover = AssertionRequest {
        assertion: Secret::new("eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJjb21l…In0.c2lnbmF0dXJl"),
    };
    let passwords = ChangePasswordRequest {
        current_password: password(),
        new_password: Secret::new("carpet lantern november"),
    };
    let signed_in = example(LoginResponse {
        id: id.clone(),
        email: email.clone(),
        name: name.clone(),
        cometchat_auth_token: Some(token()),
    });
    let session = example(UserResponse { id, email, name: name.clone() });
    let sessions = SessionsResponse {
        sessions: vec![SessionInfo {
            id: "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5".into(),
            device: "Firefox on Windows".into(),
            address: "192.0.2.7".into(),
            created_at: 1_764_043_200,
            last_seen_at: 1_764_050_400,
            current: true,
        }],
    };
    let config = ClientConfig {
        app_id: "2634512f8a9b".into(),
        region: "eu".into(),
        password_min_length: 15,
        emulator_url: None,
    };
    let of = |method, path: &str, id, summary| Operation {
        method,
        path: path.to_owned(),
        id,
        summary,
        signed_in: true,
        takes: None,
        status: 204,
        gives: None,
        errors: &[],
    };
    vec![
        Operation {
            signed_in: false,
            takes: Some(("RegisterRequest", example(register))),
            status: 201,
            gives: Some(("LoginResponse", signed_in.clone())),
            errors: &[RegistrationClosed, EmailTaken, ValidationFailed, TooManyAttempts, Overloaded],
            ..of(
                "post",
                routes::REGISTER,
                "register",
                "Make an account, here and at CometChat, and sign in to it",
            )
        },
        Operation {
            signed_in: false,
            takes: Some(("LoginRequest", example(login))),
            status: 200,
            gives: Some(("LoginResponse", signed_in.clone())),
            errors: &[InvalidCredentials, ValidationFailed, TooManyAttempts, Overloaded],
            ..of("post", routes::LOGIN, "login", "Sign in to the app and, if it can be reached, to CometChat")
        },
        Operation {
            signed_in: false,
            takes: Some(("AssertionRequest", example(handover))),
            status: 200,
            gives: Some(("LoginResponse", signed_in)),
            errors: &[InvalidAssertion, EmailTaken, TooManyAttempts, NotFound],
            ..of(
                "post",
                routes::LOGIN_ASSERTION,
                "handover",
                "Sign in on the word of the app's own server; see INTEGRATE.md",
            )
        },
        Operation {
            signed_in: false,
            ..of(
                "post",
                routes::LOGOUT,
                "logout",
                "End the session and revoke its chat token; also fine without one",
            )
        },
        Operation {
            status: 200,
            gives: Some(("UserResponse", session.clone())),
            ..of("get", routes::SESSION, "session", "Who is signed in")
        },
        Operation {
            takes: Some(("ChatTokenRequest", example(ChatTokenRequest { renew: false }))),
            status: 200,
            gives: Some(("ChatTokenResponse", example(ChatTokenResponse { cometchat_auth_token: token() }))),
            errors: &[TooManyAttempts, ChatUnavailable],
            ..of(
                "post",
                routes::CHAT_TOKEN,
                "chatToken",
                "The session's chat token; with `renew` another one",
            )
        },
        Operation {
            status: 200,
            gives: Some(("SessionsResponse", example(sessions))),
            ..of("get", routes::SESSIONS, "sessions", "Where the user is signed in, the latest seen first")
        },
        of(
            "delete",
            routes::SESSIONS,
            "endOtherSessions",
            "Replace this session, with a new cookie, and end all others of the user",
        ),
        of("delete", &format!("{}/{{id}}", routes::SESSIONS), "endSession", "End one session of the user"),
        Operation {
            takes: Some(("UpdateAccountRequest", example(UpdateAccountRequest { name }))),
            status: 200,
            gives: Some(("UserResponse", session)),
            errors: &[ValidationFailed],
            ..of("put", routes::ACCOUNT, "rename", "Another name, at CometChat too")
        },
        Operation {
            takes: Some(("DeleteAccountRequest", example(DeleteAccountRequest { password: password() }))),
            errors: &[InvalidCredentials, ValidationFailed, TooManyAttempts, Overloaded],
            ..of("delete", routes::ACCOUNT, "deleteAccount", "Delete the account for good, at CometChat too")
        },
        Operation {
            takes: Some(("ChangePasswordRequest", example(passwords))),
            errors: &[InvalidCredentials, ValidationFailed, TooManyAttempts, Overloaded],
            ..of(
                "put",
                routes::PASSWORD,
                "changePassword",
                "Another password; this session is replaced, with a new cookie, and every other one ends",
            )
        },
        Operation {
            signed_in: false,
            status: 200,
            gives: Some(("ClientConfig", example(config))),
            ..of("get", routes::CONFIG, "config", "What the page must know; nothing in it is secret")
        },
    ]
}

fn described(operation: &Operation) -> Value {
    let Operation { method, path, id, summary, signed_in, takes, status, gives, .. } = operation;
    let mut responses = Map::new();
    let mut success = json!({"description": summary, "headers": {"x-request-id": request_id()}});
    if let Some((schema, example)) = gives {
        success["content"] = content(schema, json!({"example": example}));
    }
    if *id == "sessions" {
        let parameters = json!({"id": "$response.body#/sessions/0/id"});
        success["links"] = json!({"endSession": {"operationId": "endSession", "parameters": parameters}});
    }
    responses.insert(status.to_string(), success);
    for (status, codes) in by_status(&errors(operation)) {
        let examples: Map<_, _> =
            codes.iter().map(|code| (name(*code), json!({"value": failure(*code)}))).collect();
        let names: Vec<_> = codes.iter().map(|code| format!("`{}`", name(*code))).collect();
        let mut response = json!({
            "description": names.join(", "),
            "headers": {"x-request-id": request_id()},
            "content": content("ApiError", json!({"examples": examples})),
        });
        if [429, 503].contains(&status) {
            response["headers"]["retry-after"] =
                json!({"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait"});
        }
        responses.insert(status.to_string(), response);
    }
    let tag = match path.as_str() {
        routes::CONFIG => "The page",
        path if path.starts_with(routes::ACCOUNT) || path == routes::REGISTER => "The account",
        _ => "Sessions",
    };
    let mut described = json!({"operationId": id, "summary": summary, "tags": [tag], "responses": responses});
    if *signed_in {
        described["security"] = json!([{"session": []}]);
    }
    if let Some((schema, example)) = takes {
        described["requestBody"] =
            json!({"required": true, "content": content(schema, json!({"example": example}))});
    }
    if path.contains("{id}") {
        let schema = json!({"type": "string", "minLength": 1});
        described["parameters"] = json!([{
            "name": "id", "in": "path", "required": true, "schema": schema,
            "description": "From the list of sessions. One that is not there is no fault: it has ended",
            "example": "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5",
        }]);
    }
    debug_assert!(["get", "put", "post", "delete"].contains(method));
    described
}

/// Every code that this operation can be answered with.
fn errors(operation: &Operation) -> Vec<ErrorCode> {
    use ErrorCode::{
        ForbiddenOrigin, Internal, InvalidRequest, NotSignedIn, PayloadTooLarge, Unavailable,
        UnsupportedMediaType,
    };
    let mut codes = operation.errors.to_vec();
    if operation.signed_in {
        codes.push(NotSignedIn);
    }
    if operation.method != "get" {
        codes.push(ForbiddenOrigin);
    }
    if operation.takes.is_some() {
        codes.extend([InvalidRequest, PayloadTooLarge, UnsupportedMediaType]);
    }
    if operation.path != routes::CONFIG {
        codes.extend([Internal, Unavailable]);
    }
    codes
}

fn by_status(codes: &[ErrorCode]) -> Vec<(u16, Vec<ErrorCode>)> {
    let mut by_status: Vec<(u16, Vec<ErrorCode>)> = Vec::new();
    for code in codes {
        match by_status.iter_mut().find(|(status, _)| *status == code.status()) {
            Some((_, codes)) => codes.push(*code),
            None => by_status.push((code.status(), vec![*code])),
        }
    }
    by_status.sort_by_key(|(status, _)| *status);
    by_status
}

fn name(code: ErrorCode) -> String {
    example(code).as_str().unwrap_or_default().to_owned()
}

fn failure(code: ErrorCode) -> ApiError {
    let failure = HttpError::example(code);
    let fields = FieldErrors::from([("password".into(), "Use at least 15 characters: 7 more.".into())]);
    ApiError {
        code,
        message: failure.message(),
        request_id: "0192f3c7a1b27c4d8e9fa0b1c2d3e4f5".into(),
        retry_after_seconds: failure.retry_after_seconds(),
        fields: (code == ErrorCode::ValidationFailed).then_some(fields),
    }
}

fn request_id() -> Value {
    json!({"schema": {"type": "string"}, "description": "The same id is in the server's log"})
}

fn content(schema: &str, mut content: Value) -> Value {
    content["schema"] = json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({"application/json": content})
}

fn schemas() -> Value {
    let mut schemas = Vec::new();
    macro_rules! add {
        ($($kind:ty),*) => {$(
            schemas.push((<$kind as ToSchema>::name().into_owned(), <$kind as utoipa::PartialSchema>::schema()));
            <$kind as ToSchema>::schemas(&mut schemas);
        )*};
    }
    add!(
        ApiError,
        ChatTokenRequest,
        ChatTokenResponse,
        ClientConfig,
        DeleteAccountRequest,
        AssertionRequest,
        LoginRequest,
        LoginResponse,
        ChangePasswordRequest,
        RegisterRequest,
        UpdateAccountRequest,
        UserResponse,
        SessionsResponse
    );
    schemas.into_iter().map(|(name, schema)| (name, example(schema))).collect::<Map<_, _>>().into()
}
