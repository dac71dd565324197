//! The JSON of the contract, as clients without these types see it.

use serde_json::{from_str, json, to_value};
use shared::{
    ApiError, ChangePasswordRequest, ChatTokenRequest, DeleteAccountRequest, ErrorCode, FieldErrors,
    LoginRequest, LoginResponse, RegisterRequest, Secret, SessionInfo, UpdateAccountRequest, validation,
};

fn login(email: &str, password: &str) -> LoginRequest {
    LoginRequest { email: email.into(), password: Secret::new(password) }
}

#[test]
fn login_without_chat_token_has_an_explicit_null() {
    let answer = LoginResponse {
        id: "u-1".into(),
        email: "a@example.com".into(),
        name: "A".into(),
        cometchat_auth_token: None,
    };
    assert_eq!(
        to_value(&answer).unwrap(),
        json!({"id": "u-1", "email": "a@example.com", "name": "A", "cometchatAuthToken": null})
    );
}

#[test]
fn debug_output_hides_passwords_and_tokens() {
    let request = login("a@example.com", "hunter2");
    let answer = LoginResponse {
        id: "u-1".into(),
        email: "a@example.com".into(),
        name: "A".into(),
        cometchat_auth_token: Some(Secret::new("u-1_tok")),
    };
    let printed = format!("{request:?} {request:#?} {answer:?} {answer:#?}");
    assert!(!printed.contains("hunter2") && !printed.contains("u-1_tok"), "{printed}");
    assert!(printed.contains("a@example.com"));
}

#[test]
fn request_with_unknown_field_is_rejected() {
    assert!(from_str::<LoginRequest>(r#"{"email":"a@b","password":"x"}"#).is_ok());
    assert!(from_str::<LoginRequest>(r#"{"email":"a@b","pasword":"x"}"#).is_err());
    assert!(from_str::<LoginRequest>(r#"{"email":"a@b","password":"x","uid":"y"}"#).is_err());
    assert!(from_str::<ChatTokenRequest>(r#"{"renew":true,"uid":"y"}"#).is_err());
    assert!(!from_str::<ChatTokenRequest>("{}").unwrap().renew);
}

#[test]
fn error_has_snake_case_code_and_omits_empty_fields() {
    let error = ApiError {
        code: ErrorCode::TooManyAttempts,
        message: "m".into(),
        request_id: "r".into(),
        retry_after_seconds: Some(7),
        fields: None,
    };
    let wire = json!({"code": "too_many_attempts", "message": "m", "requestId": "r", "retryAfterSeconds": 7});
    assert_eq!(to_value(&error).unwrap(), wire);
    assert_eq!(serde_json::from_value::<ApiError>(wire).unwrap(), error);
}

#[test]
fn invalid_login_input_is_reported_by_field() {
    let faults = |email: &str, password: &str| -> Vec<String> {
        login(email, password).validate().into_keys().collect()
    };
    assert!(faults(" test@example.com ", "password").is_empty());
    assert_eq!(faults("", ""), ["email", "password"]);
    assert_eq!(faults("ada", "x"), ["email"]);
    assert_eq!(faults("a b@example.com", "x"), ["email"]);
    assert_eq!(faults("a\0b@example.com", "x"), ["email"]);
    assert_eq!(faults(&format!("{}@example.com", "a".repeat(300)), "x"), ["email"]);
    assert_eq!(faults("a@example.com", "a\0b"), ["password"]);
    assert_eq!(faults("a@example.com", &"p".repeat(validation::MAX_PASSWORD_INPUT_BYTES + 1)), ["password"]);
    let mut kept = FieldErrors::new();
    validation::check_email("a@example.com", &mut kept);
    assert!(kept.is_empty());
}

#[test]
fn uid_is_accepted_as_cometchat_stores_it() {
    for good in ["a", "test-user-id", "0_9", &"x".repeat(100)] {
        assert!(validation::is_uid(good), "{good}");
    }
    for bad in ["", "A", "a b", "a/b", "ä", "a\0", &"x".repeat(101)] {
        assert!(!validation::is_uid(bad), "{bad}");
    }
}

#[test]
fn account_requests_use_exact_field_names() {
    assert!(from_str::<RegisterRequest>(r#"{"email":"a@b","password":"x","name":"n"}"#).is_ok());
    assert!(from_str::<RegisterRequest>(r#"{"email":"a@b","password":"x","name":"n","id":"i"}"#).is_err());
    assert!(from_str::<UpdateAccountRequest>(r#"{"name":"n"}"#).is_ok());
    assert!(from_str::<ChangePasswordRequest>(r#"{"currentPassword":"x","newPassword":"y"}"#).is_ok());
    assert!(from_str::<ChangePasswordRequest>(r#"{"current_password":"x","newPassword":"y"}"#).is_err());
    assert!(from_str::<DeleteAccountRequest>("{}").is_err());
}

#[test]
fn session_is_camel_case_with_unix_seconds() {
    let session = SessionInfo {
        id: "s".into(),
        device: "Firefox on Windows".into(),
        address: "192.0.2.1".into(),
        created_at: 1,
        last_seen_at: 2,
        current: true,
    };
    let wire = json!({"id": "s", "device": "Firefox on Windows", "address": "192.0.2.1", "createdAt": 1,
                      "lastSeenAt": 2, "current": true});
    assert_eq!(to_value(&session).unwrap(), wire);
}

#[test]
fn new_password_is_validated_by_length_alone() {
    let faults = |password: &str| {
        let mut faults = FieldErrors::new();
        validation::check_new_password("password", password, 15, &mut faults);
        faults.remove("password")
    };
    assert!(faults("").unwrap().contains("Choose"));
    assert!(faults(&"x".repeat(12)).unwrap().contains("3 more"));
    assert_eq!(faults(&"x".repeat(15)), None);
    assert_eq!(faults(&"ü".repeat(128)), None);
    assert!(faults(&"x".repeat(129)).unwrap().contains("at most 128"));
    assert!(faults(&"x\0".repeat(10)).is_some());
}

#[test]
fn name_is_validated_by_length_and_characters() {
    let is_name = |name: &str| {
        let mut faults = FieldErrors::new();
        validation::check_name(name, &mut faults);
        faults.is_empty()
    };
    assert!(is_name("A") && is_name(&"ü".repeat(100)) && is_name("<b>Ada</b> 🦀"));
    assert!(!is_name("") && !is_name(&"x".repeat(101)) && !is_name("a\nb"));
}
