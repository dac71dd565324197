//! Takes the README's screenshots: `make screenshots`. No test, because it writes into docs/.

use e2e::{CONNECTED, Page, Result, Scenario, Scheme};
use std::path::Path;

async fn take(page: &Page, name: &str) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(page.driver.screenshot(&folder.join(name)).await?)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes docs/screenshots: make screenshots"]
async fn take_screenshots() -> Result<()> {
    Scenario::default()
        .populated()
        .run(async |test| {
            let page = &test.page;
            page.show_as(1000, 680, Scheme::Light).await?;
            page.open("/").await?;
            page.see("#login").await?;
            take(page, "login.png").await?;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            page.click("a[href='/chat/grace']").await?;
            page.see("#messages .message").await?;
            page.see_gone("a[href='/chat/grace'] .unread-count").await?;
            take(page, "chat.png").await?;
            page.show_as(1000, 680, Scheme::Dark).await?;
            take(page, "chat-dark.png").await?;
            page.show_as(390, 680, Scheme::Light).await?;
            take(page, "chat-narrow.png").await?;
            page.open("/account").await?;
            page.see("#sessions li").await?;
            page.show_as(1000, 1480, Scheme::Light).await?;
            take(page, "account.png").await
        })
        .await
}
