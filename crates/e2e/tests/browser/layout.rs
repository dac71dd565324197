//! How the pages look: on the narrowest screen, in light and in dark.

use e2e::{Page, Result, Scenario, Scheme, ensure, pictures};
use serde_json::json;

async fn look(page: &Page, name: &str) -> Result<()> {
    for (scheme, shade) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        for width in [320, 1000, 1600] {
            page.show_as(width, if name.starts_with("account") { 1900 } else { 760 }, scheme).await?;
            let overflow = page
                .script("const e = document.scrollingElement; return e.scrollWidth - e.clientWidth")
                .await?;
            let barriers = page.barriers().await?;
            ensure!(barriers.is_empty(), "{name}, {width} px wide, {shade}:\n{}", barriers.join("\n"));
            page.driver.screenshot(&pictures()?.join(format!("{name}-{shade}-{width}.png"))).await?;
            ensure!(overflow == 0, "{name}, {width} px wide, can be scrolled sideways by {overflow} px");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn no_page_scrolls_sideways_from_320_pixels_up_or_bars_anybody() -> Result<()> {
    Scenario::default()
        .populated()
        .provokes("/v3.0/messages - Failed to load resource: the server responded with a status of 500")
        .provokes("/api/login - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            look(&stage.page, "login").await?;
            stage.page.click("#login button[type=submit]").await?;
            stage.page.see("#email-fault").await?;
            look(&stage.page, "login-incomplete").await?;
            stage.submit(&format!("{}@example.com", "long.".repeat(30)), "not the password").await?;
            stage.page.see("p.note[role=alert]").await?;
            look(&stage.page, "login-refused").await?;
            stage.page.open("/register").await?;
            stage.page.see("#register").await?;
            look(&stage.page, "register").await?;
            stage.page.click("#register button[type=submit]").await?;
            stage.page.see("#password-fault").await?;
            look(&stage.page, "register-incomplete").await?;
            stage.page.open("/no/such/page").await?;
            stage.page.see("main[data-page=not-found]").await?;
            look(&stage.page, "not-found").await?;
            stage.sign_in().await?;
            stage.page.see("#chat-status[data-state=connected]").await?;
            stage.page.see("#conversations .count").await?;
            look(&stage.page, "list").await?;
            stage.page.click("a[href='/chat/grace']").await?;
            stage.page.see("#log .msg").await?;
            let refused = json!({"api": "client", "method": "POST", "path": "/messages", "kind": "status",
                                 "status": 500, "code": "ERR", "times": 1});
            stage.system.break_cometchat(refused).await?;
            stage.page.fill("#message", "Of course :)").await?;
            stage.page.click("#send").await?;
            stage.page.see("#log .msg.failed").await?;
            look(&stage.page, "chat").await?;
            stage.page.show_as(1000, 760, Scheme::Light).await?;
            stage.page.click("a[href='/account']").await?;
            stage.page.see("#sessions li").await?;
            stage.page.click("#delete-account summary").await?;
            look(&stage.page, "account").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn nor_does_a_page_in_trouble() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_BLOCKED_BY_CLIENT")
        .provokes(
            "/api/session/chat-token - Failed to load resource: the server responded with a status of 503",
        )
        .run(async |stage| {
            stage.system.break_cometchat(json!({"api": "rest", "kind": "drop"})).await?;
            stage.sign_in().await?;
            stage.page.block(&["*/api/session"]).await?;
            stage.page.open("/").await?;
            stage.page.see("[data-page=unreachable]").await?;
            look(&stage.page, "unreachable").await?;
            stage.page.block(&[]).await?;
            stage.page.show_as(1000, 760, Scheme::Light).await?;
            stage.page.open("/").await?;
            stage.page.see("#chat-status[data-state=unavailable]").await?;
            look(&stage.page, "chat-unavailable").await?;
            stage.page.open("/chat/somebody").await?;
            stage.page.see(".strip").await?;
            look(&stage.page, "thread-unavailable").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_dark_page_is_dark_and_the_light_one_light() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            let mut shades = Vec::new();
            for scheme in [Scheme::Light, Scheme::Dark] {
                stage.page.show_as(1000, 760, scheme).await?;
                // The colour as it is painted, whatever the notation it is written in.
                let painted = "const c = new OffscreenCanvas(1, 1).getContext('2d', {colorSpace: 'srgb'});
                    const shown = [document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor)
                        .find(colour => colour !== 'rgba(0, 0, 0, 0)');
                    c.fillStyle = shown; c.fillRect(0, 0, 1, 1);
                    return c.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part) / 3";
                shades.push(stage.page.script(painted).await?.as_f64().unwrap_or_default());
            }
            ensure!(shades[0] > 200.0 && shades[1] < 60.0, "light and dark ground: {shades:?}");
            Ok(())
        })
        .await
}
