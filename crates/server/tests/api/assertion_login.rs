//! Tests of the login by signed assertion (RFC 7523).

use crate::helpers::*;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cometchat_auth::crypto::seal::SecretKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{ErrorCode, LoginResponse, routes};

pub const KEY: [u8; 32] = [9; 32];

pub async fn start() -> TestApp {
    TestApp::start_with(|config| config.assertion_keys = vec![SecretKey::new(KEY)]).await
}

pub fn claims(app: &TestApp, id: &str) -> Value {
    let now = app.clock.now();
    json!({"aud": "cometchat-auth", "sub": "ada", "email": "ada@example.com", "name": "Ada Lovelace",
           "iat": now, "exp": now + 60, "jti": id})
}

/// Returns a JWT with this header and these claims, signed with HS256.
pub fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    signed_text(&header.to_string(), &claims.to_string(), key)
}

/// Returns a JWT with these texts as header and claims, signed with HS256.
pub fn signed_text(header: &str, claims: &str, key: &[u8]) -> String {
    let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&body).finalize().into_bytes();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
}

pub fn hs256(claims: &Value) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}), claims, &KEY)
}

pub async fn login_by_assertion(app: &TestApp, assertion: &str) -> Response {
    app.browser().post(routes::LOGIN_ASSERTION, json!({"assertion": assertion})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_signs_in_and_creates_missing_user() {
    let app = start().await;
    let response = login_by_assertion(&app, &hs256(&claims(&app, "1"))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let response: LoginResponse = response.json().await.unwrap();
    assert_eq!((response.id.as_str(), response.name.as_str()), ("ada", "Ada Lovelace"));
    assert_eq!(app.emulator.tokens("ada").await, [response.cometchat_auth_token.unwrap().expose()]);
    assert!(app.browser_with(Some(cookie)).is_signed_in().await);
    failure(app.browser().login("ada@example.com", "").await, ErrorCode::ValidationFailed).await;
    failure(app.browser().login("ada@example.com", "any").await, ErrorCode::InvalidCredentials).await;

    let mut later = claims(&app, "2");
    later["name"] = "Countess Lovelace".into();
    assert_eq!(login_by_assertion(&app, &hs256(&later)).await.status(), StatusCode::OK);
    app.eventually_over_time("the new name is at CometChat", || async {
        app.emulator.names().await["ada"] == "Countess Lovelace"
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM users WHERE name = 'Countess Lovelace'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_replay_is_rejected_even_concurrently() {
    let app = start().await;
    let assertion = hs256(&claims(&app, "1"));
    let both = tokio::join!(login_by_assertion(&app, &assertion), login_by_assertion(&app, &assertion));
    let mut statuses = [both.0.status().as_u16(), both.1.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    failure(login_by_assertion(&app, &assertion).await, ErrorCode::InvalidAssertion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_or_expired_assertion_is_rejected() {
    let app = start().await;
    let now = app.clock.now();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&app, name);
        claims[name] = value;
        hs256(&claims)
    };
    let good = claims(&app, "1");
    let unsigned = hs256(&good);
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    let bad = [
        ("nothing", String::new()),
        ("no JWT", "a.b".into()),
        ("unsigned", format!("{unsigned}.")),
        ("alg none", signed(&json!({"alg": "none"}), &good, &KEY)),
        ("another algorithm", signed(&json!({"alg": "HS512"}), &good, &KEY)),
        ("another key", signed(&json!({"alg": "HS256"}), &good, &[1; 32])),
        ("for another audience", with("aud", "another".into())),
        ("expired", with("exp", (now).into())),
        ("of the future", with("iat", (now + 31).into())),
        ("good for too long", with("exp", (now + 121).into())),
        ("no uid", with("sub", "Ada/../x".into())),
        ("of before all time", with("iat", i64::MIN.into())),
        ("no name", with("name", "".into())),
        ("a blank name", with("name", "  ".into())),
        ("no address", with("email", "unknown".into())),
        ("without an id", with("jti", "".into())),
        ("a claim of another type", with("sub", 7.into())),
    ];
    for (what, assertion) in bad {
        let response = login_by_assertion(&app, &assertion).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{what}");
        failure(response, ErrorCode::InvalidAssertion).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(
        login_by_assertion(&app, &hs256(&good)).await.status(),
        StatusCode::OK,
        "a valid assertion is accepted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_cannot_take_over_email_of_other_user() {
    let app = start().await;
    let mut claims = claims(&app, "1");
    claims["email"] = EMAIL.into();
    failure(login_by_assertion(&app, &hs256(&claims)).await, ErrorCode::EmailTaken).await;
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_without_configured_key_has_own_error_code() {
    let app = TestApp::start().await;
    let response = login_by_assertion(&app, &hs256(&claims(&app, "1"))).await;
    let error = failure(response, ErrorCode::AssertionsDisabled).await;
    assert!(error.message.contains("Contact your administrator"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_email_has_its_domain_in_letters() {
    let app = start().await;
    let with_email = |id: &str, uid: &str, email: &str| {
        let mut claims = claims(&app, id);
        (claims["sub"], claims["email"]) = (uid.into(), email.into());
        hs256(&claims)
    };
    for (id, email) in [("1", "ada@xn--mnchen-3ya.de"), ("2", "ada@m\u{fc}nchen.de")] {
        let response = login_by_assertion(&app, &with_email(id, "ada", email)).await;
        let response: LoginResponse = response.json().await.unwrap();
        assert_eq!(response.email, "ada@m\u{fc}nchen.de");
    }
    let taken = login_by_assertion(&app, &with_email("3", "other", "ada@xn--mnchen-3ya.de")).await;
    failure(taken, ErrorCode::EmailTaken).await;
    let invalid = login_by_assertion(&app, &with_email("4", "other", "ada@xn--99999999.de")).await;
    failure(invalid, ErrorCode::InvalidAssertion).await;
}
