//! Sessions: reloads, revoked tokens, and the ways a session ends.

use e2e::{CONNECTED, DEMO, Result, Scenario, ensure, eventually};
use serde_json::json;
use shared::routes;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn reload_restores_chat_with_the_existing_token() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let tokens = test.env.emulator.tokens(DEMO.id).await;
            test.page.driver.refresh().await?;
            assert!(test.page.see("[data-page=chat] h1").await?.text().await?.contains(DEMO.name));
            test.page.see(CONNECTED).await?;
            assert_eq!(test.chat_user().await?, DEMO.id);
            eventually("the new page's socket alone to be there", async || {
                Ok((test.env.emulator.authenticated_sockets(DEMO.id).await == 1).then_some(()))
            })
            .await?;
            assert_eq!(test.env.emulator.tokens(DEMO.id).await, tokens);
            assert_eq!(test.env.emulator.calls("POST", "/auth_tokens").await, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn sign_out_clears_browser_and_server() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let token = test.env.emulator.tokens(DEMO.id).await.concat();
            assert!(!test.page.driver.get_all_cookies().await?.is_empty());

            test.page.click("#sign-out").await?;
            test.page.see("#login").await?;
            test.page.see("p.notice[role=status][data-reason=signed_out]").await?;
            eventually("CometChat to know no token of the user, and no socket", async || {
                let gone = test.env.emulator.tokens(DEMO.id).await.is_empty()
                    && test.env.emulator.authenticated_sockets(DEMO.id).await == 0;
                Ok(gone.then_some(()))
            })
            .await?;
            // The device cookie stays. It gives no access, and only marks a known browser.
            let cookies = test.page.driver.get_all_cookies().await?;
            ensure!(
                cookies.iter().all(|cookie| cookie.name == "cometchat-auth-3000-device"),
                "left: {cookies:?}"
            );
            let stored =
                test.page.script("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await?;
            ensure!(!stored.to_string().contains(&token), "the token is still in {stored}");
            ensure!(!stored.to_string().contains(DEMO.email), "the user is still in {stored}");

            test.page.driver.back().await?;
            test.page.open("/").await?;
            test.page.see("#login").await?;
            assert!(!test.page.is_there("[data-page=chat]").await?);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn back_button_shows_no_user_data_after_sign_out() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.page.click("#sign-out").await?;
            test.page.see("#login").await?;
            test.page.driver.back().await?;
            eventually("the page to be settled", async || {
                let body = test.page.script("return document.readyState + document.body.innerText").await?;
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
async fn externally_revoked_chat_token_heals_on_reload() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/v3.0/users/test-user-id - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let old = test.env.emulator.tokens(DEMO.id).await;
            for token in &old {
                test.env.emulator.revoke(DEMO.id, token).await;
            }
            test.page.driver.refresh().await?;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.chat_user().await?, DEMO.id);
            let new = test.env.emulator.tokens(DEMO.id).await;
            assert_eq!(new.len(), 1);
            assert_ne!(new, old);
            eventually("the socket to be proven with the new token", async || {
                Ok((test.env.emulator.authenticated_sockets(DEMO.id).await == 1).then_some(()))
            })
            .await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn session_ended_elsewhere_shows_the_form_with_reason() -> Result<()> {
    Scenario::default()
        // The SDK logs out of CometChat with a token that the server has revoked.
        .expect_console_error("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.end_session_elsewhere().await?;
            // The event that the browser sends when the tab becomes visible.
            test.page.script("document.dispatchEvent(new Event('visibilitychange'))").await?;
            test.page.see("p.notice[role=status][data-reason=ended]").await?;
            test.page.see("#login").await?;

            test.submit(DEMO.email, DEMO.password).await?;
            test.page.see(CONNECTED).await?;
            test.end_session_elsewhere().await?;
            test.page.driver.refresh().await?;
            test.page.see("p.notice[role=status][data-reason=ended]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn session_survives_a_server_restart() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.env.kill();
            test.env.start();
            test.page.driver.refresh().await?;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.env.emulator.calls("POST", "/auth_tokens").await, 1);
            let response = test.env.http.get(test.url(routes::SESSION)).send().await?;
            assert_eq!(response.status(), 401, "a request without the cookie is not signed in");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn visible_page_notices_that_its_session_has_ended() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            // The test decides when the interval fires.
            let clock = "window.rounds = [];
                window.setInterval = (round) => window.rounds.push(round);
                window.clearInterval = () => {};";
            test.page.before_every_page(clock).await?;
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            // The server cannot revoke the chat token, so the connection stays.
            test.env.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
            test.end_session_elsewhere().await?;
            ensure!(
                test.page.is_there("[data-page=chat]").await?,
                "the page noticed before the interval fired"
            );
            test.page.script("window.rounds.forEach(round => round())").await?;
            test.page.see("#login").await?;
            assert_eq!(
                test.page.see("p.notice").await?.text().await?,
                "Your session has ended. Please sign in again."
            );
            Ok(())
        })
        .await
}
