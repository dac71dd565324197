//! The form: what it says when signing in works, and each way in which it does not.

use e2e::{DEMO, Result, Scenario, Stage, ensure, eventually};
use thirtyfour::Key;

const LOGIN: &str = "#login button[type=submit]";

async fn focus_goes_to(stage: &Stage, id: &str) -> Result<()> {
    eventually(&format!("the focus to be on {id}"), async || {
        Ok((stage.page.focus().await? == id).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn signing_in_signs_in_to_the_app_and_to_cometchat() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            assert!(stage.page.see("h1").await?.text().await?.contains(DEMO.name));
            stage.page.see("#chat-status[data-state=connected]").await?;
            assert_eq!(stage.chat_user().await?, DEMO.id);
            assert_eq!(stage.system.authenticated_sockets(DEMO.id).await?, 1);
            assert_eq!(stage.system.tokens(DEMO.id).await?.len(), 1);
            assert_eq!(stage.system.mints().await?, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer_and_keep_the_address() -> Result<()> {
    Scenario::default()
        .provokes("/api/login - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            stage.page.open("/").await?;
            for email in [DEMO.email, "nobody@example.com"] {
                stage.submit(email, "not the password").await?;
                let note = stage.page.see("p.note[role=alert][data-code=invalid_credentials]").await?;
                assert_eq!(note.text().await?, "Your email or password is wrong!");
                focus_goes_to(stage, "password").await?;
                assert_eq!(stage.page.see("#email").await?.prop("value").await?.as_deref(), Some(email));
            }
            stage.submit(DEMO.email, DEMO.password).await?;
            stage.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn too_many_attempts_say_how_long_to_wait() -> Result<()> {
    Scenario::default()
        .setting("LOGIN_ATTEMPTS_PER_MINUTE", "2")
        .provokes("/api/login - Failed to load resource: the server responded with a status of 401")
        .provokes("/api/login - Failed to load resource: the server responded with a status of 429")
        .run(async |stage| {
            stage.page.open("/").await?;
            eventually("to be refused", async || {
                stage.submit(DEMO.email, "not the password").await?;
                stage
                    .page
                    .is_there("p.note[data-code=too_many_attempts]")
                    .await
                    .map(|refused| refused.then_some(()))
            })
            .await?;
            let text = stage.page.see("p.note[data-code=too_many_attempts]").await?.text().await?;
            ensure!(text.contains("second") || text.contains("minute"), "no wait in {text:?}");
            stage.page.see("#login button[type=submit][aria-disabled=true]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_server_that_is_gone_is_told_from_a_wrong_password() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_CONNECTION_REFUSED")
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            stage.system.stop_server();
            stage.submit(DEMO.email, DEMO.password).await?;
            stage.page.see("p.note[role=alert][data-code=unreachable]").await?;
            assert_eq!(stage.page.see("#email").await?.prop("value").await?.as_deref(), Some(DEMO.email));
            stage.system.start_server().await?;
            stage.page.click(LOGIN).await?;
            stage.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_page_that_cannot_ask_who_is_signed_in_says_so_and_asks_again_by_itself() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_BLOCKED_BY_CLIENT")
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see("#chat-status[data-state=connected]").await?;
            stage.page.block(&["*/api/session"]).await?;
            stage.page.open("/").await?;
            stage.page.see("[data-page=unreachable]").await?;
            stage.end_session_elsewhere().await?;
            assert!(!stage.page.is_there("#login").await?, "no answer is not signed out");
            stage.page.block(&[]).await?;
            stage.page.see("#login").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn what_is_missing_is_said_at_the_field_before_anything_is_sent() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.click(LOGIN).await?;
            stage.page.see("#email-fault").await?;
            stage.page.see("#email[aria-invalid=true][aria-describedby~=email-fault]").await?;
            focus_goes_to(stage, "email").await?;
            stage.page.fill("#email", DEMO.email).await?;
            stage.page.press(Key::Enter).await?;
            stage.page.see("#password-fault").await?;
            focus_goes_to(stage, "password").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_keyboard_alone_signs_in_and_out() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
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
            page.see("#chat-status[data-state=connected]").await?;

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
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.fill("#email", &format!("  {}  ", DEMO.email)).await?;
            stage.page.fill("#password", DEMO.password).await?;
            stage.page.press(Key::Enter).await?;
            stage.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn an_address_that_no_page_has_is_told_as_that() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.open("/no/such/page").await?;
            stage.page.see("main[data-page=not-found]").await?;
            Ok(())
        })
        .await
}
