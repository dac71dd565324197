//! Outages of CometChat: the app stays usable, and chat recovers by itself.

use e2e::{CONNECTED, DEMO, Result, Scenario, TestContext, ensure, eventually};
use serde_json::json;
use shared::routes;

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

/// Returns how often the page has asked the server for a token and CometChat for a login, and the server for tokens.
async fn login_attempts(test: &TestContext) -> Result<[usize; 3]> {
    let (page, emulator) = (&test.page, &test.env.emulator);
    Ok([
        page.requests(routes::CHAT_TOKEN).await?,
        page.requests("/v3.0/me").await?,
        emulator.calls("POST", "/auth_tokens").await,
    ])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn deactivated_user_reads_that_chat_is_off() -> Result<()> {
    const DISABLED: &str = "#chat-status[data-state=disabled]";
    Scenario::default()
        .expect_console_error("the server responded with a status of 401")
        .expect_console_error("the server responded with a status of 403")
        .expect_console_error("WebSocket connection to")
        // The SDK's telemetry does not handle rejected requests.
        .expect_console_error("/chat/grace 0:0")
        .run(async |test| {
            let page = &test.page;
            test.open_grace().await?;

            // During a conversation.
            test.env.emulator.rest("DELETE", "/users", json!({"uidsToDeactivate": [DEMO.id]})).await.data();
            page.see(DISABLED).await?;
            let banner = page.see(".banner").await?.text().await?;
            ensure!(banner.starts_with("Chat is switched off for your account."), "{banner}");
            ensure!(!page.is_there("#message").await?, "there is a field for messages that cannot be sent");
            // The page asks no more, not even when the network changes.
            let before = login_attempts(test).await?;
            for _ in 0..3 {
                let checks = page.requests(routes::SESSION).await?;
                page.script("dispatchEvent(new Event('online'))").await?;
                page.script("document.dispatchEvent(new Event('visibilitychange'))").await?;
                eventually("the session to be checked", async || {
                    Ok((page.requests(routes::SESSION).await? > checks).then_some(()))
                })
                .await?;
            }
            assert_eq!(login_attempts(test).await?, before);

            // From the login on.
            page.click("#sign-out").await?;
            page.see("#login").await?;
            test.submit(DEMO.email, DEMO.password).await?;
            page.see("[data-page=chat]").await?;
            page.see(DISABLED).await?;
            let empty = page.see(".list .empty").await?.text().await?;
            ensure!(empty.contains("appear when chat is switched on"), "{empty}");
            ensure!(empty.ends_with("reload this page."), "{empty}");
            test.env.emulator.rest("PUT", "/users", json!({"uidsToActivate": [DEMO.id]})).await.data();
            page.driver.refresh().await?;
            page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

/// Replaces the browser's first socket with one that neither opens nor closes.
const SILENT_SOCKET: &str = "const Socket = window.WebSocket;
    let count = 0;
    window.WebSocket = new Proxy(Socket, {
        construct(target, args) {
            count += 1;
            if (count > 1) return new target(...args);
            return Object.assign(new EventTarget(), { readyState: Socket.CONNECTING, send() {}, close() {} });
        },
    });";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn socket_that_never_opens_is_replaced() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.before_every_page(SILENT_SOCKET).await?;
            test.sign_in().await?;
            test.page.see(UNAVAILABLE).await?;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.env.emulator.authenticated_sockets(DEMO.id).await, 1);
            Ok(())
        })
        .await
}
