//! The account page, in one browser and in two.

use crate::register::{GOOD, register};
use e2e::{CONNECTED, Context, Result, Scenario, TestContext, ensure, eventually};

const OTHER: &str = "carpet lantern november";
const EMAIL: &str = "ada@example.com";
/// The SDK logs out of CometChat with a token that the server has revoked.
const DEAD_TOKEN: &str = "/v3.0/me - Failed to load resource: the server responded with a status of 401";

/// Registers Ada, opens her account page and returns her id.
async fn on_the_account_page(test: &TestContext) -> Result<String> {
    let id = register(test, "Ada", EMAIL).await?;
    test.page.click("a[href='/account']").await?;
    test.page.see("main[data-page=account]").await?;
    Ok(id)
}

async fn change_password(test: &TestContext, current: &str, new: &str) -> Result<()> {
    test.page.fill("#current-password", current).await?;
    test.page.fill("#new-password", new).await?;
    test.page.click("#change-password button[type=submit]").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn rename_reaches_cometchat_and_keeps_the_connection() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let id = on_the_account_page(test).await?;
            let socket = test.env.emulator.state().await["sockets"].clone();
            test.page.fill("#rename #name", "Ada Lovelace").await?;
            test.page.click("#rename button[type=submit]").await?;
            test.page.see("p.notice[role=status][data-done=renamed]").await?;
            eventually("CometChat to have the name", async || {
                Ok((test.env.emulator.name(&id).await.as_deref() == Some("Ada Lovelace")).then_some(()))
            })
            .await?;
            test.page.click("a[href='/chat']").await?;
            assert_eq!(test.page.see("[data-page=chat] h1").await?.text().await?, "Ada Lovelace");
            test.page.see(CONNECTED).await?;
            assert_eq!(
                test.env.emulator.state().await["sockets"][0]["id"],
                socket[0]["id"],
                "the same socket"
            );
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn session_ended_from_another_browser_shows_the_form() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let id = on_the_account_page(test).await?;
            let elsewhere = test.another_page().await?;
            elsewhere.sign_in(EMAIL, GOOD).await?;
            elsewhere.see(CONNECTED).await?;

            test.page.driver.refresh().await?;
            test.page.see("#sessions li[data-current]").await?;
            test.page.click("#sessions li:not([data-current]) .end-session").await?;
            // CometChat closes the socket of the revoked token, and the page checks its session.
            elsewhere.see("p.notice[role=status][data-reason=ended]").await?;
            elsewhere.see("#login").await?;
            test.page.see_gone("#sessions li:not([data-current])").await?;
            eventually("one token to be left", async || {
                Ok((test.env.emulator.tokens(&id).await.len() == 1).then_some(()))
            })
            .await?;
            test.page.see("main[data-page=account]").await?;
            elsewhere.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn new_password_replaces_the_old_and_ends_other_sessions() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/api/account/password - Failed to load resource: the server responded with a status of 4",
        )
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |test| {
            on_the_account_page(test).await?;
            let elsewhere = test.another_page().await?;
            elsewhere.sign_in(EMAIL, GOOD).await?;
            elsewhere.see(CONNECTED).await?;

            change_password(test, "not my password", OTHER).await?;
            test.page.see("#current-password-error").await?;
            change_password(test, GOOD, "passwordpassword").await?;
            let fault = test.page.see("#new-password-error").await?.text().await?;
            ensure!(fault.contains("easy to guess"), "{fault}");
            change_password(test, GOOD, OTHER).await?;
            test.page.see("p.notice[role=status][data-done=password-changed]").await?;
            assert_eq!(test.page.see("#new-password").await?.prop("value").await?.as_deref(), Some(""));
            elsewhere.see("p.notice[role=status][data-reason=ended]").await?;
            elsewhere.close().await?;

            test.page.click("#sign-out").await?;
            test.page.see("#login").await?;
            test.submit(EMAIL, GOOD).await?;
            test.page.see("p.notice[data-code=invalid_credentials]").await?;
            test.submit(EMAIL, OTHER).await?;
            test.page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn deleted_account_is_gone_here_and_at_cometchat() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/api/account - Failed to load resource: the server responded with a status of 401",
        )
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .expect_console_error(DEAD_TOKEN)
        .run(async |test| {
            let id = on_the_account_page(test).await?;
            ensure!(!test.page.see("#delete-account").await?.text().await?.contains("undo"), "it is closed");
            test.page.click("#delete-account summary").await?;
            test.page.fill("#delete-password", "not my password").await?;
            test.page.click("#delete button[type=submit]").await?;
            test.page.see("#delete-password-error").await?;
            test.page.fill("#delete-password", GOOD).await?;
            test.page.click("#delete button[type=submit]").await?;
            test.page.see("p.notice[role=status][data-reason=deleted]").await?;
            eventually("CometChat to have deleted her", async || {
                Ok(test.env.emulator.name(&id).await.is_none().then_some(()))
            })
            .await?;
            test.submit(EMAIL, GOOD).await?;
            test.page.see("p.notice[data-code=invalid_credentials]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn account_page_needs_a_session_also_on_back_navigation() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/account").await?;
            test.page.see("#login").await?;
            test.submit(e2e::DEMO.email, e2e::DEMO.password).await?;
            test.page.see("main[data-page=account]").await?;
            let listed = test.page.see("#sessions li[data-current]").await?.text().await?;
            ensure!(listed.contains("Chrome on Linux") && listed.contains("127.0.0.1"), "{listed}");
            test.page.see("#sign-out").await?;
            test.page.click("a[href='/chat']").await?;
            test.page.see(CONNECTED).await?;
            test.page.click("a[href='/account']").await?;
            test.page.click("#sign-out").await?;
            test.page.see("p.notice[data-reason=signed_out]").await?;
            test.page.driver.back().await?;
            eventually("the page to be settled", async || {
                let body = test.page.script("return document.readyState + document.body.innerText").await?;
                let body = body.as_str().context("text")?.to_owned();
                ensure!(!body.contains(e2e::DEMO.email), "still shown: {body}");
                Ok(body.contains("Sign in").then_some(()))
            })
            .await
        })
        .await
}
