//! The commands about logins by assertion, beside a running server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cometchat_auth::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::json;
use sha2::Sha256;
use shared::routes;
use test_support::TestEnv;

const KEY: [u8; 32] = [9; 32];

async fn env() -> TestEnv {
    let env = TestEnv::new().await;
    env.file(".env", &format!("ASSERTION_KEY={}\n", STANDARD.encode(KEY)));
    env
}

fn assertion(id: &str, jti: &str) -> String {
    let now = Clock::system().now();
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let claims = json!({"aud": "cometchat-auth", "sub": id, "email": format!("{id}@example.com"), "name": "Before",
                        "iat": now, "exp": now + 60, "jti": jti});
    let body = format!("{}.{}", part(json!({"alg": "HS256"}).to_string()), part(claims.to_string()));
    let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(&body).finalize().into_bytes();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
}

async fn login(env: &TestEnv, assertion: String) -> StatusCode {
    let body = json!({"assertion": assertion});
    env.http.post(env.url(routes::LOGIN_ASSERTION)).json(&body).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn user_link_and_unlink_control_assertion_login() {
    let mut env = env().await;
    env.add("ada");
    env.add("grace");
    env.start();
    assert_eq!(login(&env, assertion("ada", "1")).await, StatusCode::UNAUTHORIZED);
    assert!(env.run(&["user", "show", "ada"], "").contains("assertion disallowed"));

    // All of them or none.
    assert!(
        env.run_failing(&["user", "link", "ada", "nemo"], "")
            .contains("no user with the id or email address nemo")
    );
    assert_eq!(login(&env, assertion("ada", "2")).await, StatusCode::UNAUTHORIZED);
    let done = env.run(&["user", "link", "ada", "Grace@example.com"], "");
    assert_eq!(done.matches("assertion login allowed").count(), 2, "{done}");
    assert_eq!(login(&env, assertion("ada", "3")).await, StatusCode::OK);
    assert_eq!(login(&env, assertion("grace", "4")).await, StatusCode::OK);
    assert!(env.run(&["user", "show", "ada"], "").contains("assertion allowed"));

    env.run(&["user", "unlink", "ada"], "");
    assert_eq!(login(&env, assertion("ada", "5")).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwordless_user_cannot_be_unlinked() {
    let mut env = env().await;
    let file = env.file("users.csv", "id,email,name,password_hash\nada,ada@example.com,Before,\n");
    env.run(&["user", "import", &file], "");
    env.start();
    assert_eq!(login(&env, assertion("ada", "1")).await, StatusCode::OK);
    assert!(env.run_failing(&["user", "unlink", "ada"], "").contains("has no password"));
    assert_eq!(login(&env, assertion("ada", "2")).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn cli_user_changes_invalidate_older_assertions() {
    let mut env = env().await;
    env.add("ada");
    env.run(&["user", "link", "ada"], "");
    env.start();
    let kept = [assertion("ada", "1"), assertion("ada", "2"), assertion("ada", "3")];
    let [after_end, after_password, after_delete] = kept;
    env.run(&["user", "end-sessions", "ada"], "");
    assert_eq!(login(&env, after_end).await, StatusCode::UNAUTHORIZED);
    env.run(&["user", "set-password", "ada"], "carpet lantern november");
    assert_eq!(login(&env, after_password).await, StatusCode::UNAUTHORIZED);
    env.run(&["user", "delete", "ada", "--yes"], "");
    assert_eq!(login(&env, after_delete).await, StatusCode::UNAUTHORIZED);
    assert_eq!(env.run(&["user", "list"], ""), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_explains_assertion_and_does_not_use_it() {
    let mut env = env().await;
    env.add("grace");
    env.start();
    let good = assertion("ada", "1");
    for _ in 0..2 {
        let explained = env.run(&["check", "--assertion", "-"], &format!("{good}\n"));
        for line in
            ["signature  ok: key 1 of 1", "times      ok: issued ", "subject    ok: ada", "use        ok"]
        {
            assert!(explained.contains(line), "{explained}");
        }
    }
    assert_eq!(login(&env, good.clone()).await, StatusCode::OK);
    let explain = |assertion: &str| env.run_failing(&["check", "--assertion", assertion], "");
    assert!(explain(&good).contains("use        FAILED: it was used before"));
    assert!(explain(&good).contains("would reject this assertion"));
    assert!(explain(&assertion("grace", "2")).contains("user       FAILED: the user grace has a password"));
    assert!(explain("a.b.c").contains("signature  FAILED: it is not a JWT"));
}
