//! Browsers that lack or block something that the page needs: cookies, storage, WebAssembly.

use crate::register::GOOD;
use e2e::{CONNECTED, DEMO, Result, Scenario, TestContext, ensure};
use serde_json::json;
use shared::routes;

/// The browser's setting "block all cookies", which also blocks the storage of scripts.
const COOKIES: &str = "profile.default_content_setting_values.cookies";
const BLOCK: u32 = 2;

fn without_cookies() -> Scenario {
    Scenario::default().preference(COOKIES, BLOCK)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn login_without_cookies_says_to_allow_them() -> Result<()> {
    without_cookies()
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            for _ in 0..2 {
                test.submit(DEMO.email, DEMO.password).await?;
                let notice = page.see(".notice[role=alert][data-code=cookie_blocked]").await?.text().await?;
                ensure!(notice.contains("Allow cookies"), "{notice}");
            }
            assert_eq!(page.see("#email").await?.prop("value").await?.as_deref(), Some(DEMO.email));
            // There is no session that only the server knows.
            assert_eq!(page.requests(routes::LOGIN).await?, 0);
            ensure!(test.env.emulator.tokens(DEMO.id).await.is_empty(), "the user has a chat token");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn registration_without_cookies_says_to_allow_them() -> Result<()> {
    without_cookies()
        .run(async |test| {
            let page = &test.page;
            page.open("/register").await?;
            for (field, text) in [("#name", "Ada"), ("#email", "ada@example.com"), ("#password", GOOD)] {
                page.fill(field, text).await?;
            }
            page.click("#register button[type=submit]").await?;
            page.see(".notice[role=alert][data-code=cookie_blocked]").await?;
            assert_eq!(page.requests(routes::REGISTER).await?, 0);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn blocked_storage_is_named_as_the_cause() -> Result<()> {
    Scenario::default()
        // The SDK logs these.
        .expect_console_error("Uncaught Error: No available storage method found")
        .expect_console_error("Uncaught DOMException")
        .run(async |test| {
            let page = &test.page;
            let blocked = "for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
                Object.defineProperty(window, name, { get() { throw new DOMException('', 'SecurityError') } })";
            page.before_every_page(blocked).await?;
            test.sign_in().await?;
            page.see("#chat-status[data-state=storage_blocked]").await?;
            let advice = page.see(".list .empty").await?.text().await?;
            ensure!(advice.starts_with("Allow this site to store data"), "{advice}");
            page.open("/chat/grace").await?;
            page.see(".banner").await?;
            ensure!(!page.is_there("#message").await?, "there is a field for messages that cannot be sent");
            Ok(())
        })
        .await
}

/// Fills the storage of the page's origin.
const FULL_STORAGE: &str = "for (let size = 1 << 20, item = 0; size > 0; item += 1) {
        try {
            localStorage.setItem(`other-${item}`, 'x'.repeat(size));
        } catch {
            size >>= 1;
        }
    }";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn storage_without_room_for_a_session_is_named() -> Result<()> {
    Scenario::default()
        // The SDK logs this.
        .expect_console_error("/CometChat.js 0:220784")
        .run(async |test| {
            test.page.before_every_page(FULL_STORAGE).await?;
            test.sign_in().await?;
            test.page.see("#chat-status[data-state=storage_blocked]").await?;
            let advice = test.page.see(".list .empty").await?.text().await?;
            ensure!(advice.contains("or clear its data"), "{advice}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn full_storage_does_not_end_a_stored_session() -> Result<()> {
    Scenario::default()
        .expect_console_error("WebSocket connection to")
        .expect_console_error("net::ERR_")
        // The SDK's telemetry does not handle failed requests.
        .expect_console_error("/chat 0:0")
        .run(async |test| {
            let page = &test.page;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            page.script(FULL_STORAGE).await?;
            test.env.emulator.add_fault(json!({"api": "all", "kind": "drop"})).await;
            test.env.emulator.cut_sockets(DEMO.id).await;
            page.see("#chat-status[data-state=unavailable]").await?;
            test.env.emulator.clear_faults().await;
            page.see(CONNECTED).await.map(drop)
        })
        .await
}

/// Opens the login form in a browser with this script in every page, and returns the message that is shown.
async fn open_without_program(test: &TestContext, script: &str, shown: &str, hidden: &str) -> Result<String> {
    let page = &test.page;
    page.before_every_page(script).await?;
    page.driver.goto(test.url("/")).await?;
    let message = page.see(shown).await?.text().await?;
    ensure!(!page.is_there(&format!("{hidden}:not([hidden])")).await?, "{hidden} is shown too");
    Ok(message)
}

/// Checks that the page names the cause, and offers no reload, which does not help.
async fn check_webassembly_message(test: &TestContext, script: &str) -> Result<()> {
    let message = open_without_program(test, script, "#no-webassembly", "#fatal-error").await?;
    ensure!(message.contains("WebAssembly"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn missing_webassembly_shows_message() -> Result<()> {
    Scenario::default()
        .run(async |test| check_webassembly_message(test, "delete window.WebAssembly").await)
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn refused_webassembly_shows_message() -> Result<()> {
    let refused = "const refuse = () => { throw new WebAssembly.CompileError('refused') };
        WebAssembly.Module = class { constructor() { refuse() } };
        WebAssembly.instantiateStreaming = WebAssembly.instantiate = async () => refuse()";
    Scenario::default().run(async |test| check_webassembly_message(test, refused).await).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn damaged_program_offers_a_reload() -> Result<()> {
    // As from a proxy that answers with a page of its own.
    let damaged = "const load = window.fetch;
        window.fetch = async (resource, options) => {
            const response = await load(resource, options);
            const html = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } });
            return response.url.endsWith('.wasm') ? html() : response;
        }";
    Scenario::default()
        .expect_console_error("WebAssembly")
        .run(async |test| {
            let message = open_without_program(test, damaged, "#fatal-error", "#no-webassembly").await?;
            ensure!(message.contains("Reload the page"), "{message}");
            Ok(())
        })
        .await
}
