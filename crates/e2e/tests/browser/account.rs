//! The account page, from one browser and from two.

use crate::register::{CONNECTED, GOOD, register};
use e2e::{Context, Result, Scenario, Stage, ensure, eventually};

const OTHER: &str = "carpet lantern november";
const EMAIL: &str = "ada@example.com";
/// The SDK signs out of CometChat with a token that the server has revoked already.
const DEAD_TOKEN: &str = "/v3.0/me - Failed to load resource: the server responded with a status of 401";

/// Ada, registered and on her account page. Her id.
async fn on_the_account_page(stage: &Stage) -> Result<String> {
    let id = register(stage, "Ada", EMAIL).await?;
    stage.page.click("a[href='/account']").await?;
    stage.page.see("main[data-page=account]").await?;
    Ok(id)
}

async fn change_password(stage: &Stage, current: &str, new: &str) -> Result<()> {
    stage.page.fill("#current-password", current).await?;
    stage.page.fill("#new-password", new).await?;
    stage.page.click("#change-password button[type=submit]").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_new_name_is_seen_on_the_page_and_at_cometchat_and_chat_stays_connected() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let id = on_the_account_page(stage).await?;
            let socket = stage.system.cometchat().await?["sockets"].clone();
            stage.page.fill("#rename #name", "Ada Lovelace").await?;
            stage.page.click("#rename button[type=submit]").await?;
            stage.page.see("p.note[role=status][data-done=renamed]").await?;
            eventually("CometChat to have the name", async || {
                Ok((stage.system.name(&id).await?.as_deref() == Some("Ada Lovelace")).then_some(()))
            })
            .await?;
            stage.page.click("a[href='/chat']").await?;
            assert_eq!(stage.page.see("[data-page=chat] h1").await?.text().await?, "Ada Lovelace");
            stage.page.see(CONNECTED).await?;
            assert_eq!(
                stage.system.cometchat().await?["sockets"][0]["id"],
                socket[0]["id"],
                "the same socket"
            );
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_session_ended_from_another_browser_drops_to_the_form_and_says_why() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let id = on_the_account_page(stage).await?;
            let elsewhere = stage.another_page().await?;
            elsewhere.sign_in(EMAIL, GOOD).await?;
            elsewhere.see(CONNECTED).await?;

            stage.page.driver.refresh().await?;
            stage.page.see("#sessions li[data-current]").await?;
            stage.page.click("#sessions li:not([data-current]) .end-session").await?;
            // By itself: the token that was revoked closes its socket, and the page asks why.
            elsewhere.see("p.note[role=status][data-reason=ended]").await?;
            elsewhere.see("#login").await?;
            stage.page.see_gone("#sessions li:not([data-current])").await?;
            eventually("one token to be left", async || {
                Ok((stage.system.tokens(&id).await?.len() == 1).then_some(()))
            })
            .await?;
            stage.page.see("main[data-page=account]").await?;
            elsewhere.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_new_password_signs_out_everywhere_else_and_is_the_one_that_counts() -> Result<()> {
    Scenario::default()
        .provokes("/api/account/password - Failed to load resource: the server responded with a status of 4")
        .provokes("/api/login - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            on_the_account_page(stage).await?;
            let elsewhere = stage.another_page().await?;
            elsewhere.sign_in(EMAIL, GOOD).await?;
            elsewhere.see(CONNECTED).await?;

            change_password(stage, "not my password", OTHER).await?;
            stage.page.see("#current-password-fault").await?;
            change_password(stage, GOOD, "passwordpassword").await?;
            let fault = stage.page.see("#new-password-fault").await?.text().await?;
            ensure!(fault.contains("easy to guess"), "{fault}");
            change_password(stage, GOOD, OTHER).await?;
            stage.page.see("p.note[role=status][data-done=password-changed]").await?;
            assert_eq!(stage.page.see("#new-password").await?.prop("value").await?.as_deref(), Some(""));
            elsewhere.see("p.note[role=status][data-reason=ended]").await?;
            elsewhere.close().await?;

            stage.page.click("#sign-out").await?;
            stage.page.see("#login").await?;
            stage.submit(EMAIL, GOOD).await?;
            stage.page.see("p.note[data-code=invalid_credentials]").await?;
            stage.submit(EMAIL, OTHER).await?;
            stage.page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_deleted_account_is_gone_here_and_at_cometchat() -> Result<()> {
    Scenario::default()
        .provokes("/api/account - Failed to load resource: the server responded with a status of 401")
        .provokes("/api/login - Failed to load resource: the server responded with a status of 401")
        .provokes(DEAD_TOKEN)
        .run(async |stage| {
            let id = on_the_account_page(stage).await?;
            ensure!(!stage.page.see("#delete-account").await?.text().await?.contains("undo"), "it is closed");
            stage.page.click("#delete-account summary").await?;
            stage.page.fill("#delete-password", "not my password").await?;
            stage.page.click("#delete button[type=submit]").await?;
            stage.page.see("#delete-password-fault").await?;
            stage.page.fill("#delete-password", GOOD).await?;
            stage.page.click("#delete button[type=submit]").await?;
            stage.page.see("p.note[role=status][data-reason=deleted]").await?;
            eventually("CometChat to have forgotten her", async || {
                Ok(stage.system.name(&id).await?.is_none().then_some(()))
            })
            .await?;
            stage.submit(EMAIL, GOOD).await?;
            stage.page.see("p.note[data-code=invalid_credentials]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_account_page_is_for_who_is_signed_in_and_the_back_button_does_not_bring_it_back() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.open("/account").await?;
            stage.page.see("#login").await?;
            stage.submit(e2e::DEMO.email, e2e::DEMO.password).await?;
            stage.page.see("main[data-page=account]").await?;
            let listed = stage.page.see("#sessions li[data-current]").await?.text().await?;
            ensure!(listed.contains("Chrome on Linux") && listed.contains("127.0.0.1"), "{listed}");
            stage.page.see("#sign-out").await?;
            stage.page.click("a[href='/chat']").await?;
            stage.page.see(CONNECTED).await?;
            stage.page.click("a[href='/account']").await?;
            stage.page.click("#sign-out").await?;
            stage.page.see("p.note[data-reason=signed_out]").await?;
            stage.page.driver.back().await?;
            eventually("the page to be settled", async || {
                let body = stage.page.script("return document.readyState + document.body.innerText").await?;
                let body = body.as_str().context("text")?.to_owned();
                ensure!(!body.contains(e2e::DEMO.email), "still shown: {body}");
                Ok(body.contains("Sign in").then_some(()))
            })
            .await
        })
        .await
}
