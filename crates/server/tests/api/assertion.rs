//! Assertions that the signature alone does not make acceptable: critical extensions, accounts with a password, and
//! assertions kept back until after a deletion or the end of all sessions.

use crate::assertion_login::{KEY, claims, hs256, login_by_assertion, signed, signed_text, start};
use crate::helpers::*;
use crate::register::GOOD;
use cometchat_auth::sessions;
use cometchat_auth::users::{self, assertions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{ErrorCode, LoginResponse, routes};
use std::time::Duration;

const YEAR: i64 = 365 * 24 * 60 * 60;

/// An assertion that is `seconds` older than the clock says; negative: issued by a clock that is ahead.
fn issued(app: &TestApp, id: &str, seconds: i64) -> String {
    let mut claims = claims(app, id);
    let issued_at = app.clock.now() - seconds;
    (claims["iat"], claims["exp"]) = (issued_at.into(), (issued_at + 60).into());
    hs256(&claims)
}

fn for_demo_user(app: &TestApp, id: &str) -> Value {
    let mut claims = claims(app, id);
    (claims["sub"], claims["email"]) = (UID.into(), EMAIL.into());
    claims
}

async fn refused(app: &TestApp, assertion: &str) {
    failure(login_by_assertion(app, assertion).await, ErrorCode::InvalidAssertion).await;
}

async fn accepted(app: &TestApp, assertion: &str) -> Browser {
    let response = login_by_assertion(app, assertion).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut browser = app.browser();
    browser.keep(&response);
    browser
}

async fn set_linked(app: &TestApp, is_linked: bool) {
    let mut tx = app.db.begin().await.unwrap();
    assertions::set_linked(&mut tx, UID, is_linked).await.unwrap();
    tx.commit().await.unwrap();
}

/// Does the same as the command `user end-sessions`.
async fn end_sessions(app: &TestApp, user: &str) {
    let mut tx = app.db.begin().await.unwrap();
    sessions::end_others(&mut tx, user, None, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_with_critical_extension_is_refused() {
    let app = start().await;
    let good = claims(&app, "1");
    for critical in [json!(["b64"]), json!(["exp"]), json!([]), json!(null), json!("exp")] {
        let header = json!({"alg": "HS256", "typ": "JWT", "b64": false, "crit": critical});
        refused(&app, &signed(&header, &good, &KEY)).await;
    }
    let other = json!({"alg": "HS256", "kid": "1", "typ": "JWT"});
    assert_eq!(login_by_assertion(&app, &signed(&other, &good, &KEY)).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_audience_may_be_a_list() {
    let app = start().await;
    let with = |audience: Value| {
        let mut claims = claims(&app, &audience.to_string());
        claims["aud"] = audience;
        hs256(&claims)
    };
    for audience in [json!(["cometchat-auth"]), json!(["https://other.example", "cometchat-auth", "x"])] {
        accepted(&app, &with(audience)).await;
    }
    for audience in [
        json!([]),
        json!(["https://other.example"]),
        json!(["Cometchat-Auth"]),
        json!("cometchat-auth,other"),
        json!(["cometchat-auth", 7]),
        json!(["cometchat-auth", null]),
        json!([["cometchat-auth"]]),
        json!({"cometchat-auth": "cometchat-auth"}),
        json!(null),
    ] {
        refused(&app, &with(audience)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_time_is_any_json_number() {
    let app = start().await;
    let header = r#"{"alg":"HS256"}"#;
    let with = |name: &str, time: &str| {
        let mut claims = claims(&app, &format!("{name} {time}"));
        claims["nbf"] = claims["iat"].clone();
        claims[name] = "TIME".into();
        signed_text(header, &claims.to_string().replace("\"TIME\"", time), &KEY)
    };
    let now = app.clock.now();
    assert_eq!(now, 1_790_000_000);
    for (name, time) in [
        ("iat", "1790000000.0"),
        ("iat", "1.79e9"),
        ("iat", "1789999999.999"),
        ("iat", "17900000000E-1"),
        ("exp", "1790000001.0"),
        ("exp", "1790000060.25"),
        ("exp", "1.79000006e+9"),
        ("nbf", "1790000029.5"),
        ("nbf", "0.5"),
        ("nbf", "-1e300"),
    ] {
        let response = login_by_assertion(&app, &with(name, time)).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}: {time}");
    }
    for (name, time) in [
        ("exp", "1790000000.999"),
        ("exp", "1790000121.0"),
        ("exp", "1e300"),
        ("exp", "1e999"),
        ("exp", "18446744073709551615"),
        ("exp", "null"),
        ("exp", "\"1790000060\""),
        ("exp", "[1790000060]"),
        ("exp", "true"),
        ("iat", "1790000031.0"),
        ("iat", "-1e300"),
        ("iat", "1e300"),
        ("iat", "null"),
        ("nbf", "1790000030.001"),
        ("nbf", "1e300"),
        ("nbf", "null"),
    ] {
        let response = login_by_assertion(&app, &with(name, time)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}: {time}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_with_ambiguous_claims_is_refused() {
    let app = start().await;
    let header = r#"{"alg":"HS256"}"#;
    let good = claims(&app, "1").to_string();
    let values: Value = serde_json::from_str::<Value>(&good).unwrap();
    let in_order = ["aud", "sub", "email", "name", "iat", "exp", "nbf", "jti"].map(|name| match name {
        "nbf" => json!(0),
        name => values[name].clone(),
    });
    for bad in [
        json!(in_order).to_string(),
        json!([values]).to_string(),
        good.replacen('{', r#"{"sub":"grace","#, 1),
        good.replacen('{', r#"{"aud":["other"],"#, 1),
        format!("{good}{good}"),
    ] {
        refused(&app, &signed_text(header, &bad, &KEY)).await;
    }
    accepted(&app, &signed_text(" {\n\"alg\" : \"HS256\"}\r\n", &format!("\n{good} "), &KEY)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_before_its_nbf_is_refused() {
    let app = start().await;
    let with = |not_before: Value| {
        let mut claims = claims(&app, "1");
        claims["nbf"] = not_before;
        hs256(&claims)
    };
    let now = app.clock.now();
    for not_before in [json!(now + 31), json!(i64::MAX), json!(null), json!("soon"), json!([now])] {
        refused(&app, &with(not_before)).await;
    }
    accepted(&app, &with(json!(now + 30))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_cannot_take_over_password_account() {
    let app = start().await;
    let mut other_address = for_demo_user(&app, "2");
    other_address["email"] = "attacker@example.com".into();
    refused(&app, &hs256(&for_demo_user(&app, "1"))).await;
    refused(&app, &hs256(&other_address)).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    let unchanged = "SELECT count(*) FROM users WHERE name = 'Test User' AND email_key = 'test@example.com'";
    assert_eq!(app.count(unchanged).await, 1);

    set_linked(&app, true).await;
    accepted(&app, &hs256(&for_demo_user(&app, "3"))).await;
    app.browser().sign_in(EMAIL, PASSWORD).await;
    set_linked(&app, false).await;
    refused(&app, &hs256(&for_demo_user(&app, "4"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwordless_user_signs_in_by_assertion() {
    let app = start().await;
    app.add_user("ada", "ada@example.com", "Ada", None).await;
    accepted(&app, &hs256(&claims(&app, "1"))).await;
    // A password that an operator gives her later does not unlink her.
    let mut tx = app.db.begin().await.unwrap();
    users::update_password(&mut tx, "ada", "$argon2id$", app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    accepted(&app, &hs256(&claims(&app, "2"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_from_before_deletion_is_refused() {
    let app = start().await;
    set_linked(&app, true).await;
    let kept = hs256(&for_demo_user(&app, "kept"));
    let mut browser = app.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let deleted = browser.delete(routes::ACCOUNT, json!({"password": PASSWORD})).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    refused(&app, &kept).await;
    app.clock.advance(Duration::from_secs(30));
    refused(&app, &kept).await;
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
    app.eventually_over_time("the user is deleted at CometChat", || async {
        app.emulator.names().await.is_empty()
    })
    .await;
    accepted(&app, &hs256(&for_demo_user(&app, "new"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_older_than_session_cutoff_is_refused() {
    let app = start().await;
    let browser = accepted(&app, &issued(&app, "1", 0)).await;
    let (kept, kept_ahead) = (issued(&app, "2", 0), issued(&app, "3", -30));
    end_sessions(&app, "ada").await;
    assert!(!browser.is_signed_in().await);
    refused(&app, &kept).await;
    refused(&app, &kept_ahead).await;
    app.clock.advance(Duration::from_secs(31));
    refused(&app, &kept).await;
    refused(&app, &kept_ahead).await;
    accepted(&app, &issued(&app, "4", 0)).await;
    // Assertions of other users are accepted.
    let mut other = claims(&app, "5");
    (other["sub"], other["email"]) = ("grace".into(), "grace@example.com".into());
    accepted(&app, &hs256(&other)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_older_than_global_sign_out_is_refused() {
    let app = start().await;
    set_linked(&app, true).await;
    let mut browser = app.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let kept = hs256(&for_demo_user(&app, "1"));
    let ended = browser.request(Method::DELETE, routes::SESSIONS).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    refused(&app, &kept).await;

    app.clock.advance(Duration::from_secs(31));
    let kept = hs256(&for_demo_user(&app, "2"));
    let mut browser = app.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": GOOD});
    assert_eq!(browser.put(routes::PASSWORD, change).await.status(), StatusCode::NO_CONTENT);
    refused(&app, &kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_login_in_flight_ends_with_all_sessions() {
    let app = start().await;
    accepted(&app, &issued(&app, "1", 0)).await;
    let minted = app.emulator.calls("POST", "auth_tokens").await;
    let slow = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "delay", "millis": 1000, "times": 1});
    app.emulator.add_fault(slow).await;
    let ended = async {
        eventually("its chat token is asked for", || async {
            app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 1
        })
        .await;
        end_sessions(&app, "ada").await;
    };
    let assertion = issued(&app, "2", 0);
    let (login, ()) = tokio::join!(login_by_assertion(&app, &assertion), ended);
    assert_eq!(app.emulator.calls("POST", "auth_tokens").await, minted + 1);
    failure(login, ErrorCode::InvalidAssertion).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    app.eventually_over_time("no token is left", || async { app.emulator.tokens("ada").await.is_empty() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_login_in_flight_fails_after_unlink() {
    let app = start().await;
    set_linked(&app, true).await;
    let slow = json!({"api": "rest", "method": "POST", "path": "auth_tokens", "kind": "delay", "millis": 1000, "times": 1});
    app.emulator.add_fault(slow).await;
    let unlinked = async {
        eventually("its chat token is asked for", || async {
            app.count("SELECT count(*) FROM chat_jobs WHERE kind = 'reconcile_tokens'").await == 1
        })
        .await;
        set_linked(&app, false).await;
    };
    let assertion = hs256(&for_demo_user(&app, "1"));
    let (login, ()) = tokio::join!(login_by_assertion(&app, &assertion), unlinked);
    failure(login, ErrorCode::InvalidAssertion).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cutoff_from_clock_ahead_ends_after_correction() {
    let app = start().await;
    app.clock.step(YEAR);
    end_sessions(&app, "ada").await;
    app.clock.step(-YEAR);
    let kept = issued(&app, "1", 0);
    refused(&app, &kept).await;
    assertions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
    refused(&app, &kept).await;
    app.clock.advance(Duration::from_secs(31));
    let response: LoginResponse = login_by_assertion(&app, &issued(&app, "2", 0)).await.json().await.unwrap();
    assert_eq!(response.id, "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_cutoff_is_kept_for_a_day() {
    let app = start().await;
    let kept = issued(&app, "1", 0);
    end_sessions(&app, "ada").await;
    app.clock.step(YEAR / 365 - 1);
    assertions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
    app.clock.step(1 - YEAR / 365);
    refused(&app, &kept).await;
    app.clock.step(YEAR / 365);
    assertions::delete_expired(&app.db, app.clock.now(), 200).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM assertion_cutoffs").await, 0);
}
