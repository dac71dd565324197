//! The login form: success, and every kind of failure.

use e2e::{CONNECTED, DEMO, Result, Scenario, TestContext, User, ensure, eventually};
use thirtyfour::Key;

const LOGIN: &str = "#login button[type=submit]";

async fn focus_goes_to(test: &TestContext, id: &str) -> Result<()> {
    eventually(&format!("the focus to be on {id}"), async || {
        Ok((test.page.focus().await? == id).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn login_signs_in_to_the_app_and_cometchat() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            assert!(test.page.see("h1").await?.text().await?.contains(DEMO.name));
            test.page.see(CONNECTED).await?;
            assert_eq!(test.chat_user().await?, DEMO.id);
            assert_eq!(test.env.emulator.authenticated_sockets(DEMO.id).await, 1);
            assert_eq!(test.env.emulator.tokens(DEMO.id).await.len(), 1);
            assert_eq!(test.env.emulator.calls("POST", "/auth_tokens").await, 1);
            Ok(())
        })
        .await
}

/// Chromium's email field posts the domain in Punycode.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn email_typed_with_international_domain_signs_in() -> Result<()> {
    const MAX: User = User { id: "max", email: "max@münchen.de", name: "Max", password: "password" };
    Scenario::default()
        .run(async |test| {
            test.add_user(&MAX).await?;
            test.page.open("/").await?;
            test.submit(MAX.email, MAX.password).await?;
            test.page.see("[data-page=chat]").await?;
            assert_eq!(test.page.see("h1").await?.text().await?, MAX.name);
            test.page.open("/account").await?;
            assert_eq!(test.page.see("p.subtitle bdi").await?.text().await?, MAX.email);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn wrong_password_and_unknown_email_show_the_same_error() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |test| {
            test.page.open("/").await?;
            for email in [DEMO.email, "unknown@example.com"] {
                test.submit(email, "not the password").await?;
                let note = test.page.see("p.notice[role=alert][data-code=invalid_credentials]").await?;
                assert_eq!(note.text().await?, "Your email or password is wrong!");
                focus_goes_to(test, "password").await?;
                assert_eq!(test.page.see("#email").await?.prop("value").await?.as_deref(), Some(email));
            }
            test.submit(DEMO.email, DEMO.password).await?;
            test.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn too_many_attempts_show_the_wait() -> Result<()> {
    Scenario::default()
        .setting("LOGIN_ATTEMPTS_PER_MINUTE", "2")
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 429",
        )
        .run(async |test| {
            test.page.open("/").await?;
            eventually("to be refused", async || {
                test.submit(DEMO.email, "not the password").await?;
                test.page
                    .is_there("p.notice[data-code=too_many_attempts]")
                    .await
                    .map(|refused| refused.then_some(()))
            })
            .await?;
            let text = test.page.see("p.notice[data-code=too_many_attempts]").await?.text().await?;
            ensure!(text.contains("second") || text.contains("minute"), "no wait in {text:?}");
            test.page.see("#login button[type=submit][aria-disabled=true]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn unreachable_server_differs_from_wrong_password() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_CONNECTION_REFUSED")
        .run(async |test| {
            test.page.open("/").await?;
            test.page.see("#login").await?;
            test.env.kill();
            test.submit(DEMO.email, DEMO.password).await?;
            test.page.see("p.notice[role=alert][data-code=unreachable]").await?;
            assert_eq!(test.page.see("#email").await?.prop("value").await?.as_deref(), Some(DEMO.email));
            test.env.start();
            test.page.click(LOGIN).await?;
            test.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn unreachable_server_is_shown_and_retried() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_BLOCKED_BY_CLIENT")
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.page.block(&["*/api/session"]).await?;
            test.page.open("/").await?;
            test.page.see("[data-page=unreachable]").await?;
            test.end_session_elsewhere().await?;
            assert!(!test.page.is_there("#login").await?, "no response does not mean signed out");
            test.page.block(&[]).await?;
            test.page.see("#login").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn missing_input_is_reported_before_sending() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/").await?;
            test.page.click(LOGIN).await?;
            test.page.see("#email-error").await?;
            test.page.see("#email[aria-invalid=true][aria-describedby~=email-error]").await?;
            focus_goes_to(test, "email").await?;
            test.page.fill("#email", DEMO.email).await?;
            test.page.press(Key::Enter).await?;
            test.page.see("#password-error").await?;
            focus_goes_to(test, "password").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn keyboard_alone_signs_in_and_out() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            page.see(&format!("{LOGIN}:enabled")).await?;
            page.script("document.activeElement.blur()").await?;
            let mut order = Vec::new();
            for _ in 0..5 {
                page.press(Key::Tab).await?;
                order.push(
                    page.script("const e = document.activeElement; return e.id || e.type || e.pathname")
                        .await?,
                );
            }
            assert_eq!(order, ["email", "password", "show-password", "submit", "/register"]);

            page.see("#email").await?.focus().await?;
            page.press(DEMO.email).await?;
            page.press(Key::Tab).await?;
            page.press(DEMO.password).await?;
            page.press(Key::Tab).await?;
            page.press(Key::Space).await?;
            page.see("#show-password[aria-pressed=true][aria-label='Hide password']").await?;
            assert_eq!(page.see("#password").await?.attr("type").await?.as_deref(), Some("text"));
            page.press(Key::Space).await?;
            page.see("#password[type=password]").await?;
            page.press(Key::Tab).await?;
            page.press(Key::Enter).await?;
            page.see(CONNECTED).await?;

            eventually("the focus to reach the sign-out button", async || {
                page.press(Key::Tab).await?;
                Ok((page.focus().await? == "sign-out").then_some(()))
            })
            .await?;
            page.press(Key::Enter).await?;
            page.see("#login").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn enter_in_the_password_field_signs_in() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/").await?;
            test.page.fill("#email", &format!("  {}  ", DEMO.email)).await?;
            test.page.fill("#password", DEMO.password).await?;
            test.page.press(Key::Enter).await?;
            test.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn unknown_address_shows_not_found() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/no/such/page").await?;
            test.page.see("main[data-page=not-found]").await?;
            Ok(())
        })
        .await
}
