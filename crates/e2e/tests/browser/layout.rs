//! The layout of all pages from 320 pixels up, in light and dark.

use e2e::{CONNECTED, DEMO, Page, Result, Scenario, Scheme, TestContext, ensure, screenshots};
use serde_json::json;

/// Types a message that is too long to be sent.
const TYPE_TOO_MUCH: &str = "document.querySelector('#message').focus();
    document.execCommand('insertText', false, 'long '.repeat(1000))";

async fn check_layout(page: &Page, name: &str) -> Result<()> {
    for (scheme, shade) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        for width in [320, 1000, 1600] {
            page.show_as(width, if name.starts_with("account") { 1900 } else { 760 }, scheme).await?;
            let overflow = page
                .script("const e = document.scrollingElement; return e.scrollWidth - e.clientWidth")
                .await?;
            let a11y_violations = page.a11y_violations().await?;
            ensure!(
                a11y_violations.is_empty(),
                "{name}, {width} px wide, {shade}:\n{}",
                a11y_violations.join("\n")
            );
            page.driver.screenshot(&screenshots()?.join(format!("{name}-{shade}-{width}.png"))).await?;
            ensure!(overflow == 0, "{name}, {width} px wide, can be scrolled sideways by {overflow} px");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn pages_fit_320_pixels_and_are_accessible() -> Result<()> {
    Scenario::default()
        .populated()
        .expect_console_error("/v3.0/users")
        .expect_console_error(
            "/v3.0/messages - Failed to load resource: the server responded with a status of 500",
        )
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |test| {
            test.page.open("/").await?;
            test.page.see("#login").await?;
            check_layout(&test.page, "login").await?;
            test.page.click("#login button[type=submit]").await?;
            test.page.see("#email-error").await?;
            check_layout(&test.page, "login-incomplete").await?;
            test.submit(&format!("{}@example.com", "long.".repeat(30)), "not the password").await?;
            test.page.see("p.notice[role=alert]").await?;
            check_layout(&test.page, "login-refused").await?;
            test.page.open("/register").await?;
            test.page.see("#register").await?;
            check_layout(&test.page, "register").await?;
            test.page.click("#register button[type=submit]").await?;
            test.page.see("#password-error").await?;
            check_layout(&test.page, "register-incomplete").await?;
            test.page.open("/no/such/page").await?;
            test.page.see("main[data-page=not-found]").await?;
            check_layout(&test.page, "not-found").await?;
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.page.see("#conversations .unread-count").await?;
            check_layout(&test.page, "list").await?;
            let refused =
                json!({"api": "client", "path": "/users", "kind": "status", "status": 500, "code": "ERR"});
            test.env.emulator.add_fault(refused).await;
            test.page.fill("#search", "zzz").await?;
            test.page.see(".list-end button").await?;
            check_layout(&test.page, "search-failed").await?;
            test.env.emulator.clear_faults().await;
            test.page.click(".list-end button").await?;
            test.page.see(".list .empty").await?;
            test.page.open("/chat").await?;
            test.page.see(CONNECTED).await?;
            test.page.click("a[href='/chat/grace']").await?;
            test.page.see("#messages .message").await?;
            test.env.emulator.refuse_next("POST", "/messages").await;
            test.page.fill("#message", "Of course :)").await?;
            test.page.click("#send").await?;
            test.page.see("#messages .message.failed").await?;
            check_layout(&test.page, "chat").await?;
            test.page.script(TYPE_TOO_MUCH).await?;
            test.page.see("#message-too-long").await?;
            check_layout(&test.page, "chat-too-long").await?;
            test.page.show_as(1000, 760, Scheme::Light).await?;
            test.page.click("a[href='/account']").await?;
            test.page.see("#sessions li").await?;
            test.page.click("#delete-account summary").await?;
            check_layout(&test.page, "account").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn error_pages_fit_320_pixels_and_are_accessible() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_BLOCKED_BY_CLIENT")
        .expect_console_error(
            "/api/session/chat-token - Failed to load resource: the server responded with a status of 503",
        )
        .expect_console_error(
            "/api/session/chat-token - Failed to load resource: the server responded with a status of 403",
        )
        .expect_console_error("/v3.0/users/")
        .expect_console_error("/v3.0/conversations?")
        .expect_console_error("/v3.0/me - ")
        // The SDK's telemetry logs this, at any time.
        .expect_console_error("/v3.0/user_sessions - ")
        .expect_console_error("/chat/grace 0:0")
        .run(async |test| {
            test.env.emulator.add_fault(json!({"api": "rest", "kind": "drop"})).await;
            test.sign_in().await?;
            test.page.block(&["*/api/session"]).await?;
            test.page.open("/").await?;
            test.page.see("[data-page=unreachable]").await?;
            check_layout(&test.page, "unreachable").await?;
            test.page.block(&[]).await?;
            test.page.show_as(1000, 760, Scheme::Light).await?;
            test.page.open("/").await?;
            test.page.see("#chat-status[data-state=unavailable]").await?;
            check_layout(&test.page, "chat-unavailable").await?;
            test.page.open("/chat/unknown").await?;
            test.page.see(".banner").await?;
            check_layout(&test.page, "thread-unavailable").await?;
            test.env.emulator.clear_faults().await;
            test.page.see(CONNECTED).await?;
            test.env.emulator.rest("DELETE", "/users", json!({"uidsToDeactivate": [DEMO.id]})).await.data();
            test.page.show_as(1000, 760, Scheme::Light).await?;
            test.page.open("/chat/grace").await?;
            test.page.see("#chat-status[data-state=disabled]").await?;
            check_layout(&test.page, "thread-disabled").await?;
            test.page.show_as(1000, 760, Scheme::Light).await?;
            test.page.open("/chat").await?;
            test.page.see("#chat-status[data-state=disabled]").await?;
            check_layout(&test.page, "chat-disabled").await?;
            test.page.before_every_page("delete window.WebAssembly").await?;
            test.page.driver.goto(test.url("/")).await?;
            test.page.see("#no-webassembly").await?;
            check_layout(&test.page, "no-webassembly").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn page_follows_the_color_scheme() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/").await?;
            test.page.see("#login").await?;
            let mut shades = Vec::new();
            for scheme in [Scheme::Light, Scheme::Dark] {
                test.page.show_as(1000, 760, scheme).await?;
                // The painted colour, independent of its CSS notation.
                let painted = "const c = new OffscreenCanvas(1, 1).getContext('2d', {colorSpace: 'srgb'});
                    const shown = [document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor)
                        .find(colour => colour !== 'rgba(0, 0, 0, 0)');
                    c.fillStyle = shown; c.fillRect(0, 0, 1, 1);
                    return c.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part) / 3";
                shades.push(test.page.script(painted).await?.as_f64().unwrap_or_default());
            }
            ensure!(shades[0] > 200.0 && shades[1] < 60.0, "light and dark ground: {shades:?}");
            Ok(())
        })
        .await
}

/// The elements that can be scrolled sideways, except fields.
const WIDE: &str = "return [...document.querySelectorAll('*')].filter((element) => {
    const scrolls = element === document.scrollingElement || /auto|scroll/.test(getComputedStyle(element).overflowX);
    return scrolls && !/INPUT|TEXTAREA/.test(element.nodeName) && element.scrollWidth > element.clientWidth;
}).map((element) => `${element.nodeName}.${element.className}: ${element.scrollWidth} of ${element.clientWidth} px`)";

/// Checks the page that is shown at many widths, with text of this size in percent of the browser's setting.
async fn check_widths(page: &Page, name: &str, text_percent: u32) -> Result<()> {
    let set = |size: u32| format!("document.documentElement.style.fontSize = '{size}%'");
    page.script(&set(text_percent)).await?;
    for width in [320, 400, 500, 640, 800, 1000, 1280, 1600] {
        page.show_as(width, 760, Scheme::Light).await?;
        let wide = page.script(WIDE).await?;
        if wide != json!([]) || width == 320 || width == 800 {
            let file = format!("{name}-{width}-text-{text_percent}.png");
            page.driver.screenshot(&screenshots()?.join(file)).await?;
        }
        ensure!(wide == json!([]), "{name}, {width} px wide, text at {text_percent} %: {wide}");
    }
    page.show_as(1000, 760, Scheme::Light).await?;
    page.script(&set(100)).await.map(drop)
}

fn text_size_scenario() -> Scenario {
    Scenario::default()
        .populated()
        .expect_console_error("the server responded with a status of 500")
        .expect_console_error("the server responded with a status of 401")
}

/// Opens every page and checks it with text of each of these sizes.
async fn check_text_sizes(test: &TestContext, sizes: &[u32]) -> Result<()> {
    let page = &test.page;
    let check = async |name: &str| {
        for size in sizes {
            check_widths(page, name, *size).await?;
        }
        Ok(())
    };
    page.open("/").await?;
    test.submit("ada@example.com", "not the password").await?;
    page.see("p.notice[role=alert]").await?;
    check("login").await?;
    page.open("/register").await?;
    page.click("#register button[type=submit]").await?;
    page.see("#password-error").await?;
    check("register").await?;
    test.sign_in().await?;
    page.see(CONNECTED).await?;
    page.see("#conversations .unread-count").await?;
    check("list").await?;
    page.script("document.querySelector(\"a[href='/chat/grace']\").click()").await?;
    page.see("#messages .message").await?;
    test.env.emulator.refuse_next("POST", "/messages").await;
    page.fill("#message", &"Donaudampfschifffahrt".repeat(4)).await?;
    page.click("#send").await?;
    page.see("#messages .message.failed").await?;
    page.script(TYPE_TOO_MUCH).await?;
    page.see("#message-too-long").await?;
    check("chat").await?;
    let excess = "const page = document.scrollingElement; return page.scrollHeight - page.clientHeight";
    assert_eq!(page.script(excess).await?, 0, "pixels by which the whole chat can be scrolled");
    page.open("/account").await?;
    page.see("#sessions li").await?;
    page.script("document.querySelector('#delete-account').open = true").await?;
    check("account").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn pages_with_200_percent_text_fit_any_width() -> Result<()> {
    text_size_scenario().run(async |test| check_text_sizes(test, &[100, 200]).await).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn pages_fit_with_large_text_set_in_the_browser() -> Result<()> {
    text_size_scenario()
        .preference("webkit.webprefs.default_font_size", 32)
        .run(async |test| check_text_sizes(test, &[100]).await)
        .await
}
