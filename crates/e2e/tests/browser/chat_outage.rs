//! CometChat slow, gone and back, from its side: the app stays usable, and chat comes back by itself.

use e2e::{DEMO, Result, Scenario, eventually};
use serde_json::json;

const CONNECTED: &str = "#chat-status[data-state=connected]";
const UNAVAILABLE: &str = "#chat-status[data-state=unavailable]";
const NO_TOKEN: &str =
    "/api/session/chat-token - Failed to load resource: the server responded with a status of 503";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn with_cometchat_gone_signing_in_works_and_chat_follows_when_it_is_back() -> Result<()> {
    Scenario::default()
        .provokes(NO_TOKEN)
        .run(async |stage| {
            stage.system.break_cometchat(json!({"api": "rest", "kind": "drop"})).await?;
            stage.sign_in().await?;
            stage.page.see(UNAVAILABLE).await?;
            assert!(stage.system.tokens(DEMO.id).await?.is_empty());
            stage.system.heal_cometchat().await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.chat_user().await?, DEMO.id);
            assert_eq!(stage.system.authenticated_sockets(DEMO.id).await?, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_chat_that_never_answers_the_browser_is_given_up_and_tried_again() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.system.break_cometchat(json!({"api": "client", "kind": "hang"})).await?;
            stage.sign_in().await?;
            stage.page.see(UNAVAILABLE).await?;
            stage.system.heal_cometchat().await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.chat_user().await?, DEMO.id);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn signing_out_while_cometchat_is_gone_revokes_the_token_when_it_is_back() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_")
        .provokes("WebSocket connection to")
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            stage.system.break_cometchat(json!({"api": "all", "kind": "drop"})).await?;
            stage.page.click("#sign-out").await?;
            stage.page.see("#login").await?;
            assert_eq!(stage.system.tokens(DEMO.id).await?.len(), 1);
            stage.system.heal_cometchat().await?;
            eventually("the token to be revoked", async || {
                Ok(stage.system.tokens(DEMO.id).await?.is_empty().then_some(()))
            })
            .await
        })
        .await
}
