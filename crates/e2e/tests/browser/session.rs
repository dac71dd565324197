//! Being signed in: over a reload, without a token any more, and the ways in which it ends.

use e2e::{DEMO, Result, Scenario, ensure, eventually};
use serde_json::json;
use shared::routes;

const CONNECTED: &str = "#chat-status[data-state=connected]";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_reload_restores_app_and_chat_with_the_token_that_is_there() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            let tokens = stage.system.tokens(DEMO.id).await?;
            stage.page.driver.refresh().await?;
            assert!(stage.page.see("[data-page=chat] h1").await?.text().await?.contains(DEMO.name));
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.chat_user().await?, DEMO.id);
            eventually("the new page's socket alone to be there", async || {
                Ok((stage.system.authenticated_sockets(DEMO.id).await? == 1).then_some(()))
            })
            .await?;
            assert_eq!(stage.system.tokens(DEMO.id).await?, tokens);
            assert_eq!(stage.system.mints().await?, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn signing_out_leaves_nothing_to_come_back_with() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            let token = stage.system.tokens(DEMO.id).await?.concat();
            assert!(!stage.page.driver.get_all_cookies().await?.is_empty());

            stage.page.click("#sign-out").await?;
            stage.page.see("#login").await?;
            stage.page.see("p.note[role=status][data-reason=signed_out]").await?;
            eventually("CometChat to know no token of the user, and no socket", async || {
                let gone = stage.system.tokens(DEMO.id).await?.is_empty()
                    && stage.system.authenticated_sockets(DEMO.id).await? == 0;
                Ok(gone.then_some(()))
            })
            .await?;
            // One may stay: it opens nothing, and says only that this browser has signed in before.
            let cookies = stage.page.driver.get_all_cookies().await?;
            ensure!(cookies.iter().all(|cookie| cookie.name == "cometchat-auth-device"), "left: {cookies:?}");
            let stored =
                stage.page.script("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await?;
            ensure!(!stored.to_string().contains(&token), "the token is still in {stored}");
            ensure!(!stored.to_string().contains(DEMO.email), "the user is still in {stored}");

            stage.page.driver.back().await?;
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            assert!(!stage.page.is_there("[data-page=chat]").await?);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_back_button_shows_nothing_of_who_was_signed_in() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            stage.page.click("#sign-out").await?;
            stage.page.see("#login").await?;
            stage.page.driver.back().await?;
            eventually("the page to be settled", async || {
                let body = stage.page.script("return document.readyState + document.body.innerText").await?;
                ensure!(!body.to_string().contains(DEMO.name), "still shown: {body}");
                ensure!(!body.to_string().contains(DEMO.email), "still shown: {body}");
                Ok(body.to_string().contains("complete").then_some(()))
            })
            .await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_chat_token_revoked_behind_the_page_s_back_heals_at_a_reload() -> Result<()> {
    Scenario::default()
        .provokes(
            "/v3.0/users/test-user-id - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            let old = stage.system.tokens(DEMO.id).await?;
            for token in &old {
                stage.system.revoke(DEMO.id, token).await?;
            }
            stage.page.driver.refresh().await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.chat_user().await?, DEMO.id);
            let new = stage.system.tokens(DEMO.id).await?;
            assert_eq!(new.len(), 1);
            assert_ne!(new, old);
            eventually("the socket to be proven with the new token", async || {
                Ok((stage.system.authenticated_sockets(DEMO.id).await? == 1).then_some(()))
            })
            .await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_session_ended_elsewhere_brings_back_the_form_and_says_why() -> Result<()> {
    Scenario::default()
        // The SDK signs out of CometChat with a token that the server has revoked already.
        .provokes("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            stage.end_session_elsewhere().await?;
            // As when the tab comes back into view.
            stage.page.script("document.dispatchEvent(new Event('visibilitychange'))").await?;
            stage.page.see("p.note[role=status][data-reason=ended]").await?;
            stage.page.see("#login").await?;

            stage.submit(DEMO.email, DEMO.password).await?;
            stage.page.see(CONNECTED).await?;
            stage.end_session_elsewhere().await?;
            stage.page.driver.refresh().await?;
            stage.page.see("p.note[role=status][data-reason=ended]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_session_survives_a_restart_of_the_server() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            stage.system.stop_server();
            stage.system.start_server().await?;
            stage.page.driver.refresh().await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.system.mints().await?, 1);
            let answer = stage.system.http.get(stage.system.url(routes::SESSION)).send().await?;
            assert_eq!(answer.status(), 401, "without the cookie nobody is signed in");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_page_that_is_looked_at_notices_by_itself_that_its_session_has_ended() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            // Its clock goes on when we say so.
            let clock = "window.rounds = [];
                window.setInterval = (round) => window.rounds.push(round);
                window.clearInterval = () => {};";
            stage.page.before_every_page(clock).await?;
            stage.sign_in().await?;
            stage.page.see("#chat-status[data-state=connected]").await?;
            // CometChat's token cannot be revoked: its connection stays.
            stage.system.break_cometchat(json!({"api": "rest", "kind": "drop"})).await?;
            stage.end_session_elsewhere().await?;
            ensure!(stage.page.is_there("[data-page=chat]").await?, "it has noticed before its time");
            stage.page.script("window.rounds.forEach(round => round())").await?;
            stage.page.see("#login").await?;
            assert_eq!(
                stage.page.see("p.note").await?.text().await?,
                "Your session has ended. Please sign in again."
            );
            Ok(())
        })
        .await
}
