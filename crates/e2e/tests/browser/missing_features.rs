//! Browsers that lack or block something that the page needs: cookies, storage, WebAssembly.

use crate::register::GOOD;
use e2e::{DEMO, Result, Scenario, TestContext, ensure};

/// The browser's setting "block all cookies", which also blocks the storage of scripts.
const COOKIES: &str = "profile.default_content_setting_values.cookies";
const BLOCK: u32 = 2;

const NOT_SIGNED_IN: &str = "the server responded with a status of 401";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn login_without_cookies_says_to_allow_them() -> Result<()> {
    Scenario::default()
        .preference(COOKIES, BLOCK)
        .expect_console_error(NOT_SIGNED_IN)
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            for _ in 0..2 {
                test.submit(DEMO.email, DEMO.password).await?;
                let notice = page.see(".notice[role=alert][data-code=cookie_blocked]").await?.text().await?;
                ensure!(notice.contains("Allow cookies"), "{notice}");
            }
            assert_eq!(page.see("#email").await?.prop("value").await?.as_deref(), Some(DEMO.email));
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn registration_without_cookies_says_to_allow_them() -> Result<()> {
    Scenario::default()
        .preference(COOKIES, BLOCK)
        .expect_console_error(NOT_SIGNED_IN)
        .run(async |test| {
            let page = &test.page;
            page.open("/register").await?;
            for (field, text) in [("#name", "Ada"), ("#email", "ada@example.com"), ("#password", GOOD)] {
                page.fill(field, text).await?;
            }
            page.click("#register button[type=submit]").await?;
            page.see(".notice[role=alert][data-code=cookie_blocked]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn blocked_storage_is_named_as_the_cause() -> Result<()> {
    Scenario::default()
        // Of the SDK.
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

/// Opens the login form in a browser with this script in every page, and checks the message.
async fn names_webassembly(test: &TestContext, script: &str) -> Result<()> {
    let page = &test.page;
    page.before_every_page(script).await?;
    page.driver.goto(test.url("/")).await?;
    let message = page.see("#no-webassembly").await?.text().await?;
    ensure!(message.contains("WebAssembly"), "{message}");
    ensure!(!page.is_there("#fatal-error:not([hidden])").await?, "it offers a reload, which does not help");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn missing_webassembly_is_named() -> Result<()> {
    Scenario::default().run(async |test| names_webassembly(test, "delete window.WebAssembly").await).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn refused_webassembly_is_named() -> Result<()> {
    let refused = "WebAssembly.instantiateStreaming = WebAssembly.instantiate =
        async () => { throw new WebAssembly.CompileError('refused') }";
    Scenario::default().run(async |test| names_webassembly(test, refused).await).await
}
