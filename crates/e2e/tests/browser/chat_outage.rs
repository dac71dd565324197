//! Outages of CometChat: the app stays usable, and chat recovers by itself.

use e2e::{DEMO, Result, Scenario, eventually};
use serde_json::json;

const CONNECTED: &str = "#chat-status[data-state=connected]";
const UNAVAILABLE: &str = "#chat-status[data-state=unavailable]";
const NO_TOKEN: &str =
    "/api/session/chat-token - Failed to load resource: the server responded with a status of 503";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn login_works_without_cometchat_and_chat_follows() -> Result<()> {
    Scenario::default()
        .expect_console_error(NO_TOKEN)
        .run(async |test| {
            test.env.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
            test.sign_in().await?;
            test.page.see(UNAVAILABLE).await?;
            assert!(test.env.emulator.tokens(DEMO.id).await.is_empty());
            test.env.emulator.clear_faults().await;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.chat_user().await?, DEMO.id);
            assert_eq!(test.env.emulator.authenticated_sockets(DEMO.id).await, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn hanging_cometchat_times_out_and_is_retried() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.env.emulator.add_fault(json!({"api": "client", "kind": "hang"})).await;
            test.sign_in().await?;
            test.page.see(UNAVAILABLE).await?;
            test.env.emulator.clear_faults().await;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.chat_user().await?, DEMO.id);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn sign_out_during_outage_revokes_the_token_later() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_")
        .expect_console_error("WebSocket connection to")
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.env.emulator.add_fault(json!({"api": "all", "kind": "drop"})).await;
            test.page.click("#sign-out").await?;
            test.page.see("#login").await?;
            assert_eq!(test.env.emulator.tokens(DEMO.id).await.len(), 1);
            test.env.emulator.clear_faults().await;
            eventually("the token to be revoked", async || {
                Ok(test.env.emulator.tokens(DEMO.id).await.is_empty().then_some(()))
            })
            .await
        })
        .await
}
